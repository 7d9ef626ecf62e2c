/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What goes into a test's pipeline and what comes out of it: frames, WireGuard messages, and the
 * check that each packet is at its place and in its turn.
 */
#ifndef PIPELINE_TRAFFIC_H
#define PIPELINE_TRAFFIC_H

#include "ecn.h"
#include "pipeline_bed.h"

/*
 * Frames.
 */
static inline struct rte_mbuf *
bed_alloc(struct bed *bed)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed->p.env.pool);

	assert_non_null(m);
	return m;
}

static inline void
bed_feed(struct bed *bed, unsigned int port, struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_sp_enqueue(bed->in[port], m), 0);
	bed->fed++;
}

/* A UDP datagram with its IP header at p; len: of the payload. The whole length. */
static inline uint16_t
bed_udp4(uint8_t *p, const uint8_t src[4], const uint8_t dst[4], uint16_t sport, uint16_t dport,
	const void *payload, uint16_t len)
{
	struct rte_ipv4_hdr *ip = (void *)p;
	struct rte_udp_hdr *udp = (void *)(p + sizeof(*ip));

	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
		.total_length = htons(sizeof(*ip) + sizeof(*udp) + len),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP};
	memcpy(&ip->src_addr, src, 4);
	memcpy(&ip->dst_addr, dst, 4);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*udp = (struct rte_udp_hdr){htons(sport), htons(dport), htons(sizeof(*udp) + len), 0};
	memcpy(udp + 1, payload, len);
	return sizeof(*ip) + sizeof(*udp) + len;
}

static inline uint16_t
bed_udp6(uint8_t *p, const uint8_t src[16], const uint8_t dst[16], uint16_t sport, uint16_t dport,
	const void *payload, uint16_t len)
{
	struct rte_ipv6_hdr *ip = (void *)p;
	struct rte_udp_hdr *udp = (void *)(p + sizeof(*ip));

	*ip = (struct rte_ipv6_hdr){.vtc_flow = htonl(6u << 28),
		.payload_len = htons(sizeof(*udp) + len),
		.proto = IPPROTO_UDP,
		.hop_limits = 64};
	memcpy(ip->src_addr, src, 16);
	memcpy(ip->dst_addr, dst, 16);
	*udp = (struct rte_udp_hdr){htons(sport), htons(dport), htons(sizeof(*udp) + len), 0};
	memcpy(udp + 1, payload, len);
	return sizeof(*ip) + sizeof(*udp) + len;
}

/* Where a flow begins or ends: the LAN host, or the site behind a peer. */
#define BED_LAN BED_PEERS

static inline void
bed_host(unsigned int where, uint16_t family, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (family == AF_INET)
		memcpy(addr,
			(const uint8_t[]){
				10, where == BED_LAN ? 1 : 2, where == BED_LAN ? 0 : where, 2},
			4);
	else
		memcpy(addr,
			(const uint8_t[]){0xfd, where == BED_LAN ? 1 : 2,
				[7] = where == BED_LAN ? 0 : where, [15] = 2},
			16);
}

/* The next packet of a flow from one place to another; every third flow is IPv6. */
static inline uint16_t
bed_packet(struct bed *bed, uint8_t *p, unsigned int from, unsigned int to, uint32_t flow,
	uint16_t len)
{
	uint16_t family = flow % 3 == 2 ? AF_INET6 : AF_INET;
	uint8_t src[16], dst[16], payload[BED_PACKET_MAX] = {0};
	struct bed_payload id = {BED_GOOD, flow, bed->flows[flow].sent++};
	uint16_t sport = (uint16_t)(1000 + flow);

	bed_host(from, family, src);
	bed_host(to, family, dst);
	memcpy(payload, &id, sizeof(id));
	len = RTE_MAX(len, (uint16_t)sizeof(id));
	return family == AF_INET ? bed_udp4(p, src, dst, sport, 9, payload, len)
				 : bed_udp6(p, src, dst, sport, 9, payload, len);
}

