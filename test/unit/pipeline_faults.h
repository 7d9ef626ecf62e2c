/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets made to be dropped, and the test that each is dropped by the stage and for the reason
 * that its line in a table says: one stage of each kind, peer 0 with a session.
 */
#ifndef PIPELINE_FAULTS_H
#define PIPELINE_FAULTS_H

#include "test_pipeline.h"

#define SOME UINT_MAX /* at least one */

struct fault {
	const char *name;
	unsigned int (*provoke)(struct bed *bed); /* returns how many packets it lost */
	enum tg_stage_kind stage;
	enum tg_drop why;
	enum tg_drop also; /* 0, or a reason that cannot be avoided (0 itself is tested as why) */
	struct bed_params bed;
};

#define FAULT(fn, kind, reason, ...)                                                               \
	{                                                                                          \
		.name = #fn, .provoke = fn, .stage = TG_STAGE_##kind, .why = TG_DROP_##reason,     \
		__VA_ARGS__                                                                        \
	}

/*
 * Frames and packets to be spoilt.
 */
static inline uint8_t *
ip_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct rte_ether_hdr));
}

static inline void
fix_checksum(uint8_t *p)
{
	struct rte_ipv4_hdr *ip = (void *)p;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/* From the LAN to peer 0 over IPv4 (flow 0) or IPv6 (flow 2), 100 bytes of payload. */
static inline struct rte_mbuf *
lan_frame(struct bed *bed, uint32_t flow)
{
	uint8_t p[2048];
	uint16_t len = bed_packet(bed, p, BED_LAN, 0, flow, 100);

	return bed_frame(bed, LAN, p, len);
}

static inline unsigned int
feed_lan(struct bed *bed, struct rte_mbuf *m)
{
	bed_feed(bed, LAN, m);
	return 1;
}

static inline unsigned int
lan_byte(struct bed *bed, unsigned int at, uint8_t value)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	ip_of(m)[at] = value;
	fix_checksum(ip_of(m));
	return feed_lan(bed, m);
}

/* With DF: a packet of len bytes that must not be cut. */
static inline unsigned int
lan_whole(struct bed *bed, unsigned int to, uint16_t len)
{
	uint8_t p[2048];

	len = bed_packet(bed, p, BED_LAN, to, 0, (uint16_t)(len - 28));
	p[6] = RTE_IPV4_HDR_DF_FLAG >> 8;
	fix_checksum(p);
	return feed_lan(bed, bed_frame(bed, LAN, p, len));
}

static inline unsigned int
lan_to(struct bed *bed, uint8_t b, uint8_t c, uint8_t ttl)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	ip_of(m)[8] = ttl;
	memcpy(ip_of(m) + 16, (const uint8_t[]){10, b, c, 2}, 4);
	fix_checksum(ip_of(m));
	return feed_lan(bed, m);
}

/* From behind peer 0 to the LAN, IPv4, 100 bytes of payload; returns its length. */
static inline uint16_t
inner(struct bed *bed, uint8_t *p)
{
	return bed_packet(bed, p, 0, BED_LAN, 1, 100);
}

static inline unsigned int
site_byte(struct bed *bed, unsigned int at, uint8_t value)
{
	uint8_t p[2048];
	uint16_t len = inner(bed, p);

	p[at] = value;
	fix_checksum(p);
	bed_remote_send(bed, 0, p, len);
	return 1;
}

static inline unsigned int
site_to(struct bed *bed, uint8_t b, uint8_t c)
{
	uint8_t p[2048];
	uint16_t len = inner(bed, p);

	memcpy(p + 16, (const uint8_t[]){10, b, c, 2}, 4);
	fix_checksum(p);
	bed_remote_send(bed, 0, p, len);
	return 1;
}

static inline unsigned int
message(struct bed *bed, uint32_t type, uint32_t receiver, uint16_t len)
{
	uint8_t msg[256] = {0};
	struct wg_data *data = (void *)msg;

	data->type = rte_cpu_to_le_32(type);
	data->receiver = rte_cpu_to_le_32(receiver);
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0));
	return 1;
}

/*
 * Full rings: they hold 1023.
 */
static inline void
send_many(struct bed *bed, unsigned int n, bool crypto, bool tx)
{
	for (; n; n--) {
		bed_lan_send(bed, 0, 0, 100);
		bed_rx(bed);
		if (crypto)
			bed_crypto(bed);
		if (tx)
			bed_tx(bed);
	}
}

static inline struct bed *
make(struct bed_params params)
{
	struct bed *bed;

	params.map = &bed_maps[2];
	params.seed = 1;
	bed = bed_create(&params);
	bed_know(bed, 0);
	bed_connect(bed, 0);
	return bed;
}

static inline uint64_t
count(const struct bed *bed, enum tg_drop why)
{
	return bed_drops(bed, TG_STAGE_RX, why) + bed_drops(bed, TG_STAGE_CRYPTO, why) +
		bed_drops(bed, TG_STAGE_TX, why);
}

static inline void
test_drop(void **state)
{
	const struct fault *f = *state;
	struct bed *bed = make(f->bed);
	uint64_t before = bed_all_drops(bed), also, of_it = bed_drops(bed, f->stage, f->why);
	unsigned int n;

	also = f->also ? count(bed, f->also) : 0;
	n = f->provoke(bed);
	bed_settle(bed);
	of_it = bed_drops(bed, f->stage, f->why) - of_it;
	also = f->also ? count(bed, f->also) - also : 0;
	if (n == SOME)
		assert_true(of_it > 0);
	else
		assert_int_equal(of_it, n);
	assert_int_equal(bed_all_drops(bed) - before, of_it + also);
	bed_assert_nothing_held(bed);
	bed_destroy(bed);
}

/* One test for each line of a table. */
static inline void
name_tests(struct CMUnitTest *tests, const struct fault *f, unsigned int n)
{
	for (; n; n--, f++, tests++)
		*tests = (struct CMUnitTest){.name = f->name,
			.test_func = test_drop,
			.initial_state = (void *)(uintptr_t)f};
}

#endif
