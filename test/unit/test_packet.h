/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packets of test_packet.c, as data: hexadecimal, with spaces for the reader.
 */
#ifndef TEST_PACKET_H
#define TEST_PACKET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ecn.h"
#include "eth.h"
#include "ip.h"
#include "outer.h"

/* Exactly as long as the text says, so that a sanitizer sees a read past the end. */
static inline uint8_t *
unhex(const char *hex, uint32_t *len)
{
	uint8_t *bytes = malloc(strlen(hex) / 2 + 1), *exact;
	unsigned int byte;

	for (*len = 0; *hex != '\0';) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		bytes[(*len)++] = byte;
		hex += 2;
	}
	exact = malloc(*len);
	if (*len > 0)
		memcpy(exact, bytes, *len);
	free(bytes);
	return exact;
}

#define A4 " 0a000001 0a000002 "
#define A6 " fd000000000000000000000000000001 fd000000000000000000000000000002 "
#define PORTS " 1234 5678 0008 0000 "
#define HBH_HBH " 0000000000000000 "
#define HBH_UDP " 1100000000000000 "
#define PAD26 " 0000000000000000000000000000000000000000000000000000 "
#define US "020000000001"
#define PEER "020000000002"

static const struct rte_ether_addr mac_us = {{2, 0, 0, 0, 0, 1}}, mac_peer = {{2, 0, 0, 0, 0, 2}};
static const struct pkt_addr src4 = {AF_INET, {192, 0, 2, 1}}, dst4 = {AF_INET, {198, 51, 100, 2}};
static const struct pkt_addr src6 = {AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
static const struct pkt_addr dst6 = {AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};

/* Packets that are accepted, and what is found in them. */
static const struct {
	const char *what, *hex;
	uint32_t total_len;
	uint16_t l4_off;
	uint8_t proto;
	bool fragment;
} good_packets[] = {
	{"v4 smallest", "45000014 00000000 40110000" A4, 20, 20, 17, false},
	{"v4 Ethernet padding", "45000014 00000000 40110000" A4 PAD26, 20, 20, 17, false},
	{"v4 UDP", "4500001c 00000000 40110000" A4 PORTS, 28, 20, 17, false},
	{"v4 DF", "45000014 00004000 40110000" A4, 20, 20, 17, false},
	{"v4 evil bit", "45000014 00008000 40110000" A4, 20, 20, 17, false},
	{"v4 first fragment", "4500001c 00002000 40110000" A4 PORTS, 28, 20, 17, true},
	{"v4 middle fragment", "4500001c 00002001 40110000" A4 PORTS, 28, 20, 17, true},
	{"v4 last fragment", "4500001c 00001fff 40110000" A4 PORTS, 28, 20, 17, true},
	{"v4 one option", "46000018 00000000 40060000" A4 "94040000", 24, 24, 6, false},
	{"v4 ten options",
		"4f00003c 00000000 40060000" A4 "01010101 01010101 01010101 01010101 01010101"
		"01010101 01010101 01010101 01010101 01010101",
		60, 60, 6, false},
	{"v4 AH is no extension", "4500001c 00000000 40330000" A4 PORTS, 28, 20, 51, false},
	{"v6 no next header", "60000000 0000 3b 40" A6, 40, 40, 59, false},
	{"v6 UDP", "60000000 0008 11 40" A6 PORTS, 48, 40, 17, false},
	{"v6 Ethernet padding", "60000000 0000 11 40" A6 PORTS, 40, 40, 17, false},
	{"v6 ESP stays shut", "60000000 0008 32 40" A6 PORTS, 48, 40, 50, false},
	{"v6 unknown 253", "60000000 0008 fd 40" A6 PORTS, 48, 40, 253, false},
	{"v6 hop-by-hop", "60000000 0010 00 40" A6 HBH_UDP PORTS, 56, 48, 17, false},
	{"v6 hop-by-hop, destination of 16, routing",
		"60000000 0028 00 40" A6 "3c00010400000000 2b01010c00000000 0000000000000000"
		"1100040000000000" PORTS,
		80, 72, 17, false},
	{"v6 AH of 24",
		"60000000 0020 33 40" A6 "1104000000000001 00000001 000102030405060708090a0b" PORTS,
		72, 64, 17, false},
	{"v6 first fragment", "60000000 0010 2c 40" A6 "1100000100000007" PORTS, 56, 48, 17, true},
	{"v6 first fragment, destination",
		"60000000 0018 2c 40" A6 "3c00000100000007" HBH_UDP PORTS, 64, 56, 17, true},
	{"v6 later fragment is not walked",
		"60000000 0010 2c 40" A6 "3c00000800000007"
		"11ff000000000000",
		56, 48, 60, true},
	{"v6 atomic fragment", "60000000 0010 2c 40" A6 "1100000000000007" PORTS, 56, 48, 17,
		false},
	{"v6 eight extensions",
		"60000000 0048 00 40" A6 HBH_HBH HBH_HBH HBH_HBH HBH_HBH HBH_HBH HBH_HBH HBH_HBH
			HBH_UDP PORTS,
		112, 104, 17, false},
	{"v6 nine extensions: walked to the ninth",
		"60000000 0048 00 40" A6 HBH_HBH HBH_HBH HBH_HBH HBH_HBH HBH_HBH HBH_HBH HBH_HBH
			HBH_HBH HBH_UDP,
		112, 104, 0, false},
};

static const struct {
	const char *what, *hex;
	enum pkt_ip_reason reason;
} bad_packets[] = {
	{"no bytes", "", PKT_IP_TRUNCATED},
	{"version 0", "05000014 00000000 40110000" A4, PKT_IP_BAD_VERSION},
	{"version 5", "55000014 00000000 40110000" A4, PKT_IP_BAD_VERSION},
	{"version 15", "f5000014 00000000 40110000" A4, PKT_IP_BAD_VERSION},
	{"v4 one byte", "45", PKT_IP_TRUNCATED},
	{"v4 19 bytes", "45000014 00000000 40110000 0a000001 0a0000", PKT_IP_TRUNCATED},
	{"v4 total 21 of 20", "45000015 00000000 40110000" A4, PKT_IP_TRUNCATED},
	{"v4 options cut off", "4f00003c 00000000 40110000" A4, PKT_IP_TRUNCATED},
	{"v4 IHL 4", "44000014 00000000 40110000" A4, PKT_IP_BAD_HEADER},
	{"v4 IHL 0", "40000014 00000000 40110000" A4, PKT_IP_BAD_HEADER},
	{"v4 total 19", "45000013 00000000 40110000" A4, PKT_IP_BAD_LENGTH},
	{"v4 total 0", "45000000 00000000 40110000" A4, PKT_IP_BAD_LENGTH},
	{"v4 IHL 24, total 20", "46000014 00000000 40110000" A4 "01010101", PKT_IP_BAD_LENGTH},
	{"v6 39 bytes",
		"60000000 0000 3b 40 fd000000000000000000000000000001 "
		"fd0000000000000000000000000000",
		PKT_IP_TRUNCATED},
	{"v6 payload 9 of 8", "60000000 0009 11 40" A6 PORTS, PKT_IP_TRUNCATED},
	{"v6 jumbogram", "60000000 0000 00 40" A6 "1100c20400010000", PKT_IP_BAD_EXTENSION},
	{"v6 half an extension", "60000000 0004 3c 40" A6 "11000000", PKT_IP_BAD_EXTENSION},
	{"v6 extension of 16 in 8", "60000000 0008 3c 40" A6 "1101000000000000",
		PKT_IP_BAD_EXTENSION},
	{"v6 extension of 2048", "60000000 0008 2b 40" A6 "11ff000000000000", PKT_IP_BAD_EXTENSION},
	{"v6 AH of 12 in 8", "60000000 0008 33 40" A6 "1101000000000001", PKT_IP_BAD_EXTENSION},
	{"v6 second extension missing", "60000000 0008 00 40" A6 "3c00010400000000",
		PKT_IP_BAD_EXTENSION},
	{"v6 extension into padding", "60000000 0004 3c 40" A6 HBH_UDP, PKT_IP_BAD_EXTENSION},
};

/* Pairs that are one flow, and pairs that are two. */
static const struct {
	const char *a, *b;
	bool same;
} hash_pairs[] = {
	/* TTL, tos, identification, options and payload are not the flow's */
	{"4500001c 00000000 40110000" A4 PORTS,
		"46b80020 12344000 01110000" A4 "01010101"
		"12345678 ffffffff",
		true},
	{"60000000 0008 11 40" A6 PORTS, "6b8abcde 0010 3c 01" A6 HBH_UDP PORTS, true},
	{"4500001c 00000000 40110000" A4 PORTS, "4500001c 00000000 40060000" A4 PORTS, false},
	{"4500001c 00000000 40110000" A4 PORTS,
		"4500001c 00000000 40110000 0a000002 0a000001" PORTS, false},
	{"4500001c 00000000 40110000" A4 PORTS, "4500001c 00000000 40110000" A4 "56781234 00080000",
		false},
	{"4500001c 00000000 40880000" A4 PORTS, "4500001c 00000000 40880000" A4 "12345679 00080000",
		false},
	/* ICMP has no ports; 3 bytes of UDP have none, nor may the fourth be read */
	{"4500001c 00000000 40010000" A4 "08001234 00010001",
		"4500001c 00000000 40010000" A4 "08001235 00010002", true},
	{"45000017 00000000 40110000" A4 "123456", "45000017 00000000 40110000" A4 "654321", true},
	{"60000000 0003 11 40" A6 "123456 ff", "60000000 0003 11 40" A6 "654321 ee", true},
	/* all fragments between two hosts, whatever bytes are where the ports would be */
	{"4500001c 00012000 40110000" A4 PORTS, "4500001c 000100b9 40110000" A4 "ffffffffffffffff",
		true},
	{"4500001c 00012000 40110000" A4 PORTS, "4500001c 00010000 40110000" A4 PORTS, false},
	{"60000000 0018 2c 40" A6 "3c00000100000007" HBH_UDP PORTS,
		"60000000 0010 2c 40" A6 "3c00000800000007"
		"ffffffffffffffff",
		true},
	{"60000000 0010 2c 40" A6 "1100000000000007" PORTS, "60000000 0008 11 40" A6 PORTS, true},
};

/* The ways in which the flows of a real site differ in few and regular bits. */
static const char *const structures[] = {"source address", "destination /24 apart", "source port",
	"both ports", "both addresses", "v6 interface", "v6 source subnet", "v6 destination",
	"v6 ports"};

/* RFC 6040 figure 4, rows: inner, columns: outer, both in the order of the code points. */
#define DROP (-1)
static const int decap_table[4][4] = {
	/* outer:	  Not-ECT	   ECT(1)	    ECT(0)	     CE */
	[PKT_ECN_NOT_ECT] = {PKT_ECN_NOT_ECT, PKT_ECN_NOT_ECT, PKT_ECN_NOT_ECT, DROP},
	[PKT_ECN_ECT1] = {PKT_ECN_ECT1, PKT_ECN_ECT1, PKT_ECN_ECT1, PKT_ECN_CE},
	[PKT_ECN_ECT0] = {PKT_ECN_ECT0, PKT_ECN_ECT1, PKT_ECN_ECT0, PKT_ECN_CE},
	[PKT_ECN_CE] = {PKT_ECN_CE, PKT_ECN_CE, PKT_ECN_CE, PKT_ECN_CE},
};

static const struct {
	uint32_t len, mtu, padded;
} padding_cases[] = {
	{0, 1420, 0}, /* a keepalive */
	{1, 1420, 16},
	{16, 1420, 16},
	{84, 1420, 96},
	{1408, 1420, 1408},
	{1409, 1420, 1420}, /* not 1424 */
	{1420, 1420, 1420},
	{1425, 1424, 1425},
	{1500, 1420, 1500},
};

static const struct {
	const char *hex;
	uint64_t ol_flags;
	bool ok;
	struct pkt_eth eth;
} eth_cases[] = {
	{US PEER "0800 45", 0, true, {PKT_ETH_US, 0x0800, 14, false}},
	{"ffffffffffff" PEER "0806", 0, true, {PKT_ETH_BROADCAST, 0x0806, 14, false}},
	{"333300000001" PEER "86dd", 0, true, {PKT_ETH_MULTICAST, 0x86dd, 14, false}},
	{PEER US "0800", 0, true, {PKT_ETH_OTHER, 0x0800, 14, false}},
	{"0180c2000000" PEER "0026", 0, true, {PKT_ETH_MULTICAST, 0x26, 14, false}},
	{US PEER "8100 0064 0800", 0, true, {PKT_ETH_US, 0x0800, 18, true}},
	{US PEER "88a8 0064 8100 00c8 86dd", 0, true, {PKT_ETH_US, 0x86dd, 22, true}},
	{US PEER "8100 0001 8100 0002 8100 0003 0800", 0, true, {PKT_ETH_US, 0x8100, 22, true}},
	{US PEER "0800", RTE_MBUF_F_RX_VLAN_STRIPPED, true, {PKT_ETH_US, 0x0800, 14, true}},
	{US PEER "08", 0, false, {0}},
	{"", 0, false, {0}},
	{US PEER "8100 0064 08", 0, false, {0}},
	{US PEER "88a8 0064 8100 00c8", 0, false, {0}},
};

/* Checksums worked out by another implementation of RFC 1071. */
static const struct {
	int version;
	uint8_t tos;
	enum pkt_outer_csum csum;
	const char *hex;
} outer_cases[] = {
	{4, 0x02, PKT_OUTER_CSUM_SOFTWARE,
		PEER US "0800 45020021 12340000 40117c5f c0000201 c6336402"
			"ca6c1194 000d329c 0400000001"},
	{4, 0x02, PKT_OUTER_CSUM_LAZY,
		PEER US "0800 45020021 12340000 40117c5f c0000201 c6336402"
			"ca6c1194 000d0000 0400000001"},
	{6, 0x8a, PKT_OUTER_CSUM_LAZY,
		PEER US "86dd 68a00000 000d1140 20010db8000000000000000000000001"
			"20010db8000000000000000000000002 ca6c1194 000dc35e 0400000001"},
};

#endif