/* To the gateway's port. */
static inline struct rte_mbuf *
bed_frame(struct bed *bed, unsigned int port, const void *ip, uint16_t len)
{
	struct rte_mbuf *m = bed_alloc(bed);
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*eth) + len));

	assert_non_null(eth);
	eth->dst_addr = bed_mac[port];
	eth->src_addr = bed_neighbour_mac;
	eth->ether_type =
		htons(*(const uint8_t *)ip >> 4 == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	memcpy(eth + 1, ip, len);
	return m;
}

static inline void
bed_lan_send(struct bed *bed, unsigned int to, uint32_t flow, uint16_t len)
{
	uint8_t p[BED_PACKET_MAX];

	len = bed_packet(bed, p, BED_LAN, to, flow, len);
	bed_feed(bed, LAN, bed_frame(bed, LAN, p, len));
}

/* A WireGuard message from a remote, on the WAN. */
static inline struct rte_mbuf *
bed_outer(struct bed *bed, unsigned int peer, const void *msg, uint16_t len, uint8_t tos)
{
	const struct bed_side *side = &bed->peers[peer];
	struct wg_endpoint us = bed_endpoint(1, side->address.family);
	uint16_t sport = ntohs(side->address.port);
	uint8_t p[BED_PACKET_MAX];

	if (side->address.family == AF_INET) {
		struct rte_ipv4_hdr *ip = (void *)p;

		len = bed_udp4(p, side->address.addr, us.addr, sport, BED_WG_PORT, msg, len);
		ip->type_of_service = tos;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		len = bed_udp6(p, side->address.addr, us.addr, sport, BED_WG_PORT, msg, len);
		p[0] |= tos >> 4;
		p[1] |= (uint8_t)(tos << 4);
	}
	return bed_frame(bed, WAN, p, len);
}

static inline void
bed_nonce(uint8_t nonce[12], uint64_t counter)
{
	rte_le64_t le = rte_cpu_to_le_64(counter);

	memset(nonce, 0, 4);
	memcpy(nonce + 4, &le, sizeof(le));
}

/* Seals as the remote would; returns the message's length. */
static inline uint16_t
bed_seal(struct bed *bed, unsigned int peer, const void *inner, uint16_t len, uint8_t *out)
{
	struct bed_side *side = &bed->peers[peer];
	struct wg_peer *gw = peer_of_key(side->dev, bed->gateway.public_key);
	struct wg_keypair *kp = gw ? wg_peer_session(gw, bed->now) : NULL;
	struct wg_data *msg = (void *)out;
	uint8_t nonce[12], text[BED_PACKET_MAX] = {0};
	unsigned long long n;
	uint64_t counter;

	if (!kp || !wg_keypair_take_counters(kp, 1, &counter)) {
		fail_msg("peer %u has no session to send under", peer);
		return 0;
	}
	*msg = (struct wg_data){.type = rte_cpu_to_le_32(WG_MESSAGE_DATA),
		.receiver = rte_cpu_to_le_32(kp->remote_index),
		.counter = rte_cpu_to_le_64(counter)};
	if (len)
		memcpy(text, inner, len);
	bed_nonce(nonce, counter);
	crypto_aead_chacha20poly1305_ietf_encrypt((uint8_t *)(msg + 1), &n, text,
		RTE_ALIGN_CEIL(len, 16), NULL, 0, NULL, nonce, kp->send_key);
	return (uint16_t)(sizeof(*msg) + n);
}

static inline void
bed_remote_send(struct bed *bed, unsigned int peer, const void *inner, uint16_t len)
{
	uint8_t msg[BED_PACKET_MAX];

	len = bed_seal(bed, peer, inner, len, msg);
	bed_feed(bed, WAN, bed_outer(bed, peer, msg, len, 0));
}

static inline void
bed_site_send(struct bed *bed, unsigned int from, unsigned int to, uint32_t flow, uint16_t len)
{
	uint8_t p[BED_PACKET_MAX];

	len = bed_packet(bed, p, from, to, flow, len);
	bed_remote_send(bed, from, p, len);
}

/*
 * What comes out.
 */
