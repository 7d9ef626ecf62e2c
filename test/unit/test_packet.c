/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_eal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "forward.h"
#include "hash.h"
#include "test_packet.h"
#include "test_random.h"

#define SALT UINT64_C(0x0123456789abcdef)

static void
test_parse_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(good_packets); i++) {
		struct pkt_ip ip;
		uint32_t len;
		uint8_t *p = unhex(good_packets[i].hex, &len);

		print_message("%s\n", good_packets[i].what);
		assert_int_equal(pkt_ip_parse(p, len, &ip), PKT_IP_OK);
		assert_int_equal(ip.total_len, good_packets[i].total_len);
		assert_int_equal(ip.l4_off, good_packets[i].l4_off);
		assert_int_equal(ip.proto, good_packets[i].proto);
		assert_int_equal(ip.fragment, good_packets[i].fragment);
		assert_int_equal(ip.version, p[0] >> 4);
		assert_int_equal(ip.addr_len, ip.version == 4 ? 4 : 16);
		assert_ptr_equal(ip.src, p + (ip.version == 4 ? 12 : 8));
		assert_ptr_equal(ip.dst, p + (ip.version == 4 ? 16 : 24));
		free(p);
	}
}

static void
test_parse_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(bad_packets); i++) {
		struct pkt_ip ip = {.total_len = 12345};
		uint32_t len;
		uint8_t *p = unhex(bad_packets[i].hex, &len);

		print_message("%s\n", bad_packets[i].what);
		assert_int_equal(pkt_ip_parse(p, len, &ip), bad_packets[i].reason);
		assert_int_equal(ip.total_len, 12345);
		free(p);
	}
}

static void
test_parse_tos(void **state)
{
	struct pkt_ip ip;
	uint32_t len;
	uint8_t *p4 = unhex("45b90014 00000000 40110000" A4, &len), *p6;

	(void)state;
	assert_int_equal(pkt_ip_parse(p4, len, &ip), PKT_IP_OK);
	assert_int_equal(ip.tos, 0xb9);
	p6 = unhex("6b9fffff 0000 3b 40" A6, &len);
	assert_int_equal(pkt_ip_parse(p6, len, &ip), PKT_IP_OK);
	assert_int_equal(ip.tos, 0xb9);
	free(p4);
	free(p6);
}

/* First: 4500 + 001c + 4000 + 4011 + c0a8 + 0001 + c0a8 + 00c7 = 24745, 4745 + 2 = 4747 = ~b8b8. */
static void
test_verify(void **state)
{
	static const char *const good[] = {
		"4500001c 00004000 4011 b8b8 c0a80001 c0a800c7" PORTS,
		"46000018 00000000 4006 79db 7f000001 7f000002 01010101",
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		struct pkt_ip ip;
		uint32_t len;
		uint8_t *p = unhex(good[i], &len);

		assert_int_equal(pkt_ip_check(p, len, &ip), PKT_IP_OK);
		for (uint32_t bit = 0, bits = ip.l4_off * 8; bit < bits; bit++) {
			p[bit / 8] ^= 1 << bit % 8;
			if (pkt_ip_parse(p, len, &ip) == PKT_IP_OK)
				assert_int_equal(pkt_ip_check(p, len, &ip), PKT_IP_BAD_CHECKSUM);
			p[bit / 8] ^= 1 << bit % 8;
		}
		free(p);
	}
}

/* An IPv4 header with options (24 bytes) or an IPv6 one; returns its length. */
static uint32_t
make_header(uint8_t *p, int version, uint8_t tos, uint8_t ttl, uint16_t id)
{
	uint32_t len;
	uint8_t *bytes = unhex(version == 4 ? "46000018 00000000 00060000" A4 "94040000"
					    : "60012345 0000 3b 00" A6,
		&len);

	memcpy(p, bytes, len);
	free(bytes);
	if (version == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p;

		ip->type_of_service = tos;
		ip->time_to_live = ttl;
		ip->packet_id = rte_cpu_to_be_16(id);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		p[0] |= tos >> 4;
		p[1] |= (uint8_t)(tos << 4);
		p[7] = ttl;
	}
	return len;
}

