/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue before the cipher: FQ-CoDel over a crypto stage's time.
 *
 * What the stage can take at once passes by it. When more comes, all waits here, and the stage
 * takes a burst at a time: sparse flows first, peers by weight, CoDel on the rest. Both directions
 * share one instance, since they share the lcore, but each has a tin of its own for a peer: what
 * peers send must not take the time of what is sent to them, and acknowledgements of eight
 * downloads are no ninth of them. To a peer the flow is the inner one, from a peer it is the peer
 * alone.
 *
 * The resource is time, not bytes, and the cipher's time is not proportional to length: so much is
 * added to each packet (TG_CRYPTO_OVERHEAD) that lengths are proportional to cycles.
 *
 * Only the crypto stage that owns it calls these, but for creation.
 */
#ifndef TG_CRYPTO_QUEUE_H
#define TG_CRYPTO_QUEUE_H

#include "stage_crypto.h"

/*
 * In bytes: what a packet costs beside its bytes. The cipher alone takes 395 cycles and 0.40 per
 * byte with IPsec-MB (README, numbers), 800 and 2.3 with libsodium, and the rest of the way costs
 * some hundreds more that do not depend on length.
 */
#define TG_CRYPTO_OVERHEAD 1000

struct tg_crypto_queue_params {
	uint32_t max_peers;
	uint32_t limit; /* packets */
	uint64_t target_ns;
	uint64_t interval_ns;
	uint32_t fifo; /* not 0: a FIFO of so many packets */
};

/* Control, at start. The stage's queue; NULL and rte_errno. Freed by fq_destroy(). */
struct fq *tg_crypto_queue_create(struct tg_crypto *c, const struct tg_crypto_queue_params *params);

/* Queues up to TG_BURST packets that are to be opened or sealed. */
void tg_crypto_queue_put(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n);

#endif
