/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What RX drops and why; what it and the others give to the control thread; and what looks odd and
 * is let through.
 */
#include "pipeline_faults.h"

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

/* One byte more than the first buffer has room for. */
static unsigned int
frame_chained(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);
	struct rte_mbuf *tail = bed_alloc(bed);

	assert_non_null(rte_pktmbuf_append(tail, (uint16_t)(rte_pktmbuf_tailroom(m) + 1)));
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
frame_twin_down(struct bed *bed)
{
	atomic_store(&bed->p.env.ports[LAN].down, true);
	feed_lan(bed, lan_frame(bed, 0));
	return 1 + feed_lan(bed, lan_frame(bed, 2));
}

static unsigned int
frame_martian(struct bed *bed)
{
	static const uint8_t sources[][4] = {{0, 0, 0, 0}, {0, 1, 2, 3}, {127, 0, 0, 1},
		{224, 0, 0, 5}, {239, 255, 255, 255}, {255, 255, 255, 255}};
	unsigned int i;

	for (i = 0; i < RTE_DIM(sources); i++) {
		struct rte_mbuf *m = lan_frame(bed, 0);

		memcpy(ip_of(m) + 12, sources[i], 4);
		fix_checksum(ip_of(m));
		feed_lan(bed, m);
	}
	return RTE_DIM(sources);
}

static unsigned int
frame_martian6(struct bed *bed)
{
	static const uint8_t sources[][16] = {{0}, {[15] = 1}, {0xfe, 0x80, [15] = 1},
		{0xfe, 0xbf, [15] = 1}, {0xff, 2, [15] = 1}};
	unsigned int i;

	for (i = 0; i < RTE_DIM(sources); i++) {
		struct rte_mbuf *m = lan_frame(bed, 2);

		memcpy(ip_of(m) + 8, sources[i], 16);
		feed_lan(bed, m);
	}
	return RTE_DIM(sources);
}

/* From 67 to 68, op REPLY, for the client of this MAC; flow 0 leads to peer 0, or nowhere. */
static unsigned int
dhcp_answer(struct bed *bed, const struct rte_ether_addr *client, bool routed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);
	uint8_t *udp = ip_of(m) + 20;

	memcpy(udp, "\0\x43\0\x44", 4);
	memcpy(udp + 8, "\2\1\6", 3);
	memcpy(udp + 8 + 28, client, sizeof(*client));
	if (!routed)
		memcpy(ip_of(m) + 16, (const uint8_t[]){10, 99, 0, 2}, 4);
	fix_checksum(ip_of(m));
	return feed_lan(bed, m);
}

/* Clients elsewhere, who renew their leases through us. */
static unsigned int
frame_dhcp_of_others(struct bed *bed)
{
	return dhcp_answer(bed, &bed_neighbour_mac, false) + dhcp_answer(bed, &bed_mac[WAN], false);
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
	return lan_whole(bed, 0, BED_TUNNEL_MTU + 1);
}

