/* SPDX-License-Identifier: BSD-3-Clause */
/* In what ports differ: how large a packet is, in how many buffers it comes, who makes checksums.
 */
#include <errno.h>

#include "test_pipeline.h"

static struct bed *
make(struct bed_params params)
{
	struct bed *bed;

	params.map = &bed_maps[0];
	params.seed = 1;
	bed = bed_create(&params);
	bed_know_all(bed);
	bed_connect_all(bed);
	return bed;
}

/* 8920 bytes through a tunnel of that MTU, IPv4 (20 + 8) and IPv6 (40 + 8), and small ones beside.
 */
static void
test_packets_as_large_as_the_tunnel_takes(void **state)
{
	struct bed *bed = make((struct bed_params){.mtu = 9000});

	RTE_SET_USED(state);
	bed_lan_send(bed, 0, 0, 8920 - 28);
	bed_lan_send(bed, 1, 2, 8920 - 48);
	bed_lan_send(bed, 0, 3, 100);
	bed_site_send(bed, 0, BED_LAN, 6, 8920 - 28);
	bed_site_send(bed, 1, BED_LAN, 8, 8920 - 48);
	bed_site_send(bed, 0, 1, 9, 8920 - 28);
	bed_site_send(bed, 1, BED_LAN, 12, 100);
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	assert_int_equal(bed_all_drops(bed), bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_KEEPALIVE));
	assert_int_equal(bed->p.rx[0]->linearized, 0);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/* Buffers that are too small for what the MTU lets through: nothing is cut or written beyond. */
static void
test_a_packet_without_room_for_the_tag_is_counted(void **state)
{
	struct bed *bed = make((struct bed_params){0});

	RTE_SET_USED(state);
	tg_fib_set_mtu(bed->p.env.fib, LAN, 9000);
	tg_fib_set_mtu(bed->p.env.fib, WAN, 9000);
	tg_fib_set_mtu(bed->p.env.fib, TG_FIB_TUNNEL, 8920);
	tg_path_update(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	/* Behind 14 bytes of Ethernet there are 2034: 2020 leave 14 of the tag's 16. */
	bed_lan_send(bed, 0, 0, 2020 - 28);
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_NO_ROOM), 1);
	bed_lan_send(bed, 0, 0, 2000 - 28);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 1);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/* The first size bytes stay, the rest follows in buffers of up to size bytes. */
static struct rte_mbuf *
in_pieces(struct bed *bed, struct rte_mbuf *whole, uint16_t size)
{
	uint32_t off, len = whole->pkt_len;
	struct rte_mbuf *m = NULL;

	for (off = 0; off < len; off += size) {
		struct rte_mbuf *piece = bed_alloc(bed);
		uint16_t n = (uint16_t)RTE_MIN(size, len - off);

		memcpy(rte_pktmbuf_append(piece, n), rte_pktmbuf_mtod_offset(whole, uint8_t *, off),
			n);
		if (m)
			assert_int_equal(rte_pktmbuf_chain(m, piece), 0);
		else
			m = piece;
	}
	rte_pktmbuf_free(whole);
	return m;
}

