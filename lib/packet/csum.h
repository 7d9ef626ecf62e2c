/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071), for the files of this library only.
 *
 * A sum is of 16-bit words as they lie in memory, so that no byte is swapped; it is folded once, at
 * the end. DPDK's rte_raw_cksum_mbuf() loses carries where a segment begins at an odd offset.
 */
#ifndef PKT_CSUM_H
#define PKT_CSUM_H

#include <stdint.h>
#include <string.h>

static inline uint16_t
pkt_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint16_t
pkt_csum_fold(uint64_t sum)
{
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	return (uint16_t)sum;
}

/* The sum of len bytes, not folded: below 2^48 for what a packet can hold. */
static inline uint64_t
pkt_csum_sum(const uint8_t *p, uint32_t len)
{
	uint64_t low = 0, high = 0, word;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		low += (uint32_t)word;
		high += word >> 32;
	}
	word = 0;
	memcpy(&word, p, len);
	return low + high + (uint32_t)word + (word >> 32);
}

/* RFC 1624 equation 3: a 16-bit word of an IPv4 header, in host order, changes from was to is. */
static inline void
pkt_csum_update(uint8_t *field, uint16_t was, uint16_t is)
{
	uint32_t sum = (uint16_t)~pkt_be16(field) + (uint16_t)~was + is;
	uint16_t csum = (uint16_t)~pkt_csum_fold(sum);

	field[0] = csum >> 8;
	field[1] = (uint8_t)csum;
}

#endif
