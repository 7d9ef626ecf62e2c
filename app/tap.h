/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TUN and TAP devices: the tunnel device and the ports' twins, through which the kernel sees
 * tinguard. Control thread only; not persistent, a device is gone when its descriptor is closed.
 */
#ifndef TG_TAP_H
#define TG_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

/*
 * A non-blocking descriptor, or -errno: -EEXIST when an interface of that name is there already
 * (even a persistent TAP, which is somebody's), -EINVAL for a name that Linux does not allow. The
 * link stays down: bringing it up is the operator's. Without offloads: the kernel hands over and
 * takes plain packets.
 */
int tg_tun_open(const char *name, uint16_t mtu);
int tg_tap_open(const char *name, const struct rte_ether_addr *mac, uint16_t mtu);

/*
 * One packet (TUN: IP; TAP: Ethernet frame) from the kernel, behind the usual headroom, in one
 * segment. NULL and errno: EAGAIN when there is none, ENOMEM, EMSGSIZE when it was dropped as too
 * large for an mbuf of this pool.
 */
struct rte_mbuf *tg_tap_read(int fd, struct rte_mempool *pool);

/* One packet of up to 16 segments to the kernel; m stays the caller's. False: the kernel did not
 * take it. */
bool tg_tap_write(int fd, const struct rte_mbuf *m);

#endif