/* Cut within every header, and within the payload. */
static void
test_a_packet_in_several_buffers_is_copied_into_one(void **state)
{
	static const uint16_t sizes[] = {1, 13, 14, 20, 33, 34, 50, 142};
	struct bed *bed = make((struct bed_params){0});
	uint8_t p[BED_PACKET_MAX], msg[BED_PACKET_MAX];
	unsigned int i;
	uint16_t len;

	RTE_SET_USED(state);
	for (i = 0; i < RTE_DIM(sizes); i++) {
		len = bed_packet(bed, p, BED_LAN, 0, 0, 100);
		bed_feed(bed, LAN, in_pieces(bed, bed_frame(bed, LAN, p, len), sizes[i]));
		len = bed_packet(bed, p, 0, BED_LAN, 3, 100);
		len = bed_seal(bed, 0, p, len, msg);
		bed_feed(bed, WAN, in_pieces(bed, bed_outer(bed, 0, msg, len, 0), sizes[i]));
		bed_settle(bed);
	}
	bed_assert_all_arrived(bed);
	/* 14 + 128 bytes come in one piece of 142, the message in two. */
	assert_int_equal(bed->p.rx[0]->linearized, 2 * RTE_DIM(sizes) - 1);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/* Looks at the message that leaves for a peer, before the bed takes it. */
static void
check_outgoing(struct bed *bed, unsigned int peer, bool offload)
{
	const struct rte_ipv6_hdr *ip;
	struct rte_udp_hdr *udp;
	struct rte_mbuf *m = NULL;
	uint16_t sum;

	bed_lan_send(bed, peer, peer, 101);
	bed_worker(bed, 0);
	assert_int_equal(rte_ring_count(bed->out[WAN][0]), 1);
	assert_int_equal(rte_ring_sc_dequeue(bed->out[WAN][0], (void **)&m), 0);
	ip = rte_pktmbuf_mtod_offset(m, const void *, 14);
	udp = rte_pktmbuf_mtod_offset(m, void *, 14 + 40);
	if (bed_family(peer) == AF_INET) {
		assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
		assert_int_equal(rte_ipv4_cksum((const void *)ip), 0);
		assert_int_equal(
			((const struct rte_udp_hdr *)((const uint8_t *)ip + 20))->dgram_cksum, 0);
	} else if (offload) {
		assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK,
			RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6);
		assert_int_equal(m->tx_offload, rte_mbuf_tx_offload(14, 40, 8, 0, 0, 0, 0));
		assert_int_equal(udp->dgram_cksum, rte_ipv6_phdr_cksum(ip, m->ol_flags));
	} else {
		assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
		sum = udp->dgram_cksum;
		udp->dgram_cksum = 0;
		assert_int_equal(sum, rte_ipv6_udptcp_cksum(ip, udp));
		udp->dgram_cksum = sum;
	}
	bed_sent(bed, WAN, m);
}

static void
test_checksums_by_the_port_or_by_us(void **state)
{
	unsigned int offload, i;

	RTE_SET_USED(state);
	for (offload = 0; offload < 2; offload++) {
		struct bed *bed = make((struct bed_params){.udp_csum = offload});

		for (i = 0; i < 4; i++)
			check_outgoing(bed, i, offload);
		bed_assert_all_arrived(bed);
		bed_assert_conserved(bed);
		bed_destroy(bed);
	}
}

/* Offloads that would do harm unasked (TSO), or that nothing here makes use of, stay off. */
static void
test_offloads_that_are_used(void **state)
{
	RTE_SET_USED(state);
	assert_int_equal(tg_port_tx_offloads(0), 0);
	assert_int_equal(tg_port_tx_offloads(UINT64_MAX),
		RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	assert_int_equal(tg_port_tx_offloads(RTE_ETH_TX_OFFLOAD_TCP_TSO), 0);
	assert_int_equal(
		tg_port_tx_offloads(RTE_ETH_TX_OFFLOAD_UDP_CKSUM), RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
}

/* 128 of headroom; 9000 + 14 + 8 + 4 of a frame and 31 of padding and tag are below 9 KiB. */
static void
test_buffers_have_room_for_their_mtu(void **state)
{
	RTE_SET_USED(state);
	assert_int_equal(tg_port_buffer_size(1500), 128 + 2048);
	assert_int_equal(tg_port_buffer_size(2048 - 57), 128 + 2048);
	assert_int_equal(tg_port_buffer_size(2048 - 56), 128 + 3072);
	assert_int_equal(tg_port_buffer_size(9000), 128 + 9216);
	assert_int_equal(tg_port_buffer_size(TG_MTU_MAX), 128 + 16384);
}

/* A ring tells no limits and cannot change its MTU. */
static void
test_ports_begin_with_the_largest_mtu(void **state)
{
	struct rte_ring *r = bed_ring("mtu", 0, 0, 64);
	int id = rte_eth_from_rings("mtu", &r, 1, &r, 1, 0);
	struct tg_env env = {.mtu_max = 9000};
	char error[TG_ERROR_LEN];

	RTE_SET_USED(state);
	env.pool = rte_pktmbuf_pool_create("mtu", 63, 0, 0, tg_port_buffer_size(9000), 0);
	assert_int_equal(tg_ports_setup(&env, 1, 1, error), 0);
	assert_int_equal(env.n_ports, 1);
	assert_int_equal(env.ports[0].id, id);
	assert_int_equal(tg_port_mtu(&env, 0), 9000);
	assert_int_equal(tg_port_set_mtu(&env, 0, 9001), -EMSGSIZE);
	assert_int_equal(tg_port_set_mtu(&env, 0, 9000), 0);
	assert_int_equal(tg_port_set_mtu(&env, 0, 1500), -ENOTSUP);
	tg_ports_close(&env);
	rte_mempool_free(env.pool);
	rte_ring_free(r);
}

static eth_tx_burst_t driver_tx;
static unsigned int n_bursts;

static uint16_t
count_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	n_bursts++;
	return driver_tx(queue, pkts, n);
}

static void
watch(const struct bed *bed, unsigned int port)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[bed->p.env.ports[port].id];

	driver_tx = ops->tx_pkt_burst;
	ops->tx_pkt_burst = count_burst;
}

