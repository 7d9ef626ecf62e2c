/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every reason for which a stage drops, provoked by a packet made for it; what goes to the control thread
 * instead; and what happens to ECN on the way. One stage of each kind, peer 0 with a session.
 */
#include "test_pipeline.h"

#include <stdio.h>

#include "ecn.h"

#define SOME UINT_MAX /* at least one */

struct fault {
	const char *name;
	unsigned int (*provoke)(struct bed *bed); /* returns how many packets it lost */
	enum tg_stage_kind stage;
	enum tg_drop why;
	enum tg_drop also; /* 0, or a reason that cannot be avoided (0 itself is tested as why) */
	struct bed_params bed;
};

/*
 * Frames and packets to be spoilt.
 */
static uint8_t *
ip_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct rte_ether_hdr));
}

static void
fix_checksum(uint8_t *p)
{
	struct rte_ipv4_hdr *ip = (void *)p;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

/* From the LAN to peer 0 over IPv4 (flow 0) or IPv6 (flow 2), 100 bytes of payload. */
static struct rte_mbuf *
lan_frame(struct bed *bed, uint32_t flow)
{
	uint8_t p[2048];
	uint16_t len = bed_packet(bed, p, BED_LAN, 0, flow, 100);

	return bed_frame(bed, LAN, p, len);
}

static unsigned int
feed_lan(struct bed *bed, struct rte_mbuf *m)
{
	bed_feed(bed, LAN, m);
	return 1;
}

static unsigned int
lan_byte(struct bed *bed, unsigned int at, uint8_t value)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	ip_of(m)[at] = value;
	fix_checksum(ip_of(m));
	return feed_lan(bed, m);
}

static unsigned int
lan_to(struct bed *bed, uint8_t b, uint8_t c, uint8_t ttl)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	ip_of(m)[8] = ttl;
	memcpy(ip_of(m) + 16, (const uint8_t[]){10, b, c, 2}, 4);
	fix_checksum(ip_of(m));
	return feed_lan(bed, m);
}

/* From behind peer 0 to the LAN, IPv4, 100 bytes of payload; returns its length. */
static uint16_t
inner(struct bed *bed, uint8_t *p)
{
	return bed_packet(bed, p, 0, BED_LAN, 1, 100);
}

static unsigned int
site_byte(struct bed *bed, unsigned int at, uint8_t value)
{
	uint8_t p[2048];
	uint16_t len = inner(bed, p);

	p[at] = value;
	fix_checksum(p);
	bed_remote_send(bed, 0, p, len);
	return 1;
}

static unsigned int
site_to(struct bed *bed, uint8_t b, uint8_t c)
{
	uint8_t p[2048];
	uint16_t len = inner(bed, p);

	memcpy(p + 16, (const uint8_t[]){10, b, c, 2}, 4);
	fix_checksum(p);
	bed_remote_send(bed, 0, p, len);
	return 1;
}

static unsigned int
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
 * RX.
 */
static unsigned int
frame_truncated(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	rte_pktmbuf_trim(m, 1);
	return feed_lan(bed, m);
}

static unsigned int
frame_version(struct bed *bed)
{
	return lan_byte(bed, 0, 0x55);
}

static unsigned int
frame_header(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	ip_of(m)[0] = 0x44;
	return feed_lan(bed, m);
}

static unsigned int
frame_length(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	memcpy(ip_of(m) + 2, "\0\x13", 2);
	return feed_lan(bed, m);
}

/* A hop-by-hop header of 8 + 8 * 255 bytes in a packet of 156. */
static unsigned int
frame_extension(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 2);

	ip_of(m)[6] = IPPROTO_HOPOPTS;
	ip_of(m)[41] = 255;
	return feed_lan(bed, m);
}

static unsigned int
frame_checksum(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	ip_of(m)[10] ^= 1;
	return feed_lan(bed, m);
}

static unsigned int
frame_chained(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);
	struct rte_mbuf *tail = bed_alloc(bed);

	rte_pktmbuf_append(tail, 1);
	rte_pktmbuf_chain(m, tail);
	return feed_lan(bed, m);
}