static void
test_ecn_decap(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2 * 4 * 4 * 64; i++) {
		int version = i & 1 ? 4 : 6;
		uint8_t dscp = i >> 5 << 2, inner = i >> 1 & 3, outer = i >> 3 & 3;
		int want = decap_table[inner][outer];
		uint8_t p[40], expect[40];
		uint32_t len = make_header(p, version, dscp | inner, 64, i);

		make_header(expect, version, dscp | (want == DROP ? inner : want), 64, i);
		assert_int_equal(pkt_ecn_decap(0xb8 | outer, p), want != DROP);
		assert_memory_equal(p, expect, len);
	}
}

static void
test_ecn_encap(void **state)
{
	(void)state;
	for (unsigned int tos = 0; tos < 256; tos++)
		assert_int_equal(pkt_ecn_encap(tos), tos & 3);
}

/* Every identification: the incremental checksum equals the full one where it wraps, too. */
static void
test_ecn_mark(void **state)
{
	uint8_t p[40], expect[40];
	uint32_t len;

	(void)state;
	for (uint32_t id = 0; id < 65536; id++) {
		len = make_header(p, 4, 0xb8 | PKT_ECN_ECT0, 64, id);
		make_header(expect, 4, 0xb8 | PKT_ECN_CE, 64, id);
		assert_true(pkt_ecn_mark_ce(p));
		assert_memory_equal(p, expect, len);
	}
	len = make_header(p, 6, 0xb8 | PKT_ECN_ECT1, 64, 0);
	make_header(expect, 6, 0xb8 | PKT_ECN_CE, 64, 0);
	assert_true(pkt_ecn_mark_ce(p));
	assert_memory_equal(p, expect, len);
	assert_true(pkt_ecn_mark_ce(p));
	assert_memory_equal(p, expect, len);

	make_header(p, 6, 0xb8, 64, 0);
	make_header(expect, 6, 0xb8, 64, 0);
	assert_false(pkt_ecn_mark_ce(p));
	assert_memory_equal(p, expect, len);
}

static void
test_ttl(void **state)
{
	uint8_t p[40], expect[40];

	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		for (unsigned int ttl = 0; ttl < 256; ttl++) {
			uint32_t len = make_header(p, version, 0, ttl, ttl);

			make_header(expect, version, 0, ttl <= 1 ? ttl : ttl - 1, ttl);
			assert_int_equal(pkt_ttl_dec(p), ttl > 1);
			assert_memory_equal(p, expect, len);
		}
	}
	for (uint32_t id = 0; id < 65536; id++) {
		uint32_t len = make_header(p, 4, 0, 64, id);

		make_header(expect, 4, 0, 63, id);
		assert_true(pkt_ttl_dec(p));
		assert_memory_equal(p, expect, len);
	}
}

static void
test_wg_padding(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(padding_cases); i++)
		assert_int_equal(pkt_wg_padded(padding_cases[i].len, padding_cases[i].mtu),
			padding_cases[i].padded);
}

static void
test_eth(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(eth_cases); i++) {
		struct rte_mbuf m = {.ol_flags = eth_cases[i].ol_flags};
		struct pkt_eth eth;
		uint32_t len;

		m.buf_addr = unhex(eth_cases[i].hex, &len);
		m.data_len = len;
		assert_int_equal(pkt_eth_parse(&m, &mac_us, &eth), eth_cases[i].ok);
		if (eth_cases[i].ok) {
			assert_int_equal(eth.dst, eth_cases[i].eth.dst);
			assert_int_equal(eth.ethertype, eth_cases[i].eth.ethertype);
			assert_int_equal(eth.l2_len, eth_cases[i].eth.l2_len);
			assert_int_equal(eth.vlan, eth_cases[i].eth.vlan);
		}
		free(m.buf_addr);
	}
}

static uint32_t
hash_of(const char *hex, uint64_t salt)
{
	struct pkt_ip ip;
	uint32_t len, hash;
	uint8_t *p = unhex(hex, &len);

	assert_int_equal(pkt_ip_parse(p, len, &ip), PKT_IP_OK);
	hash = pkt_flow_hash(&ip, p, salt);
	free(p);
	return hash;
}

static void
test_hash_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(hash_pairs); i++) {
		if ((hash_of(hash_pairs[i].a, SALT) == hash_of(hash_pairs[i].b, SALT)) !=
			hash_pairs[i].same)
			fail_msg("pair %zu", i);
	}
}

enum { FLOWS = 100000, SETS = 128 };

