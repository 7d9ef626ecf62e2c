/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --encrypt-at dequeue: packets wait for the wire in the clear, and are sealed when they leave the
 * port's queue.
 *
 * It is the other order of the same stages. Crypto hands a packet for a peer on to TX as it is; TX
 * queues it with the length that it will have on the wire, and when its turn comes sends it back to
 * the crypto stage that it came from, as it does with what waited for a session; crypto seals it;
 * and TX sends it through a FIFO. Nothing is sealed and then dropped for being late, and nothing
 * that is sealed is reordered. Little may be on that way at a time: what the cipher and the port
 * have not taken stays in the queue.
 *
 * The TX stage that owns the queue calls these.
 */
#ifndef TG_PLAIN_H
#define TG_PLAIN_H

#include "stage_tx.h"

/* A packet with TG_OP_PLAIN goes into the queue of the port that its peer's path leads over. */
void tg_plain_enqueue(struct tg_tx *tx, struct rte_mbuf *m);

/*
 * Lets go what may leave the queue of the port: packets to crypto, frames to the FIFO. Returns how
 * many.
 */
unsigned int tg_plain_release(struct tg_tx *tx, uint16_t port);

#endif