static unsigned int
frame_too_big_for_port(struct bed *bed)
{
	return lan_whole(bed, BED_LAN, BED_MTU + 1);
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

/* Rings hold 1023. */
static unsigned int
crypto_full(struct bed *bed)
{
	send_many(bed, 1100, false, false);
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
	FAULT(frame_twin_down, RX, TWIN_DOWN),
	FAULT(frame_not_for_us, RX, NOT_FOR_US),
	FAULT(frame_martian, RX, MARTIAN),
	FAULT(frame_martian6, RX, MARTIAN),
	FAULT(frame_dhcp_of_others, RX, NO_ROUTE),
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
};

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
dhcp_offer(struct bed *bed)
{
	dhcp_answer(bed, &bed_mac[LAN], false);
}

static void
dhcp_offer_that_routes_lead_away(struct bed *bed)
{
	dhcp_answer(bed, &bed_mac[LAN], true);
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
	LOCAL(dhcp_offer, TWIN),
	LOCAL(dhcp_offer_that_routes_lead_away, TWIN),
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

/* A frame may be longer than the packet in it: Ethernet pads to 60. Here one of 128 bytes. */
static void
test_ethernet_padding_is_cut_off(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	const struct wg_peer *peer = bed_peer(bed, 0);
	uint64_t before = peer->tx_bytes;
	struct rte_mbuf *m = lan_frame(bed, 0);

	RTE_SET_USED(state);
	memset(rte_pktmbuf_append(m, 18), 0xee, 18);
	bed_feed(bed, LAN, m);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 1);
	assert_int_equal(peer->tx_bytes - before, 128 + 32);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/*
 * Handshake messages, with three stages for them: rings of 1024 each.
 */
static struct bed *
make_three(void)
{
	static const struct bed_map map = {
		"3 handshake stages", 3, {{1, 1, 1, 3}, {{1}, {2}, {3}, {0, 0, 0}}}, false};

	return bed_create(&(struct bed_params){.map = &map, .seed = 1});
}

/* The stages whose rings hold something, as bits; empties them. */
static unsigned int
found_at(struct bed *bed)
{
	unsigned int i, bits = 0;
	void *m;

	bed_rx(bed);
	for (i = 0; i < 3; i++)
		while (rte_ring_sc_dequeue(bed->p.handshake[i]->from_rx[0], &m) == 0) {
			bits |= 1u << i;
			bed->collected++;
			rte_pktmbuf_free(m);
		}
	return bits;
}

/* Whatever port, and whatever the lower half of an IPv6 address: cookies and rates go by the rest.
 */
static void
test_a_source_has_one_handshake_stage(void **state)
{
	struct bed *bed = make_three();
	unsigned int i, peer, at, all[2] = {0};
	uint8_t type;

	(void)state;
	for (i = 0; i < 60; i++) {
		peer = i % 2;
		bed->peers[peer].address.addr[peer ? 7 : 2] = (uint8_t)i;
		for (type = WG_MESSAGE_INITIATION; type <= WG_MESSAGE_COOKIE; type++) {
			bed_feed(bed, WAN, bed_outer(bed, peer, (uint8_t[4]){type}, 4, 0));
			bed->peers[peer].address.port++;
			bed->peers[peer].address.addr[15] += peer;
		}
		at = found_at(bed);
		assert_int_equal(at & (at - 1), 0);
		all[peer] |= at;
	}
	assert_int_equal(all[0], 7);
	assert_int_equal(all[1], 7);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

static void
test_full_handshake_ring(void **state)
{
	struct bed *bed = make_three();
	unsigned int i;

	(void)state;
	for (i = 0; i < 1100; i++) {
		message(bed, WG_MESSAGE_INITIATION, 0, sizeof(struct wg_initiation));
		bed_rx(bed);
	}
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_HANDSHAKE_FULL), 1100 - 1023);
	found_at(bed);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

int
main(void)
{
	static const struct CMUnitTest odd[] = {
		cmocka_unit_test(test_options_fragments_and_extension_headers_pass),
		cmocka_unit_test(test_ethernet_padding_is_cut_off),
	};
	static const struct CMUnitTest handshakes[] = {
		cmocka_unit_test(test_a_source_has_one_handshake_stage),
		cmocka_unit_test(test_full_handshake_ring),
	};
	static struct CMUnitTest drops[RTE_DIM(faults)], control[RTE_DIM(locals)];
	unsigned int i;

	if (bed_init())
		return 1;
	name_tests(drops, faults, RTE_DIM(faults));
	for (i = 0; i < RTE_DIM(locals); i++)
		control[i] = (struct CMUnitTest){.name = locals[i].name,
			.test_func = test_local,
			.initial_state = (void *)(uintptr_t)&locals[i]};
	return cmocka_run_group_tests_name("rx drops", drops, NULL, NULL) +
		cmocka_run_group_tests_name("to control", control, NULL, NULL) +
		cmocka_run_group_tests_name("handshakes", handshakes, NULL, NULL) +
		cmocka_run_group_tests_name("odd", odd, NULL, NULL);
}