static void
flow_v4(uint32_t i, uint32_t src, uint32_t dst, uint32_t ports, uint64_t salt, uint32_t *hash)
{
	const uint32_t words[] = {0x4500001c, 0, 0x40110000, src, dst, ports, 0};
	struct pkt_ip ip;
	uint8_t p[28];

	for (size_t w = 0; w < RTE_DIM(words); w++) {
		const uint32_t be = rte_cpu_to_be_32(words[w]);

		memcpy(p + 4 * w, &be, sizeof(be));
	}
	assert_int_equal(pkt_ip_parse(p, sizeof(p), &ip), PKT_IP_OK);
	hash[i] = pkt_flow_hash(&ip, p, salt);
}

/* Which 32 bits of the IPv6 packet count upwards. */
static void
flow_v6(uint32_t i, uint32_t at, uint64_t salt, uint32_t *hash)
{
	uint8_t p[48] = {0x60, 0, 0, 0, 0, 8, 17, 64, 0x20, 0x01, [24] = 0x20, [25] = 0x01};
	const uint32_t be = rte_cpu_to_be_32(i);
	struct pkt_ip ip;

	memcpy(p + at, &be, sizeof(be));
	assert_int_equal(pkt_ip_parse(p, sizeof(p), &ip), PKT_IP_OK);
	hash[i] = pkt_flow_hash(&ip, p, salt);
}

static void
make_flows(unsigned int structure, uint64_t salt, uint32_t *hash)
{
	static const uint32_t v6_at[] = {20, 12, 36, 40};

	for (uint32_t i = 0; i < FLOWS; i++) {
		if (structure == 0)
			flow_v4(i, 0x0a000000 + i, 0xc0000201, 0x12340050, salt, hash);
		else if (structure == 1)
			flow_v4(i, 0xc0000201, i << 8, 0x12340050, salt, hash);
		else if (structure == 2)
			flow_v4(i, 0x0a000001, 0x0a010000 + i / 50000,
				(15536 + i % 50000) << 16 | 443, salt, hash);
		else if (structure == 3)
			flow_v4(i, 0x0a000001, 0x0a000002, i / 316 << 16 | i % 316, salt, hash);
		else if (structure == 4)
			flow_v4(i, 0x0a000000 + i / 316, 0x0a000000 + i % 316, 0x00350035, salt,
				hash);
		else
			flow_v6(i, v6_at[structure - 5], salt, hash);
	}
}

/*
 * Chi-square against even cells has a mean of dof and a deviation of sqrt(2 dof); ten of these are
 * allowed: beyond that even the skewed tail of one degree of freedom holds one in 10^4.
 */
static void
assert_even(const uint32_t *count, uint32_t cells, const char *what)
{
	double expect = (double)FLOWS / cells, chi = 0, dof = cells - 1;

	for (uint32_t i = 0; i < cells; i++)
		chi += (count[i] - expect) * (count[i] - expect) / expect;
	if (chi > dof && (chi - dof) * (chi - dof) > 100 * 2 * dof)
		fail_msg("%s over %u: chi-square %.0f", what, cells, chi);
}

static void
test_hash_distribution(void **state)
{
	static const uint64_t salts[] = {0, 1, SALT};
	static uint32_t hash[FLOWS], sets[SETS], lcores[16], both[16 * SETS];

	(void)state;
	for (unsigned int run = 0; run < RTE_DIM(structures) * RTE_DIM(salts); run++) {
		const char *what = structures[run / RTE_DIM(salts)];

		make_flows(run / RTE_DIM(salts), salts[run % RTE_DIM(salts)], hash);
		memset(sets, 0, sizeof(sets));
		memset(both, 0, sizeof(both));
		for (uint32_t i = 0; i < FLOWS; i++) {
			sets[hash[i] % SETS]++;
			both[(hash[i] >> 28) * SETS + hash[i] % SETS]++;
		}
		assert_even(sets, SETS, what);
		assert_even(both, 16 * SETS, what);
		for (uint32_t n = 2; n <= RTE_DIM(lcores); n++) {
			memset(lcores, 0, sizeof(lcores));
			for (uint32_t i = 0; i < FLOWS; i++)
				lcores[(uint64_t)hash[i] * n >> 32]++;
			assert_even(lcores, n, what);
		}
	}
}