static unsigned int
frame_runt(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - 13));
	return feed_lan(bed, m);
}

static unsigned int
frame_empty(struct bed *bed)
{
	return feed_lan(bed, bed_alloc(bed));
}

static unsigned int
frame_not_for_us(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	rte_pktmbuf_mtod(m, uint8_t *)[5] ^= 0x80;
	return feed_lan(bed, m);
}

static unsigned int
frame_no_route(struct bed *bed)
{
	return lan_to(bed, 99, 0, 64);
}

static unsigned int
frame_prohibited(struct bed *bed)
{
	return lan_to(bed, 66, 0, 64);
}

static unsigned int
frame_no_peer(struct bed *bed)
{
	return lan_to(bed, 2, 200, 64);
}

static unsigned int
frame_ttl_to_peer(struct bed *bed)
{
	return lan_to(bed, 2, 0, 1);
}

static unsigned int
frame_ttl_zero(struct bed *bed)
{
	return lan_to(bed, 2, 0, 0);
}

static unsigned int
frame_ttl_to_port(struct bed *bed)
{
	return lan_to(bed, 1, 0, 1);
}

static unsigned int
frame_too_big_for_peer(struct bed *bed)
{
	bed_lan_send(bed, 0, 0, BED_TUNNEL_MTU + 1 - 28);
	return 1;
}

static unsigned int
frame_too_big_for_port(struct bed *bed)
{
	bed_lan_send(bed, BED_LAN, 0, BED_MTU + 1 - 28);
	return 1;
}

static unsigned int
message_short_for_data(struct bed *bed)
{
	return message(bed, WG_MESSAGE_DATA, 0, 31);
}

static unsigned int
message_short_for_type(struct bed *bed)
{
	return message(bed, WG_MESSAGE_DATA, 0, 3);
}

static unsigned int
message_empty(struct bed *bed)
{
	return message(bed, WG_MESSAGE_DATA, 0, 0);
}

static unsigned int
message_type_0(struct bed *bed)
{
	return message(bed, 0, 0, 148);
}

static unsigned int
message_type_5(struct bed *bed)
{
	return message(bed, 5, 0, 148);
}

/* The three bytes behind the type are zero, or it is another type. */
static unsigned int
message_type_reserved(struct bed *bed)
{
	return message(bed, 0x01000000 | WG_MESSAGE_DATA, 0, 148);
}

static unsigned int
udp_length(struct bed *bed, uint16_t length)
{
	uint8_t msg[64] = {WG_MESSAGE_DATA};
	struct rte_mbuf *m = bed_outer(bed, 0, msg, sizeof(msg), 0);

	ip_of(m)[24] = (uint8_t)(length >> 8);
	ip_of(m)[25] = (uint8_t)length;
	bed_feed(bed, WAN, m);
	return 1;
}

static unsigned int
udp_length_7(struct bed *bed)
{
	return udp_length(bed, 7);
}

static unsigned int
udp_length_beyond(struct bed *bed)
{
	return udp_length(bed, 64 + 8 + 1);
}

/*
 * Full rings: they hold 1023.
 */
static void
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

static unsigned int
crypto_full(struct bed *bed)
{
	send_many(bed, 1100, false, false);
	return 1100 - 1023;
}

static unsigned int
tx_full(struct bed *bed)
{
	send_many(bed, 1100, true, false);
	return 1100 - 1023;
}

static unsigned int
control_full_from_rx(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < 1100; i++) {
		lan_to(bed, 77, 0, 64);
		bed_rx(bed);
	}
	return 1100 - 1023;
}

static unsigned int
control_full_from_crypto(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < 1100; i++) {
		site_to(bed, 77, 0);
		bed_rx(bed);
		bed_crypto(bed);
	}
	return 1100 - 1023;
}