static inline void
bed_check_header(const uint8_t *p, unsigned int where, uint8_t ttl)
{
	uint8_t expected[16];

	if (p[0] >> 4 == 4) {
		bed_host(where, AF_INET, expected);
		assert_int_equal(p[8], ttl);
		assert_int_equal(rte_ipv4_cksum((const void *)p), 0);
		assert_memory_equal(p + 16, expected, 4);
	} else {
		bed_host(where, AF_INET6, expected);
		assert_int_equal(p[7], ttl);
		assert_memory_equal(p + 24, expected, 16);
	}
}

static inline bool
bed_is_whole_udp(const uint8_t *p)
{
	if (p[0] >> 4 == 6)
		return p[6] == IPPROTO_UDP;
	return p[9] == IPPROTO_UDP && !(p[6] & 0x3f) && !p[7];
}

/* What the gateway says itself begins with 64. */
static inline void
bed_see(struct bed *bed, const uint8_t *p, unsigned int where)
{
	struct bed_seen *seen = &bed->seen[bed->n_seen];
	bool v4 = p[0] >> 4 == 4;
	uint16_t len = (uint16_t)(v4 ? p[2] << 8 | p[3] : 40 + (p[4] << 8 | p[5]));

	if (bed->damaged || bed->n_seen == BED_SEEN)
		return;
	bed_check_header(p, where, p[v4 ? 9 : 6] == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) ? 64 : 63);
	assert_true(len <= sizeof(seen->p));
	seen->where = where;
	seen->len = len;
	memcpy(seen->p, p, len);
	bed->n_seen++;
}

/* An IP packet at the place where; NULL: it was no whole datagram, or had been damaged. */
static inline struct bed_flow *
bed_arrived(struct bed *bed, const uint8_t *p, unsigned int where)
{
	struct bed_payload id;
	struct bed_flow *f;

	if (!bed_is_whole_udp(p)) {
		bed_see(bed, p, where);
		return NULL;
	}
	memcpy(&id, p + (p[0] >> 4 == 4 ? 28 : 48), sizeof(id));
	bed->last_tos = pkt_ip_tos(p);
	bed->n_ce += (bed->last_tos & PKT_ECN_MASK) == PKT_ECN_CE;
	if (bed->damaged && id.magic != BED_GOOD)
		return NULL;
	assert_int_equal(id.magic, BED_GOOD);
	bed_check_header(p, where, 63);
	assert_true(id.flow < BED_FLOWS);
	f = &bed->flows[id.flow];
	assert_true(id.seq >= f->next && id.seq < f->sent);
	f->next = id.seq + 1;
	f->got++;
	return f;
}

/* A WireGuard message at its receiver: it opens, is new, and its flow's counters grow. */
static inline void
bed_remote_receive(struct bed *bed, unsigned int peer, const uint8_t *p, uint16_t len)
{
	struct bed_side *side = &bed->peers[peer];
	const struct wg_data *msg = (const void *)p;
	uint32_t index = rte_le_to_cpu_32(msg->receiver);
	struct wg_keypair *kp = wg_index_keypair(wg_device_index(side->dev), index);
	uint64_t counter = rte_le_to_cpu_64(msg->counter);
	uint8_t nonce[12], text[BED_PACKET_MAX];
	unsigned long long n;
	struct bed_flow *f;

	assert_int_equal(rte_le_to_cpu_32(msg->type), WG_MESSAGE_DATA);
	assert_non_null(kp);
	bed_nonce(nonce, counter);
	assert_int_equal(crypto_aead_chacha20poly1305_ietf_decrypt(text, &n, NULL,
				 (const uint8_t *)(msg + 1), len - sizeof(*msg), NULL, 0, nonce,
				 kp->recv_key),
		0);
	assert_true(wg_replay_update(&kp->replay, counter));
	if (!atomic_exchange(&kp->heard, true))
		wg_device_heard(side->dev, index, bed->now);
	if (!n) {
		bed->keepalives++;
		return;
	}
	f = bed_arrived(bed, text, peer);
	if (!f)
		return;
	assert_true(f->session != index || counter >= f->counter);
	f->session = index;
	f->counter = counter + 1;
}