/* The packet goes to a host beside the peers instead, in the clear; the bed does not wait for it.
 */
static void
redirect(struct bed *bed, uint8_t *p, uint32_t flow)
{
	struct wg_endpoint host = bed_endpoint_of(2);
	struct rte_ipv4_hdr *ip = (void *)p;

	memcpy(&ip->dst_addr, host.addr, 4);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	bed->flows[flow].sent--;
}

static void
site_send_out(struct bed *bed)
{
	uint8_t p[BED_PACKET_MAX];
	uint16_t len = bed_packet(bed, p, 0, BED_LAN, 3, 100);

	redirect(bed, p, 3);
	bed_remote_send(bed, 0, p, len);
}

/* With number n in the first byte of its payload. */
static void
lan_send_out(struct bed *bed, uint8_t n)
{
	uint8_t p[BED_PACKET_MAX];
	uint16_t len = bed_packet(bed, p, BED_LAN, 0, 0, 100);

	redirect(bed, p, 0);
	p[28] = n;
	bed_feed(bed, LAN, bed_frame(bed, LAN, p, len));
}

static void
discard(struct bed *bed, unsigned int port, unsigned int n)
{
	void *m;

	while (n-- && rte_ring_sc_dequeue(bed->out[port][0], &m) == 0) {
		rte_pktmbuf_free(m);
		bed->collected++;
	}
}

/*
 * A doorbell costs more than a packet, so 32 packets by turns for two ports are two bursts, those
 * that pass the queue (the second 32) like those that do not.
 */
static void
test_ports_that_alternate_are_offered_bursts(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	unsigned int i, round;

	RTE_SET_USED(state);
	watch(bed, LAN);
	watch(bed, WAN);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 16; i++) {
			bed_site_send(bed, 0, BED_LAN, 7, 100);
			site_send_out(bed);
		}
		n_bursts = 0;
		bed_worker(bed, 0);
		assert_int_equal(rte_ring_count(bed->out[LAN][0]), 16);
		assert_int_equal(rte_ring_count(bed->out[WAN][0]), 16);
		assert_int_equal(n_bursts, 2);
		bed_collect(bed, LAN, 16);
		discard(bed, WAN, 16);
	}
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/* As many as there are, from the one with this number on. The number of the next one. */
static uint8_t
expect_from(struct bed *bed, uint8_t n)
{
	void *m;

	while (rte_ring_sc_dequeue(bed->out[WAN][0], &m) == 0) {
		assert_int_equal(*rte_pktmbuf_mtod_offset((struct rte_mbuf *)m, uint8_t *, 42), n);
		n++;
		rte_pktmbuf_free(m);
		bed->collected++;
	}
	return n;
}

static uint64_t
queued(const struct bed *bed)
{
	const struct fq *q = bed->p.tx[0]->wires[WAN].queue;
	struct fq_tin_stats s;
	uint32_t i;

	for (i = 0; i < fq_tins(q); i++)
		if (fq_tin_stats_at(q, i, &s) && s.key == TG_TIN_FORWARD)
			return s.c.packets;
	return 0;
}

/*
 * More than a burst in one poll passes. A port that takes 127 and no more makes the others wait,
 * until it has taken them.
 */