/* Sealed messages whose next hop has no MAC go back to control. */
static unsigned int
control_full_from_tx(struct bed *bed)
{
	bed_neighbour(bed, WAN, AF_INET, bed->peers[0].address.addr, false);
	send_many(bed, 1100, true, true);
	return 1100 - 1023;
}

/*
 * Crypto.
 */
static unsigned int
no_session(struct bed *bed)
{
	return message(bed, WG_MESSAGE_DATA, 12345, 64);
}

static unsigned int
expired(struct bed *bed)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);

	len = bed_seal(bed, 0, p, len, msg);
	bed->now += WG_REJECT_AFTER_TIME;
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0));
	return 1;
}

static unsigned int
spoilt(struct bed *bed, unsigned int at)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);

	len = bed_seal(bed, 0, p, len, msg);
	msg[at < len ? at : (unsigned int)(len - 1)] ^= 1;
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0));
	return 1;
}

static unsigned int
bad_tag(struct bed *bed)
{
	return spoilt(bed, UINT_MAX);
}

static unsigned int
bad_text(struct bed *bed)
{
	return spoilt(bed, sizeof(struct wg_data));
}

static unsigned int
bad_counter(struct bed *bed)
{
	return spoilt(bed, 9);
}

static unsigned int
replay(struct bed *bed)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);
	unsigned int i;

	len = bed_seal(bed, 0, p, len, msg);
	for (i = 0; i < 3; i++)
		bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0));
	return 2;
}

static unsigned int
keepalive(struct bed *bed)
{
	bed_remote_send(bed, 0, NULL, 0);
	return 1;
}

static unsigned int
ecn(struct bed *bed)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);

	len = bed_seal(bed, 0, p, len, msg);
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, PKT_ECN_CE));
	return 1;
}

static unsigned int
source(struct bed *bed)
{
	return site_byte(bed, 14, 1); /* 10.2.1.2 belongs to peer 1, 10.2.0.2 to peer 0 */
}

static unsigned int
inner_truncated(struct bed *bed)
{
	uint8_t p[2048];

	inner(bed, p);
	bed_remote_send(bed, 0, p, 112); /* of 128 */
	return 1;
}

static unsigned int
inner_version(struct bed *bed)
{
	uint8_t p[64] = {0};

	bed_remote_send(bed, 0, p, sizeof(p));
	return 1;
}

static unsigned int
inner_header(struct bed *bed)
{
	uint8_t p[64] = {0x44};

	bed_remote_send(bed, 0, p, sizeof(p));
	return 1;
}

static unsigned int
inner_length(struct bed *bed)
{
	uint8_t p[64] = {0x45, 0, 0, 19};

	bed_remote_send(bed, 0, p, sizeof(p));
	return 1;
}

static unsigned int
inner_no_route(struct bed *bed)
{
	return site_to(bed, 99, 0);
}

static unsigned int
inner_prohibited(struct bed *bed)
{
	return site_to(bed, 66, 0);
}

static unsigned int
inner_no_peer(struct bed *bed)
{
	return site_to(bed, 2, 200);
}

static unsigned int
inner_ttl(struct bed *bed)
{
	return site_byte(bed, 8, 1);
}

static unsigned int
inner_too_big(struct bed *bed)
{
	tg_fib_set_mtu(bed->p.env.fib, LAN, 127);
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	return 1;
}

static unsigned int
peer_gone_before_crypto(struct bed *bed)
{
	bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	bed_remove_peer(bed, 0);
	return 1;
}

