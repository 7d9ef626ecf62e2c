/* SPDX-License-Identifier: BSD-3-Clause */
#include "mss.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>

#include <rte_byteorder.h>
#include <rte_tcp.h>

#include "csum.h"

#define TCP_MIN ((uint32_t)sizeof(struct rte_tcp_hdr))
#define TCP_CSUM offsetof(struct rte_tcp_hdr, cksum)
#define HEADERS4 (20 + TCP_MIN)
#define HEADERS6 (40 + TCP_MIN)

/* The sum is of words: what begins at an odd offset counts with its bytes exchanged (RFC 1071). */
static void
set(uint8_t *tcp, uint32_t off, uint16_t mss)
{
	uint16_t was = pkt_be16(tcp + off), is = mss;

	tcp[off] = mss >> 8;
	tcp[off + 1] = (uint8_t)mss;
	if (off & 1) {
		was = rte_bswap16(was);
		is = rte_bswap16(is);
	}
	pkt_csum_update(tcp + TCP_CSUM, was, is);
}

static void
clamp_options(uint8_t *tcp, uint32_t len, uint16_t max)
{
	uint32_t off = TCP_MIN, step;

	for (; off < len && tcp[off] != TCPOPT_EOL; off += step) {
		step = 1;
		if (tcp[off] == TCPOPT_NOP)
			continue;
		if (off + 1 == len || tcp[off + 1] < 2 || tcp[off + 1] > len - off)
			return;
		step = tcp[off + 1];
		if (tcp[off] == TCPOPT_MAXSEG && step == TCPOLEN_MAXSEG &&
			pkt_be16(tcp + off + 2) > max)
			set(tcp, off + 2, max);
	}
}

void
pkt_mss_clamp(uint8_t *p, const struct pkt_ip *ip, uint32_t mtu)
{
	uint32_t headers = ip->version == 4 ? HEADERS4 : HEADERS6;
	uint8_t *tcp = p + ip->l4_off;
	uint32_t len;

	if (ip->proto != IPPROTO_TCP || ip->fragment || ip->l4_off + TCP_MIN > ip->total_len)
		return;
	if (!(tcp[13] & RTE_TCP_SYN_FLAG) || mtu <= headers)
		return;
	len = (uint32_t)(tcp[12] >> 4) * 4;
	if (len >= TCP_MIN && ip->l4_off + len <= ip->total_len)
		clamp_options(tcp, len, (uint16_t)(mtu - headers));
}
