/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a device share; the contract is device.h. Control thread only. */
#ifndef WG_DEVICE_PRIVATE_H
#define WG_DEVICE_PRIVATE_H

#include "device.h"
#include "peers.h"
#include "vault.h"

struct wg_device {
	const struct wg_ops *ops;
	void *ctx;
	struct rcu *rcu;
	struct wg_random random;
	uint32_t lanes;
	struct wg_vault *peer_vault;
	struct wg_vault *keypair_vault;
	_Atomic(struct wg_identity *) identity;
	uint32_t identities; /* so many there have been */
	struct wg_admission *admission; /* of wg_device_receive() */
	struct wg_index *index;
	struct wg_allowedips *allowedips;
	struct wg_peers peers;
	LIST_HEAD(, wg_walk) walks;
	struct wg_wheel wheel;
	uint32_t fwmark;
	uint16_t listen_port;
	bool down;
};

/* Files the peer in the wheel for what is due next, or takes it out. To be called after any change.
 */
void wg_device_schedule(struct wg_device *dev, struct wg_peer *peer, uint64_t now);
void wg_device_set_endpoint(
	struct wg_device *dev, struct wg_peer *peer, const struct wg_endpoint *endpoint);
/* Adds macs to a handshake message, sends and stamps it. */
void
wg_device_send(struct wg_device *dev, struct wg_peer *peer, void *msg, size_t len, uint64_t now);
/* Hands job out to be run, or runs it; false: no room for it now. The caller wipes its own. */
bool wg_device_begin(struct wg_device *dev, struct wg_job *job, uint64_t now);
/* Under the current session, or begins a handshake for one. */
void wg_device_keepalive(struct wg_device *dev, struct wg_peer *peer, uint64_t now);
void wg_device_remove_peer(struct wg_device *dev, struct wg_peer *peer);

/* device_walk.c. No walk shall come to this peer, which is still in its place, any more. */
void wg_walks_leave(struct wg_device *dev, const struct wg_peer *peer);

/* device.c: this identity from now on. Takes it over; it is from wg_device_new_identity(). */
struct wg_identity *wg_device_new_identity(const uint8_t private_key[WG_KEY_LEN]);
void wg_device_set_identity(struct wg_device *dev, struct wg_identity *identity);

/* handshake.c: our handshakes, from the wish for one until it is answered or given up. */
void wg_handshake_want(struct wg_device *dev, struct wg_peer *peer, uint64_t now);
void wg_handshake_initiate(struct wg_device *dev, struct wg_peer *peer, uint64_t now);
/* The job of an initiation has been run. */
void wg_handshake_initiated(struct wg_device *dev, struct wg_job *job, uint64_t now);
/* Our initiation, if there is one, will not be answered any more; the next retry sends another. */
void wg_handshake_forget(struct wg_device *dev, struct wg_peer *peer);
void wg_handshake_end(struct wg_device *dev, struct wg_peer *peer);
uint32_t wg_handshake_lane(const struct wg_device *dev, const struct wg_peer *peer);

/* session.c: the key slots next, current and previous. */
void
wg_session_add(struct wg_device *dev, struct wg_peer *peer, struct wg_keypair *kp, uint64_t now);
void wg_session_confirm(
	struct wg_device *dev, struct wg_peer *peer, struct wg_keypair *kp, uint64_t now);
void wg_session_drop_all(struct wg_device *dev, struct wg_peer *peer);

#endif