static void
test_what_passes_keeps_its_order(void **state)
{
	struct bed *bed = make((struct bed_params){.tx_ring = 128});
	uint8_t i = 0, next;

	RTE_SET_USED(state);
	watch(bed, WAN);
	lan_send_out(bed, i++);
	bed_worker(bed, 0);
	next = expect_from(bed, 0);
	assert_int_equal(queued(bed), 0);
	n_bursts = 0;
	while (i < 71)
		lan_send_out(bed, i++);
	bed_worker(bed, 0);
	next = expect_from(bed, next);
	assert_int_equal(next, 71);
	assert_int_equal(n_bursts, 2);
	assert_int_equal(queued(bed), 0);
	while (i < 241)
		lan_send_out(bed, i++);
	bed_worker(bed, 0);
	next = expect_from(bed, next);
	assert_int_equal(next, 71 + 127);
	/* Of two bursts one packet is refused, and 42 are queued behind it. */
	for (i = 0; i < 3; i++)
		bed_worker(bed, 0);
	next = expect_from(bed, next);
	assert_int_equal(next, 241);
	assert_int_equal(queued(bed), 170 - 128);
	for (i = 241; i < 255; i++)
		lan_send_out(bed, i);
	bed_worker(bed, 0);
	assert_int_equal(expect_from(bed, next), 255);
	assert_int_equal(queued(bed), 170 - 128);
	bed_settle(bed);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/*
 * Each by its own length, with headers: 16 + 128 + 16 bytes of message, 28 of IPv4 and UDP, 14 of
 * Ethernet, 24 around it; then a message longer by 912. Between them a frame for another port.
 */
static void
test_what_passes_is_counted(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	const struct fq *queue = bed->p.tx[0]->wires[WAN].queue;
	struct fq_stats before, after;
	unsigned int i;

	RTE_SET_USED(state);
	fq_stats_get(queue, &before);
	for (i = 0; i < 3; i++) {
		if (i == 1)
			bed_site_send(bed, 0, BED_LAN, 1, 100);
		else
			bed_lan_send(bed, 0, 0, i ? 100 + 912 : 100);
		bed_rx(bed);
		bed_crypto(bed);
	}
	bed_tx(bed);
	fq_stats_get(queue, &after);
	assert_int_equal(after.c.packets - before.c.packets, 2);
	assert_int_equal(after.c.bytes - before.c.bytes, 226 + 226 + 912);
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/* RFC 6864: without DF each packet has an ID of its own, whatever burst and run it left in. */
static void
test_ids_of_outer_headers_differ(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	struct rte_ipv4_hdr *ip;
	bool seen[UINT16_MAX + 1] = {false};
	unsigned int i, n = 0;
	void *m;

	RTE_SET_USED(state);
	for (i = 0; i < 96; i++) {
		bed_lan_send(bed, i / 3 % 2 * 2, i / 3 % 2 * 6, 100);
		if (i % 16 == 15) {
			bed_rx(bed);
			bed_crypto(bed);
			bed_tx(bed);
		}
	}
	for (; rte_ring_sc_dequeue(bed->out[WAN][0], &m) == 0; n++) {
		ip = rte_pktmbuf_mtod_offset((struct rte_mbuf *)m, void *, RTE_ETHER_HDR_LEN);
		assert_int_equal(ip->fragment_offset, 0);
		assert_false(seen[ip->packet_id]);
		seen[ip->packet_id] = true;
		rte_pktmbuf_free(m);
		bed->collected++;
	}
	assert_int_equal(n, 96);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_as_large_as_the_tunnel_takes),
		cmocka_unit_test(test_a_packet_without_room_for_the_tag_is_counted),
		cmocka_unit_test(test_a_packet_in_several_buffers_is_copied_into_one),
		cmocka_unit_test(test_checksums_by_the_port_or_by_us),
		cmocka_unit_test(test_offloads_that_are_used),
		cmocka_unit_test(test_buffers_have_room_for_their_mtu),
		cmocka_unit_test(test_ports_begin_with_the_largest_mtu),
		cmocka_unit_test(test_ports_that_alternate_are_offered_bursts),
		cmocka_unit_test(test_what_passes_keeps_its_order),
		cmocka_unit_test(test_what_passes_is_counted),
		cmocka_unit_test(test_ids_of_outer_headers_differ),
	};

	if (bed_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