/*
 * 2000 flows in 1024 queues: 2000^2 / 2 / 1024 = 1953 pairs collide under one salt. One in 1024 of
 * these does under another salt as well, so about 2; under a seeded CRC all would.
 */
static void
test_hash_salt(void **state)
{
	static uint32_t a[FLOWS], b[FLOWS];

	(void)state;
	for (unsigned int structure = 0; structure < RTE_DIM(structures); structure++) {
		uint32_t once = 0, twice = 0;

		make_flows(structure, SALT, a);
		make_flows(structure, SALT ^ 1, b);
		for (uint32_t i = 0; i < 2000; i++) {
			for (uint32_t j = 0; j < i; j++) {
				once += (a[i] ^ a[j]) % 1024 == 0;
				twice += (a[i] ^ a[j]) % 1024 == 0 && (b[i] ^ b[j]) % 1024 == 0;
			}
		}
		assert_in_range(once, 1700, 2200);
		assert_in_range(twice, 0, 12);
	}
}

static struct rte_mempool *pool;

static void
template_for(struct pkt_outer *o, int version)
{
	assert_int_equal(pkt_outer_set(o, &mac_us, &mac_peer, version == 4 ? &src4 : &src6,
				 version == 4 ? &dst4 : &dst6, htons(51820), htons(4500)),
		0);
}

static struct rte_mbuf *
message(const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, len), bytes, len);
	return m;
}

static void
test_outer_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(outer_cases); i++) {
		struct rte_mbuf *m = message((const uint8_t[]){4, 0, 0, 0, 1}, 5);
		struct pkt_outer o;
		uint32_t len;
		uint8_t *want = unhex(outer_cases[i].hex, &len);

		template_for(&o, outer_cases[i].version);
		assert_int_equal(
			pkt_outer_write(&o, m, outer_cases[i].tos, 0x1234, outer_cases[i].csum), 0);
		assert_int_equal(rte_pktmbuf_pkt_len(m), len);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), want, len);
		assert_int_equal(m->ol_flags, 0);
		free(want);
		rte_pktmbuf_free(m);
	}
}

static void
check_sums(struct rte_mbuf *m, int version, enum pkt_outer_csum csum)
{
	uint8_t *l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, RTE_ETHER_HDR_LEN);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(l3 + (version == 4 ? 20 : 40));
	bool offload = csum == PKT_OUTER_CSUM_OFFLOAD;
	uint16_t sum = udp->dgram_cksum;

	assert_int_equal(ntohs(udp->dgram_len), m->pkt_len - 14 - (version == 4 ? 20 : 40));
	udp->dgram_cksum = 0;
	if (version == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;
		uint16_t ip_sum = ip->hdr_checksum;

		ip->hdr_checksum = 0;
		assert_int_equal(ip_sum, rte_ipv4_cksum(ip));
		assert_int_equal(ntohs(ip->total_length), m->pkt_len - 14);
		if (csum == PKT_OUTER_CSUM_LAZY)
			assert_int_equal(sum, 0);
		else
			assert_int_equal(sum,
				offload ? rte_ipv4_phdr_cksum(ip, m->ol_flags)
					: rte_ipv4_udptcp_cksum(ip, udp));
	} else {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)l3;

		assert_int_equal(ntohs(ip->payload_len), m->pkt_len - 14 - 40);
		assert_int_equal(sum,
			offload ? rte_ipv6_phdr_cksum(ip, m->ol_flags)
				: rte_ipv6_udptcp_cksum(ip, udp));
	}
}

/* Both versions, all checksum modes, all lengths up to 100 and some long ones, random bytes. */
static void
test_outer_checksums(void **state)
{
	static const uint32_t long_lengths[] = {1452, 1453, 1454, 1455, 1472};
	uint8_t bytes[1472];
	uint64_t rng = 1;

	(void)state;
	for (unsigned int i = 0; i < 6 * (100 + RTE_DIM(long_lengths)); i++) {
		int version = i & 1 ? 4 : 6;
		enum pkt_outer_csum csum = i / 2 % 3;
		uint32_t len = i / 6 < 100 ? i / 6 : long_lengths[i / 6 - 100];
		struct rte_mbuf *m;
		struct pkt_outer o;

		for (uint32_t k = 0; k < len; k++)
			bytes[k] = test_random(&rng) >> 56;
		m = message(bytes, len);
		template_for(&o, version);
		assert_int_equal(
			pkt_outer_write(&o, m, test_random(&rng), test_random(&rng), csum), 0);
		check_sums(m, version, csum);
		assert_memory_equal(rte_pktmbuf_mtod_offset(m, void *, o.len), bytes, len);
		rte_pktmbuf_free(m);
	}
}