/*
 * Without a checksum, over IPv4, or with the right one, which a port may be about to add. All ones
 * is what DPDK makes of a message whose checksum is counted in and right.
 */
static inline void
bed_assert_udp_checksum(const struct rte_mbuf *m, const uint8_t *p, const struct rte_udp_hdr *udp)
{
	if (p[0] >> 4 == 4)
		assert_int_equal(udp->dgram_cksum, 0);
	else if (!(m->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM))
		assert_int_equal(rte_ipv6_udptcp_cksum((const void *)p, udp), UINT16_MAX);
}

/* From the gateway's WireGuard port: to the remote that has this address. */
static inline void
bed_wireguard(struct bed *bed, const uint8_t *p)
{
	bool v4 = p[0] >> 4 == 4;
	const struct rte_udp_hdr *udp = (const void *)(p + (v4 ? 20 : 40));
	unsigned int i;

	memset(&bed->last_to, 0, sizeof(bed->last_to));
	bed->last_to.family = v4 ? AF_INET : AF_INET6;
	bed->last_to.port = udp->dst_port;
	memcpy(bed->last_to.addr, p + (v4 ? 16 : 24), v4 ? 4 : 16);
	bed->last_outer_tos = pkt_ip_tos(p);
	assert_int_equal(v4 ? rte_ipv4_cksum((const void *)p) : 0, 0);
	for (i = 0; i < BED_PEERS; i++)
		if (wg_endpoint_equal(&bed->peers[i].address, &bed->last_to))
			break;
	assert_true(i < BED_PEERS);
	bed_remote_receive(bed, i, (const uint8_t *)(udp + 1),
		(uint16_t)(ntohs(udp->dgram_len) - sizeof(*udp)));
}

static inline void
bed_sent(struct bed *bed, unsigned int port, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, void *);
	const uint8_t *p = (const uint8_t *)(eth + 1);
	const struct rte_udp_hdr *udp = (const void *)(p + (p[0] >> 4 == 4 ? 20 : 40));

	assert_true(rte_is_same_ether_addr(&eth->src_addr, &bed_mac[port]));
	assert_true(rte_is_same_ether_addr(&eth->dst_addr, &bed_neighbour_mac));
	bed->n_out[port]++;
	bed->collected++;
	if (port == WAN && udp->src_port == htons(BED_WG_PORT)) {
		bed_assert_udp_checksum(m, p, udp);
		bed_wireguard(bed, p);
	} else {
		bed_arrived(bed, p, BED_LAN);
	}
	rte_pktmbuf_free(m);
}

/* Takes up to max frames from each TX queue of a port. */
static inline void
bed_collect(struct bed *bed, unsigned int port, unsigned int max)
{
	unsigned int q, n;
	void *m;

	for (q = 0; q < bed->p.env.n_tx; q++)
		for (n = 0; n < max && rte_ring_sc_dequeue(bed->out[port][q], &m) == 0; n++)
			bed_sent(bed, port, m);
}

/* One handshake message, in the gateway's case by way of its port. */
static inline void
bed_deliver(struct bed *bed)
{
	struct bed_message m;

	if (!bed->n_net || bed->net_held)
		return;
	m = bed->net[0];
	bed->n_net--;
	memmove(bed->net, &bed->net[1], bed->n_net * sizeof(bed->net[0]));
	if (m.to < BED_PEERS) {
		wg_device_receive(bed->peers[m.to].dev, m.bytes, m.len, &m.from, false, bed->now);
		return;
	}
	for (m.to = 0; !wg_endpoint_equal(&bed->peers[m.to].address, &m.from); m.to++)
		;
	bed_feed(bed, WAN, bed_outer(bed, m.to, m.bytes, m.len, 0));
}

static inline void
bed_control(struct bed *bed)
{
	bed_events(bed);
	bed_handshakes(bed);
	bed_local(bed);
	bed_deliver(bed);
	bed_commands(bed);
	rcu_reclaim(bed->rcu);
}

#endif
