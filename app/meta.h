/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet carries along besides its bytes: one mbuf dynamic field of 24 bytes, the most that
 * is left when a driver (net_pcap) has registered a receive timestamp before us.
 *
 * Whoever owns the mbuf owns the field. Peers are named by id, never by pointer: what waits in a
 * ring may outlive them.
 */
#ifndef TG_META_H
#define TG_META_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_prefetch.h>

#include "fq.h"
#include "peer.h"

/* What is to be done with the packet, and where its data begin. */
enum tg_op {
	TG_OP_DROPPED, /* nothing: it is gone and counted */
	TG_OP_SEAL, /* to crypto; IP packet for peer */
	TG_OP_RESEAL, /* TX to crypto; the same, after it waited in a closed tin */
	TG_OP_OPEN, /* to crypto; WireGuard data message, outer header before it */
	TG_OP_FRAME, /* to TX (from RX by way of crypto); Ethernet frame for port, tin in peer */
	TG_OP_STAGE, /* to TX; IP packet for peer, which has no session */
	TG_OP_PLAIN, /* to TX; IP packet for peer, sealed when it has left the port's queue */
	TG_OP_WIRE, /* to TX; sealed WireGuard message for peer */
	TG_OP_HANDSHAKE, /* to a handshake stage; WireGuard message of another type, outer header
			    before it */
	TG_OP_TWIN, /* to control; Ethernet frame for the twin of port */
	TG_OP_TUNNEL, /* to control; IP packet for the kernel by way of the tunnel device */
	TG_OP_REFUSED, /* to control; IP packet that has ended here: its source is to be told */
	TG_OP_FRAGMENT, /* nowhere yet; IP packet to be cut to fit mtu */
	TG_OP_RESOLVE, /* to control; IP packet whose next hop on port has no MAC yet, tin in peer
			*/
};

struct tg_meta {
	struct fq_pkt fq; /* inner flow hash, taken before encryption */
	uint32_t time; /* parked, or waiting in a closed tin: since when, ns >> 10 */
	uint32_t peer; /* peer id or reserved tin, see above */
	uint32_t keypair; /* sealed: the session's local index */
	union {
		uint32_t counter; /* sealed: low 32 bits of its counter */
		struct {
			uint16_t mtu; /* FRAGMENT, REFUSED: of the way out */
			uint8_t icmp; /* REFUSED: enum pkt_icmp, what to say */
			uint8_t why; /* REFUSED: enum tg_drop */
		};
		uint32_t added; /* PLAIN: what pkt_len is more than the packet now has */
	};
	uint8_t op; /* enum tg_op */
	union {
		uint8_t port; /* came in or goes out by this port */
		uint8_t crypto; /* STAGE, RESEAL, PLAIN: the crypto stage that it belongs to */
	};
	uint8_t outer_len; /* OPEN, HANDSHAKE: bytes from the outer IP header to the message */
	union {
		uint8_t tos; /* sealed: DSCP and ECN of the outer header */
		bool limited; /* what a frame's tin belongs to has a rate of its own */
	};
};

_Static_assert(sizeof(struct tg_meta) == 24, "fits beside a receive timestamp");

/* Tins of an egress queue that belong to no peer. */
#define TG_TIN_FORWARD (WG_PEER_ID_RESERVED + 1) /* between ports, in the clear */
#define TG_TIN_TWIN (WG_PEER_ID_RESERVED + 2) /* what the kernel sends */
#define TG_TIN_HANDSHAKE (WG_PEER_ID_RESERVED + 3)

extern int tg_meta_offset;

static inline struct tg_meta *
tg_meta(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, tg_meta_offset, struct tg_meta *);
}

/* Asks for what is about to be read of a burst. */
static inline void
tg_meta_fetch(struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		rte_prefetch0(tg_meta(pkts[i]));
}

/* The tin that the packet joins should it leave as a frame. */
static inline void
tg_meta_join(struct tg_meta *meta, uint32_t tin, bool limited)
{
	meta->peer = tin;
	meta->limited = limited;
}

/* After EAL's start, before any stage. 0 or -errno. */
int tg_meta_register(void);

#endif