static unsigned int
no_headroom_for_message(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	memmove(m->buf_addr, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = 0;
	return feed_lan(bed, m);
}

static unsigned int
no_tailroom_for_tag(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);
	uint16_t off = (uint16_t)(m->buf_len - m->data_len - 15);

	memmove((uint8_t *)m->buf_addr + off, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = off;
	return feed_lan(bed, m);
}

/*
 * One packet is on its way to the closed tin when the session comes up; 512 are held behind it, of the
 * keepalive that begins the session and 600 packets.
 */
static unsigned int
hold_full(struct bed *bed)
{
	unsigned int i;

	bed_know(bed, 1);
	for (i = 0; i < 601; i++) {
		bed_lan_send(bed, 1, 3, 100);
		bed_rx(bed);
		bed_crypto(bed);
		if (!i)
			bed_handshake(bed, bed_peer(bed, 1)->id);
	}
	return 1 + 600 - TG_HOLD_MAX;
}

/*
 * TX.
 */
static unsigned int
peer_gone_before_tx(struct bed *bed)
{
	bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	bed_crypto(bed);
	bed_remove_peer(bed, 0);
	return 1;
}

static unsigned int
peer_gone_before_staging(struct bed *bed)
{
	bed_know(bed, 1);
	bed_lan_send(bed, 1, 3, 100);
	bed_rx(bed);
	bed_crypto(bed);
	bed_remove_peer(bed, 1);
	return 1;
}

/* 31 fit into the port's ring, the next one waits for that with its header written. */
static unsigned int
peer_gone_in_port_queue(struct bed *bed)
{
	send_many(bed, 31 + 1 + 10, true, true);
	bed_remove_peer(bed, 0);
	return 10;
}

static unsigned int
no_endpoint(struct bed *bed)
{
	tg_path_withdraw(bed->rcu, bed_peer(bed, 0));
	bed_lan_send(bed, 0, 0, 100);
	return 1;
}

static unsigned int
no_endpoint_in_port_queue(struct bed *bed)
{
	send_many(bed, 31 + 1 + 10, true, true);
	tg_path_withdraw(bed->rcu, bed_peer(bed, 0));
	return 10;
}

/* 14 + 18 bytes before the IP packet: 16 for the message's header, 42 for the outer ones. */
static unsigned int
no_headroom_for_outer(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	memmove((uint8_t *)m->buf_addr + 18, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = 18;
	return feed_lan(bed, m);
}

/* 1023 mbufs: a port's queue takes 255, the ring below it 31, and one waits for that. */
static unsigned int
overlimit(struct bed *bed)
{
	send_many(bed, 31 + 1 + 255 + 1, true, true);
	return 32; /* a batch of the fattest flow's head */
}

static void
delay(struct bed *bed, uint8_t tos)
{
	unsigned int i;

	for (i = 0; i < 300; i++) {
		lan_byte(bed, 1, tos);
		bed_rx(bed);
		bed_crypto(bed);
		bed_tx(bed);
	}
	for (i = 0; i < 200; i++) {
		bed->now += 2 * MS;
		bed_collect(bed, WAN, 1);
		bed_tx(bed);
	}
}

static unsigned int
codel(struct bed *bed)
{
	delay(bed, PKT_ECN_NOT_ECT);
	return SOME;
}

static unsigned int
tin_limit(struct bed *bed)
{
	unsigned int i;

	bed_know(bed, 1);
	for (i = 0; i < 128 + 72; i++)
		bed_lan_send(bed, 1, 3, 100);
	bed->net_held = true;
	bed_settle(bed);
	bed->net_held = false;
	return 72;
}

static unsigned int
purge(struct bed *bed)
{
	unsigned int i;

	bed_know(bed, 1);
	for (i = 0; i < 5; i++)
		bed_lan_send(bed, 1, 3, 100);
	bed->net_held = true;
	bed_settle(bed);
	bed_command(bed, TG_COMMAND_PURGE, bed_peer(bed, 1));
	return 5;
}

/* Room for one peer: while the purge of the last one is under way the next one finds no tin. */
static unsigned int
no_tin(struct bed *bed)
{
	bed->net_held = true;
	bed_remove_peer(bed, 0);
	bed_know(bed, 1);
	bed_lan_send(bed, 1, 3, 100);
	bed_settle(bed);
	bed->commands_held = true;
	bed_remove_peer(bed, 1);
	bed_know(bed, 2);
	bed_lan_send(bed, 2, 6, 100);
	bed_settle(bed);
	bed->commands_held = false;
	return 1;
}

#define FAULT(fn, kind, reason, ...)                                                               \
	{.name = #fn, .provoke = fn, .stage = TG_STAGE_##kind, .why = TG_DROP_##reason, __VA_ARGS__}

static const struct fault faults[] = {
	FAULT(frame_truncated, RX, TRUNCATED),
	FAULT(frame_version, RX, BAD_VERSION),
	FAULT(frame_header, RX, BAD_HEADER),
	FAULT(frame_length, RX, BAD_LENGTH),
	FAULT(frame_extension, RX, BAD_EXTENSION),
	FAULT(frame_checksum, RX, BAD_CHECKSUM),
	FAULT(frame_chained, RX, CHAINED),
	FAULT(frame_runt, RX, RUNT),
	FAULT(frame_empty, RX, RUNT),
	FAULT(frame_not_for_us, RX, NOT_FOR_US),
	FAULT(frame_no_route, RX, NO_ROUTE),
	FAULT(frame_prohibited, RX, PROHIBITED),
	FAULT(frame_no_peer, RX, NO_PEER),
	FAULT(frame_ttl_to_peer, RX, TTL),
	FAULT(frame_ttl_zero, RX, TTL),
	FAULT(frame_ttl_to_port, RX, TTL),
	FAULT(frame_too_big_for_peer, RX, TOO_BIG),
	FAULT(frame_too_big_for_port, RX, TOO_BIG),
	FAULT(message_short_for_data, RX, WG_SHORT),
	FAULT(message_short_for_type, RX, WG_SHORT),
	FAULT(message_empty, RX, WG_SHORT),
	FAULT(message_type_0, RX, WG_TYPE),
	FAULT(message_type_5, RX, WG_TYPE),
	FAULT(message_type_reserved, RX, WG_TYPE),
	FAULT(udp_length_7, RX, WG_UDP_LENGTH),
	FAULT(udp_length_beyond, RX, WG_UDP_LENGTH),
	FAULT(crypto_full, RX, CRYPTO_FULL),
	FAULT(control_full_from_rx, RX, CONTROL_FULL),

	FAULT(no_session, CRYPTO, NO_SESSION),
	FAULT(expired, CRYPTO, EXPIRED),
	FAULT(bad_tag, CRYPTO, BAD_TAG),
	FAULT(bad_text, CRYPTO, BAD_TAG),
	FAULT(bad_counter, CRYPTO, BAD_TAG),
	FAULT(replay, CRYPTO, REPLAY),
	FAULT(keepalive, CRYPTO, KEEPALIVE),
	FAULT(ecn, CRYPTO, ECN),
	FAULT(source, CRYPTO, SOURCE),
	FAULT(inner_truncated, CRYPTO, TRUNCATED),
	FAULT(inner_version, CRYPTO, BAD_VERSION),
	FAULT(inner_header, CRYPTO, BAD_HEADER),
	FAULT(inner_length, CRYPTO, BAD_LENGTH),
	FAULT(inner_no_route, CRYPTO, NO_ROUTE),
	FAULT(inner_prohibited, CRYPTO, PROHIBITED),
	FAULT(inner_no_peer, CRYPTO, NO_PEER),
	FAULT(inner_ttl, CRYPTO, TTL),
	FAULT(inner_too_big, CRYPTO, TOO_BIG),
	FAULT(peer_gone_before_crypto, CRYPTO, PEER_GONE),
	FAULT(no_headroom_for_message, CRYPTO, NO_ROOM),
	FAULT(no_tailroom_for_tag, CRYPTO, NO_ROOM),
	FAULT(hold_full, CRYPTO, HOLD_FULL, .also = TG_DROP_KEEPALIVE),
	FAULT(tx_full, CRYPTO, TX_FULL),
	FAULT(control_full_from_crypto, CRYPTO, CONTROL_FULL),

	FAULT(peer_gone_before_tx, TX, PEER_GONE),
	FAULT(peer_gone_before_staging, TX, PURGE),
	FAULT(peer_gone_in_port_queue, TX, PEER_GONE, .bed.tx_ring = 32),
	FAULT(no_endpoint, TX, NO_ENDPOINT),
	FAULT(no_endpoint_in_port_queue, TX, NO_ENDPOINT, .bed.tx_ring = 32),
	FAULT(no_headroom_for_outer, TX, NO_ROOM),
	FAULT(control_full_from_tx, TX, CONTROL_FULL),
	FAULT(overlimit, TX, OVERLIMIT, .bed.tx_ring = 32, .bed.mbufs = 1023),
	FAULT(codel, TX, CODEL, .bed.tx_ring = 32),
	FAULT(tin_limit, TX, TIN_LIMIT, .also = TG_DROP_KEEPALIVE),
	FAULT(purge, TX, PURGE),
	FAULT(no_tin, TX, NO_TIN, .also = TG_DROP_PURGE, .bed.max_peers = 1),
};

static struct bed *
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

static uint64_t
count(const struct bed *bed, enum tg_drop why)
{
	return bed_drops(bed, TG_STAGE_RX, why) + bed_drops(bed, TG_STAGE_CRYPTO, why) +
		bed_drops(bed, TG_STAGE_TX, why);
}

static void
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

/*
 * What the control thread gets: no drop, no answer, nothing on a wire.
 */
struct local {
	const char *name;
	void (*send)(struct bed *bed);
	enum tg_op op;
};

static void
ether_type(struct bed *bed, uint16_t type)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->ether_type = htons(type);
	bed_feed(bed, LAN, m);
}

static void
arp(struct bed *bed)
{
	ether_type(bed, RTE_ETHER_TYPE_ARP);
}

static void
vlan(struct bed *bed)
{
	ether_type(bed, RTE_ETHER_TYPE_VLAN);
}

static void
length_802_3(struct bed *bed)
{
	ether_type(bed, 100);
}

static void
broadcast(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	memset(rte_pktmbuf_mtod(m, void *), 0xff, 6);
	bed_feed(bed, LAN, m);
}

static void
multicast_destination(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	ip_of(m)[16] = 224;
	fix_checksum(ip_of(m));
	bed_feed(bed, LAN, m);
}

static void
link_local_destination(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 2);

	memcpy(ip_of(m) + 24, "\xfe\x80", 2);
	bed_feed(bed, LAN, m);
}

static void
kernel_route(struct bed *bed)
{
	lan_to(bed, 77, 0, 64);
}

static void
our_address(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	memcpy(ip_of(m) + 16, (const uint8_t[]){10, 1, 0, 1}, 4);
	fix_checksum(ip_of(m));
	bed_feed(bed, LAN, m);
}

/* The first fragment has the ports of a WireGuard message, and is none. */
static void
fragment_for_us(struct bed *bed)
{
	uint8_t msg[64] = {WG_MESSAGE_DATA};
	struct rte_mbuf *m = bed_outer(bed, 0, msg, sizeof(msg), 0);

	ip_of(m)[6] = 0x20;
	fix_checksum(ip_of(m));
	bed_feed(bed, WAN, m);
}

static void
too_short_for_udp(struct bed *bed)
{
	struct rte_mbuf *m = bed_outer(bed, 0, "", 0, 0);

	ip_of(m)[3] = 27;
	fix_checksum(ip_of(m));
	bed_feed(bed, WAN, m);
}

static void
unknown_neighbour(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	memcpy(ip_of(m) + 16, (const uint8_t[]){10, 1, 0, 200}, 4);
	fix_checksum(ip_of(m));
	bed_feed(bed, LAN, m);
}

static void
inner_for_the_kernel(struct bed *bed)
{
	site_to(bed, 77, 0);
}

static void
inner_unknown_neighbour(struct bed *bed)
{
	uint8_t p[2048];
	uint16_t len = inner(bed, p);

	p[19] = 200;
	fix_checksum(p);
	bed_remote_send(bed, 0, p, len);
}

static void
unresolved_endpoint(struct bed *bed)
{
	bed_neighbour(bed, WAN, AF_INET, bed->peers[0].address.addr, false);
	bed_lan_send(bed, 0, 0, 100);
}

#define LOCAL(fn, what)                                                                            \
	{                                                                                          \
		#fn, fn, TG_OP_##what                                                              \
	}

static const struct local locals[] = {
	LOCAL(arp, TWIN),
	LOCAL(vlan, TWIN),
	LOCAL(length_802_3, TWIN),
	LOCAL(broadcast, TWIN),
	LOCAL(multicast_destination, TWIN),
	LOCAL(link_local_destination, TWIN),
	LOCAL(kernel_route, TWIN),
	LOCAL(our_address, TWIN),
	LOCAL(fragment_for_us, TWIN),
	LOCAL(too_short_for_udp, TWIN),
	LOCAL(unknown_neighbour, RESOLVE),
	LOCAL(inner_for_the_kernel, TUNNEL),
	LOCAL(inner_unknown_neighbour, RESOLVE),
	LOCAL(unresolved_endpoint, WIRE),
};

static void
test_local(void **state)
{
	const struct local *l = *state;
	struct bed *bed = make((struct bed_params){0});
	uint64_t drops = bed_all_drops(bed);
	unsigned int out = bed->n_out[LAN] + bed->n_out[WAN];

	l->send(bed);
	bed_settle(bed);
	assert_int_equal(bed->n_local[l->op], 1);
	assert_int_equal(bed_all_drops(bed), drops);
	assert_int_equal(bed->n_out[LAN] + bed->n_out[WAN], out);
	bed_destroy(bed);
}

/*
 * What looks odd and is let through.
 */
static void
test_options_fragments_and_extension_headers_pass(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	static const uint8_t router_alert[] = {148, 4, 0, 0};
	struct rte_mbuf *m;
	uint8_t *p;

	RTE_SET_USED(state);
	bed->damaged = true; /* the payload is not where it was */
	m = lan_frame(bed, 0);
	p = ip_of(m);
	p[0] = 0x46;
	memcpy(p + 20, router_alert, sizeof(router_alert));
	fix_checksum(p);
	bed_feed(bed, LAN, m);

	m = lan_frame(bed, 0);
	memcpy(ip_of(m) + 6, "\x20\x10", 2);
	fix_checksum(ip_of(m));
	bed_feed(bed, LAN, m);

	m = lan_frame(bed, 2);
	p = ip_of(m);
	p[6] = IPPROTO_DSTOPTS;
	memcpy(p + 40, (const uint8_t[]){IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0}, 8);
	bed_feed(bed, LAN, m);

	bed_settle(bed);
	assert_int_equal(bed->n_out[WAN] - bed->keepalives, 3);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/* A frame may be longer than the packet in it: Ethernet pads to 60. */
static void
test_ethernet_padding_is_cut_off(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	struct rte_mbuf *m = lan_frame(bed, 0);

	RTE_SET_USED(state);
	memset(rte_pktmbuf_append(m, 18), 0xee, 18);
	bed_feed(bed, LAN, m);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 1);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/*
 * ECN and DSCP: RFC 6040.
 */
static uint8_t
through_the_tunnel(struct bed *bed, uint8_t inner_ecn, uint8_t outer_ecn)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);
	unsigned int out = bed->n_out[LAN];

	p[1] = 0x20 | inner_ecn;
	fix_checksum(p);
	len = bed_seal(bed, 0, p, len, msg);
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0xb8 | outer_ecn));
	bed_settle(bed);
	return bed->n_out[LAN] == out ? UINT8_MAX : bed->last_tos;
}