static void
test_outer_offload(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		struct rte_mbuf *m = message((const uint8_t[]){4, 0, 0, 0}, 4);
		struct pkt_outer o;

		template_for(&o, version);
		m->tx_offload = UINT64_MAX;
		assert_int_equal(pkt_outer_write(&o, m, 0, 0, PKT_OUTER_CSUM_OFFLOAD), 0);
		assert_int_equal(m->ol_flags,
			RTE_MBUF_F_TX_UDP_CKSUM |
				(version == 4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6));
		assert_int_equal(m->l2_len, 14);
		assert_int_equal(m->l3_len, version == 4 ? 20 : 40);
		assert_int_equal(m->tso_segsz, 0);
		rte_pktmbuf_free(m);
	}
}

/* RFC 768: a sum of 0 is sent as ffff. The payload is what makes it 0: the checksum over 0000. */
static void
test_outer_zero_checksum(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		uint8_t payload[2] = {0, 0};
		struct pkt_outer o;

		template_for(&o, version);
		for (int round = 0; round < 2; round++) {
			struct rte_mbuf *m = message(payload, 2);

			assert_int_equal(pkt_outer_write(&o, m, 0, 0, PKT_OUTER_CSUM_SOFTWARE), 0);
			memcpy(payload, rte_pktmbuf_mtod_offset(m, uint8_t *, o.len - 2), 2);
			rte_pktmbuf_free(m);
		}
		assert_int_equal(payload[0], 0xff);
		assert_int_equal(payload[1], 0xff);
	}
}

/* 300 bytes of ff as 99 + 0 + 101 + 100: odd offsets, and sums that carry out of 16 bits. */
static void
test_outer_segments(void **state)
{
	static const uint32_t lens[] = {99, 0, 101, 100};
	uint8_t bytes[300];
	uint16_t whole, chained;
	struct rte_mbuf *m, *seg;
	struct pkt_outer o;

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (uint32_t i = 0; i < sizeof(bytes); i += 7)
		bytes[i] = i;
	template_for(&o, 6);
	m = message(bytes, sizeof(bytes));
	assert_int_equal(pkt_outer_write(&o, m, 0, 0, PKT_OUTER_CSUM_SOFTWARE), 0);
	memcpy(&whole, rte_pktmbuf_mtod_offset(m, uint8_t *, o.len - 2), 2);
	rte_pktmbuf_free(m);

	m = message(bytes, lens[0]);
	for (uint32_t i = 1, off = lens[0]; i < RTE_DIM(lens); off += lens[i++]) {
		seg = message(bytes + off, lens[i]);
		assert_int_equal(rte_pktmbuf_chain(m, seg), 0);
	}
	assert_int_equal(pkt_outer_write(&o, m, 0, 0, PKT_OUTER_CSUM_SOFTWARE), 0);
	memcpy(&chained, rte_pktmbuf_mtod_offset(m, uint8_t *, o.len - 2), 2);
	assert_int_equal(chained, whole);
	rte_pktmbuf_free(m);
}

static void
test_outer_refusals(void **state)
{
	struct rte_mbuf *m = message((const uint8_t[]){4, 0, 0, 0}, 4);
	const struct pkt_addr unknown = {AF_UNIX, {0}};
	struct pkt_outer o, before;

	(void)state;
	template_for(&o, 4);
	before = o;
	assert_int_equal(pkt_outer_set(&o, &mac_us, &mac_peer, &src4, &dst6, 1, 2), -EINVAL);
	assert_int_equal(pkt_outer_set(&o, &mac_us, &mac_peer, &unknown, &unknown, 1, 2), -EINVAL);
	assert_memory_equal(&o, &before, sizeof(o));

	m->pkt_len = 65508;
	assert_int_equal(pkt_outer_write(&o, m, 0, 0, PKT_OUTER_CSUM_LAZY), -EMSGSIZE);
	m->pkt_len = 65507;
	assert_int_equal(pkt_outer_write(&o, m, 0, 0, PKT_OUTER_CSUM_LAZY), 0);
	rte_pktmbuf_adj(m, 42);
	m->pkt_len = 4;

	rte_pktmbuf_prepend(m, RTE_PKTMBUF_HEADROOM - 41);
	assert_int_equal(pkt_outer_write(&o, m, 0, 0, PKT_OUTER_CSUM_LAZY), -ENOSPC);
	assert_int_equal(rte_pktmbuf_headroom(m), 41);
	rte_pktmbuf_adj(m, 1);
	assert_int_equal(pkt_outer_write(&o, m, 0, 0, PKT_OUTER_CSUM_LAZY), 0);
	assert_int_equal(rte_pktmbuf_headroom(m), 0);
	rte_pktmbuf_free(m);
}

