/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071), for this library only.
 *
 * A sum is of 16-bit words as they lie in memory, so that no byte is swapped; it is folded once, at
 * the end. DPDK's rte_raw_cksum_mbuf() loses carries where a segment begins at an odd offset.
 */
#ifndef PKT_CSUM_H
#define PKT_CSUM_H

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

static inline uint16_t
pkt_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The upper half of x + (x with its halves swapped) is the sum of both halves and their carry. */
static inline uint16_t
pkt_csum_fold(uint64_t sum)
{
	uint32_t half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);

	return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
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

/* RFC 1624 equation 3: change is ~was + is of a 16-bit word of an IPv4 header, in host order. */
static inline void
pkt_csum_change(uint8_t *field, uint32_t change)
{
	uint32_t sum = (uint16_t)~pkt_be16(field) + change;
	uint16_t csum;

	sum = (sum >> 16) + (uint16_t)sum;
	csum = (uint16_t) ~((sum >> 16) + sum);
	field[0] = csum >> 8;
	field[1] = (uint8_t)csum;
}

/* The same for a TTL that is one less: the sum loses 0x100, so the field gains it. */
static inline void
pkt_csum_less_ttl(uint8_t *field)
{
	const uint16_t step = RTE_BE16(0x100);
	uint16_t word;

	memcpy(&word, field, sizeof(word));
	word = (uint16_t)(word + step + (word >= UINT16_MAX - step));
	memcpy(field, &word, sizeof(word));
}

static inline void
pkt_csum_update(uint8_t *field, uint16_t was, uint16_t is)
{
	pkt_csum_change(field, (uint32_t)(uint16_t)~was + is);
}

#endif