static void
test_ecn_of_what_peers_send(void **state)
{
	struct bed *bed = make((struct bed_params){0});

	RTE_SET_USED(state);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_NOT_ECT, PKT_ECN_NOT_ECT), 0x20);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_NOT_ECT, PKT_ECN_ECT0), 0x20);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_NOT_ECT, PKT_ECN_CE), UINT8_MAX);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_ECT0, PKT_ECN_NOT_ECT), 0x22);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_ECT0, PKT_ECN_ECT1), 0x21);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_ECT0, PKT_ECN_CE), 0x23);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_ECT1, PKT_ECN_CE), 0x23);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_CE, PKT_ECN_NOT_ECT), 0x23);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_ECN), 1);
	bed_destroy(bed);
}

static void
test_outer_header_shows_ecn_and_no_dscp(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	uint8_t ecn_bits;

	RTE_SET_USED(state);
	for (ecn_bits = 0; ecn_bits < 4; ecn_bits++) {
		lan_byte(bed, 1, 0xb8 | ecn_bits);
		bed_settle(bed);
		assert_int_equal(bed->last_outer_tos, ecn_bits);
		assert_int_equal(bed->last_tos, 0xb8 | ecn_bits);
	}
	bed_destroy(bed);
}

/* The flow that lost packets in codel() above is marked instead, on the outer header alone. */
static void
test_codel_marks_what_can_be_marked(void **state)
{
	struct bed *bed = make((struct bed_params){.tx_ring = 32});
	uint64_t drops = bed_all_drops(bed);
	struct fq_stats stats;

	RTE_SET_USED(state);
	delay(bed, PKT_ECN_ECT0);
	fq_stats_get(bed->p.tx[0]->wires[WAN].queue, &stats);
	assert_true(stats.c.marks > 0);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 300);
	assert_int_equal(bed_all_drops(bed), drops);
	assert_int_equal(bed->last_tos, PKT_ECN_ECT0);
	bed_destroy(bed);
}