/* Whatever the bytes, nothing outside of them is touched and what is reported lies within them. */
static void
eat(uint8_t *p, uint32_t len)
{
	struct rte_mbuf m = {.buf_addr = p, .data_len = len};
	struct pkt_eth eth;
	struct pkt_ip ip;

	if (pkt_eth_parse(&m, &mac_us, &eth))
		assert_true(eth.l2_len <= len);
	if (pkt_ip_parse(p, len, &ip) != PKT_IP_OK)
		return;
	assert_true(ip.l4_off <= ip.total_len && ip.total_len <= len);
	assert_true(ip.dst + ip.addr_len <= p + ip.l4_off);
	pkt_flow_hash(&ip, p, SALT);
	pkt_ip_check(p, len, &ip);
	pkt_ttl_dec(p);
	pkt_ecn_decap(len, p);
	assert_int_equal(pkt_ip_parse(p, len, &ip), PKT_IP_OK);
}

static void
test_random_bytes(void **state)
{
	uint64_t rng = 2;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++) {
		uint32_t len = test_random(&rng) % 128;
		uint8_t *p = malloc(len);

		for (uint32_t k = 0; k < len; k++)
			p[k] = test_random(&rng) >> 40;
		if (len > 0 && i & 1)
			p[0] = (i & 2 ? 0x40 : 0x60) | (p[0] & 0xf);
		if (len > 4 && i & 1)
			p[i & 2 ? 2 : 4] = 0;
		eat(p, len);
		free(p);
	}
}

static void
mutate(const char *hex, uint64_t *rng)
{
	uint32_t full;
	uint8_t *seed = unhex(hex, &full);

	for (uint32_t k = 0; k < 40000; k++) {
		uint32_t len = k % 4 == 0 ? test_random(rng) % (full + 1) : full;
		uint8_t *p = malloc(len);

		if (len > 0)
			memcpy(p, seed, len);
		for (uint32_t n = test_random(rng) % 4; n > 0 && len > 0; n--) {
			uint8_t *at = p + test_random(rng) % len;

			*at ^= 1 << test_random(rng) % 8;
			if (k & 1)
				*at = test_random(rng) >> 40;
		}
		eat(p, len);
		free(p);
	}
	free(seed);
}

/* Each packet 40000 times: up to three bytes or bits changed, one in four cut short. */
static void
test_mutated_packets(void **state)
{
	uint64_t rng = 3;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(good_packets); i++)
		mutate(good_packets[i].hex, &rng);
	for (size_t i = 0; i < RTE_DIM(bad_packets); i++)
		mutate(bad_packets[i].hex, &rng);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_accepts),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_tos),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_ecn_decap),
		cmocka_unit_test(test_ecn_encap),
		cmocka_unit_test(test_ecn_mark),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_wg_padding),
		cmocka_unit_test(test_eth),
		cmocka_unit_test(test_hash_fields),
		cmocka_unit_test(test_hash_distribution),
		cmocka_unit_test(test_hash_salt),
		cmocka_unit_test(test_outer_bytes),
		cmocka_unit_test(test_outer_checksums),
		cmocka_unit_test(test_outer_offload),
		cmocka_unit_test(test_outer_zero_checksum),
		cmocka_unit_test(test_outer_segments),
		cmocka_unit_test(test_outer_refusals),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_mutated_packets),
	};

	if (test_eal_init() < 0)
		return EXIT_FAILURE;
	pool = rte_pktmbuf_pool_create("packet", 64, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (pool == NULL)
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
