/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Validates and describes one IPv4 or IPv6 packet (RFC 791, RFC 8200).
 *
 * The packet lies in one contiguous buffer that the caller owns; nothing is written or kept. Any
 * thread. What the transport header says is the caller's affair.
 */
#ifndef PKT_IP_H
#define PKT_IP_H

#include <stdbool.h>
#include <stdint.h>

/* Why a packet was refused: name, telemetry key, text. */
#define PKT_IP_REASONS(X)                                                                          \
	X(TRUNCATED, "ip_truncated", "shorter than its IP header or its total length says")        \
	X(BAD_VERSION, "ip_bad_version", "neither IPv4 nor IPv6")                                  \
	X(BAD_HEADER, "ip_bad_header", "IPv4 header length below 20")                              \
	X(BAD_LENGTH, "ip_bad_length", "total length below the header length")                     \
	X(BAD_EXTENSION, "ip_bad_extension", "IPv6 extension header past the end of the packet")   \
	X(BAD_CHECKSUM, "ip_bad_checksum", "wrong IPv4 header checksum")

enum pkt_ip_reason {
	PKT_IP_OK,
#define PKT_IP_ENUM(name, key, text) PKT_IP_##name,
	PKT_IP_REASONS(PKT_IP_ENUM)
#undef PKT_IP_ENUM
};

struct pkt_ip {
	const uint8_t *src; /* into the packet, addr_len bytes; dst follows src at once */
	const uint8_t *dst;
	uint32_t total_len; /* bytes from the IP header on; what follows in the buffer is padding */
	uint16_t l4_off; /* bytes to what proto names, or to the data of a later fragment */
	uint8_t version; /* 4 or 6 */
	uint8_t addr_len; /* 4 or 16 */
	uint8_t proto; /* behind the extension headers */
	uint8_t tos; /* DSCP and ECN, or the traffic class */
	bool fragment; /* first or later; not the atomic fragment of RFC 6946, which is whole */
	bool later_fragment;
};

/*
 * p: the IP header, with avail bytes readable. Fills *out only for PKT_IP_OK.
 *
 * IPv4 options are skipped. IPv6 hop-by-hop, routing, destination, fragment and AH headers are
 * skipped, eight at most; at the ninth, as at anything unknown, proto is that header's number.
 * A jumbogram (RFC 2675) has a payload length of 0 and is refused for its extension header.
 */
enum pkt_ip_reason pkt_ip_parse(const uint8_t *p, uint32_t avail, struct pkt_ip *out);

/* The same for where the port has not looked: with the IPv4 header's checksum. When that is wrong,
 * *out is filled all the same. */
enum pkt_ip_reason pkt_ip_check(const uint8_t *p, uint32_t avail, struct pkt_ip *out);

/* Not unspecified, loopback, link-local or multicast. */
bool pkt_ip6_is_one_host(const uint8_t addr[16]);

/* The look that few sources need, see below. */
bool pkt_ip_odd_is_martian(const struct pkt_ip *ip);

/*
 * A source that no router passes on: this network, loopback, multicast, broadcast (RFC 1812 section
 * 5.3.7); for IPv6 what is not one host, or one link's (RFC 4291 section 2.5).
 */
static inline bool
pkt_ip_martian(const struct pkt_ip *ip)
{
	uint8_t first = ip->src[0];
	bool odd = ip->version == 4 ? first == 0 || first == 127 || first >= 224
				    : first == 0 || first >= 0xfe;

	return odd && pkt_ip_odd_is_martian(ip);
}

/* The field of a packet that was parsed before. */
static inline uint8_t
pkt_ip_tos(const uint8_t *p)
{
	return p[0] >> 4 == 4 ? p[1] : (uint8_t)(p[0] << 4 | p[1] >> 4);
}

#endif
