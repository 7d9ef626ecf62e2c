/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames on both ports of a gateway: anything at all, IP packets of any kind for peers, data
 * messages with a good index, and what a peer with good keys seals. What goes in comes out, or is
 * dropped and counted, and every mbuf is back in the end.
 */
#include "fuzz.h"
#include "test_pipeline.h"

#define FRAMES_MAX 16

static struct bed *bed;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	RTE_SET_USED(argc);
	RTE_SET_USED(argv);
	if (setenv("CMOCKA_TEST_ABORT", "1", 1) || bed_init())
		return -1;
	bed = bed_create(&(struct bed_params){.map = &bed_maps[0], .seed = 1});
	bed_know_all(bed);
	return 0;
}

/* What comes out is nobody's. */
static void
collect(void)
{
	for (unsigned int port = 0; port < BED_PORTS; port++) {
		void *m;

		while (rte_ring_sc_dequeue(bed->out[port][0], &m) == 0) {
			bed->collected++;
			rte_pktmbuf_free(m);
		}
	}
}

static void
settle(void)
{
	for (int quiet = 0; quiet < 3; bed->now += US) {
		uint64_t before = bed->collected + bed->fed;
		unsigned int n = bed_worker(bed, 0);

		bed_control(bed);
		collect();
		quiet = n || before != bed->collected + bed->fed ? 0 : quiet + 1;
	}
}

static void
raw(unsigned int port, const uint8_t *p, size_t len)
{
	struct rte_mbuf *m = bed_alloc(bed);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	bed_feed(bed, port, m);
}

static struct wg_keypair *
session(unsigned int peer)
{
	struct wg_peer *gw = peer_of_key(bed->peers[peer].dev, bed->gateway.public_key);

	return wg_peer_session(gw, bed->now);
}

/* A counter and ciphertext of the input's, under an index that the gateway knows. */
static void
forged(unsigned int peer, const uint8_t *p, size_t len)
{
	uint8_t msg[2048] = {WG_MESSAGE_DATA};
	rte_le32_t receiver = rte_cpu_to_le_32(session(peer)->remote_index);

	memcpy(msg + offsetof(struct wg_data, receiver), &receiver, sizeof(receiver));
	memcpy(msg + offsetof(struct wg_data, counter), p, len);
	len += offsetof(struct wg_data, counter);
	bed_feed(bed, WAN, bed_outer(bed, peer, msg, (uint16_t)len, 0));
}

static void
frame(struct fuzz_input *in)
{
	uint8_t what = fuzz_byte(in), tos = fuzz_byte(in), msg[2048];
	unsigned int peer = what / 8 % BED_PEERS;
	size_t len = fuzz_u16(in) % 1500;
	const uint8_t *p = fuzz_take(in, &len);

	switch (what % 8) {
	case 0:
	case 1:
		raw(what % 2 ? WAN : LAN, p, len);
		break;
	case 2:
		if (len)
			bed_feed(bed, LAN, bed_frame(bed, LAN, p, (uint16_t)len));
		break;
	case 3:
		bed_feed(bed, WAN, bed_outer(bed, peer, p, (uint16_t)len, tos));
		break;
	case 4:
		forged(peer, p, len);
		break;
	default:
		len = bed_seal(bed, peer, p, (uint16_t)len, msg);
		bed_feed(bed, WAN, bed_outer(bed, peer, msg, (uint16_t)len, tos));
		break;
	}
}

/* Time passes by microseconds an input; sessions end at some time all the same. */
static void
connect_all(void)
{
	for (unsigned int i = 0; i < BED_PEERS; i++) {
		struct wg_peer *gw = peer_of_key(bed->peers[i].dev, bed->gateway.public_key);

		wg_device_session_wanted(bed->peers[i].dev, gw->id, bed->now);
		settle();
		fuzz_require(session(i) != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};

	connect_all();
	for (int i = 0; i < FRAMES_MAX && in.left; i++)
		frame(&in);
	settle();
	bed_assert_conserved(bed);
	return 0;
}