/* Packets everywhere when the gateway stops: counted, and the pool is full again. */
static void
test_shutdown_counts_what_is_queued(void **state)
{
	struct bed *bed = make((struct bed_params){.tx_ring = 32});
	uint64_t drops = bed_all_drops(bed);

	RTE_SET_USED(state);
	bed_know(bed, 1);
	bed_lan_send(bed, 1, 3, 100); /* in the closed tin */
	send_many(bed, 31 + 1 + 5, true, true); /* on the wire, for the port, in its queue */
	send_many(bed, 4, true, false); /* to TX */
	send_many(bed, 3, false, false); /* to crypto */
	kernel_route(bed);
	bed_rx(bed); /* to control */
	bed_collect(bed, WAN, UINT_MAX);
	tg_pipeline_drain(&bed->p);
	assert_int_equal(bed_all_drops(bed) - drops, 1 + 1 + 5 + 4 + 3 + 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE), 1 + 5);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_SHUTDOWN), 1 + 4);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_SHUTDOWN), 3);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_SHUTDOWN), 1);
	bed_destroy(bed);
}

static int
run_tables(void)
{
	static struct CMUnitTest tests[RTE_DIM(faults) + RTE_DIM(locals)];
	unsigned int i, n = 0;

	for (i = 0; i < RTE_DIM(faults); i++)
		tests[n++] = (struct CMUnitTest){.name = faults[i].name,
			.test_func = test_drop,
			.initial_state = (void *)(uintptr_t)&faults[i]};
	for (i = 0; i < RTE_DIM(locals); i++)
		tests[n++] = (struct CMUnitTest){.name = locals[i].name,
			.test_func = test_local,
			.initial_state = (void *)(uintptr_t)&locals[i]};
	return cmocka_run_group_tests_name("drops", tests, NULL, NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_fragments_and_extension_headers_pass),
		cmocka_unit_test(test_ethernet_padding_is_cut_off),
		cmocka_unit_test(test_ecn_of_what_peers_send),
		cmocka_unit_test(test_outer_header_shows_ecn_and_no_dscp),
		cmocka_unit_test(test_codel_marks_what_can_be_marked),
		cmocka_unit_test(test_shutdown_counts_what_is_queued),
	};

	if (bed_init())
		return 1;
	return run_tables() + cmocka_run_group_tests_name("packets", tests, NULL, NULL);
}
