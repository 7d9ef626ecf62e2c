/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread: sessions and timers, the kernel's side (twins, tunnel device, rtnetlink),
 * UAPI, and whatever the data path reports. One loop on the main lcore; it may allocate, log and
 * make system calls, and never waits for the data path.
 *
 *   control.c    the loop, events from the data path, changes of the device
 *   handshake.c  handshake messages out, jobs to and from the handshake stages
 *   listen.c     the listening port in the kernel, for what comes in fragments
 *   kernel.c     packets from and to twins and the tunnel device
 *   icmp.c       ICMP errors about packets that have ended here or in a stage
 *   resolve.c    packets whose next hop has no MAC yet
 */
#ifndef TG_CONTROL_H
#define TG_CONTROL_H

#include <ev.h>

#include "netlink.h"
#include "paths.h"
#include "pipeline.h"
#include "refuse.h"
#include "uapi.h"

/* So many next hops are waited for at a time, with so many packets each. */
#define TG_RESOLVE_HOPS 256
#define TG_RESOLVE_PACKETS 8

struct tg_waiting_hop {
	struct tg_hop *hop; /* NULL: unused */
	uint64_t since;
	uint64_t asked;
	unsigned int n;
	struct rte_mbuf *pkts[TG_RESOLVE_PACKETS];
};

struct tg_kernel_device {
	struct tg_control *control;
	ev_io watcher;
	int fd; /* -1: not open */
	uint16_t port;
};

struct tg_listen {
	uint16_t port; /* network order; 0: closed */
	int fd[2]; /* IPv4, IPv6 */
	ev_io watcher[2];
};

struct tg_control {
	struct tg_pipeline *pipeline;
	struct wg_device *dev;
	struct rcu *rcu;
	struct tg_netlink *netlink;
	struct tg_uapi *uapi;
	struct ev_loop *loop;
	ev_io netlink_watcher;
	ev_signal sigint;
	ev_signal sigterm;
	ev_signal sighup;
	bool stop;
	int failed; /* why it stopped by itself, -errno */

	struct tg_listen listen;
	struct tg_kernel_device tunnel;
	struct tg_kernel_device twins[TG_PORTS_MAX];

	uint64_t now;
	uint64_t next_tick;
	uint64_t next_housekeeping;
	uint64_t next_refresh;
	const struct tg_queue_options *queue;
	uint64_t link_rates[TG_PORTS_MAX]; /* that ports without --shape are shaped to */
	uint64_t under_load_until; /* by messages in fragments */
	struct tg_paths paths;
	bool routes_changed;
	unsigned int work; /* things done in this round */

	/* Commands that found their ring full. */
	struct tg_command *backlog;
	size_t first_backlog;
	size_t n_backlog;
	size_t max_backlog;

	struct tg_waiting_hop waiting[TG_RESOLVE_HOPS];

	struct tg_refuse_limit refused; /* of ICMP errors about packets that end here */
	uint64_t refusals[WG_REFUSAL_COUNT]; /* of handshake messages that ended here */
	struct tg_counters counters;
};

extern const struct wg_ops tg_control_wg_ops;

/*
 * With pipeline, dev, rcu and queue set: opens the kernel's side under this tunnel name and the
 * UAPI socket. 0, or -errno and what is wrong in error; nothing is left behind then.
 */
int tg_control_open(struct tg_control *c, const char *tunnel, char error[TG_ERROR_LEN]);

/* Applies a change, and what follows from it. 0 or -errno. */
int tg_control_apply(struct tg_control *c, const struct wg_update *u);

/* Returns 0 after SIGINT, SIGTERM, or SIGHUP of its terminal, -errno when a device was taken away.
 */
int tg_control_run(struct tg_control *c);

/* Removes devices and socket, drops what waits here. Idempotent. */
void tg_control_close(struct tg_control *c);

/* handshake.c. A message that did not come by RX; takes m. */
void tg_handshake_receive(struct tg_control *c, struct rte_mbuf *m);
/* What the handshake stages have done; then what is control's own to do of that. */
unsigned int tg_handshake_poll(struct tg_control *c);
bool tg_handshake_begin(void *control, const struct wg_job *job);
/* Of handshake messages, by all; WG_OK: those accepted. */
void tg_handshake_refusals(const struct tg_control *c, uint64_t refusals[WG_REFUSAL_COUNT]);
void tg_handshake_send(void *control, struct wg_peer *peer, const struct wg_endpoint *to,
	const void *msg, size_t len);
void tg_handshake_keepalive(void *control, struct wg_peer *peer);

/* listen.c. Takes a port, network order, 0 for any; 0 or -errno. Then it may be started, and
 * closed. */
int tg_listen_open(struct tg_listen *l, uint16_t port);
void tg_listen_start(struct tg_control *c, struct tg_listen *l);
void tg_listen_close(struct tg_control *c, struct tg_listen *l);

/* kernel.c */
int tg_kernel_open(struct tg_control *c, const char *tunnel, char error[TG_ERROR_LEN]);
void tg_kernel_close(struct tg_control *c);
/* The local rings of all stages. */
unsigned int tg_kernel_poll(struct tg_control *c);

/* To the crypto stage of its flow (SEAL) or session (OPEN), to the TX stage of its tin. */
void tg_control_to_crypto(struct tg_control *c, struct rte_mbuf *m);
void tg_control_to_tx(struct tg_control *c, struct rte_mbuf *m);

/* icmp.c. A refused packet of a stage: its source is told. */
void tg_icmp_answer(struct tg_control *c, struct rte_mbuf *m);
/* An IP packet that ends here: host unreachable, where its source may be told. */
void tg_icmp_host(struct tg_control *c, struct rte_mbuf *m, enum tg_drop why);
/* A refused packet (tg_refuse()) that came from the tunnel device, as ip describes it. */
void tg_icmp_to_kernel(struct tg_control *c, struct rte_mbuf *m, const struct pkt_ip *ip);

/* resolve.c: an IP packet for an unresolved next hop (RESOLVE), or a sealed message (WIRE). */
void tg_resolve_packet(struct tg_control *c, struct rte_mbuf *m);
/* A whole frame over hop, but for the destination MAC: sent as soon as that is known. */
void tg_resolve_frame(struct tg_control *c, struct rte_mbuf *m, struct tg_hop *hop);
void tg_resolve_done(void *control, struct tg_hop *hop);
void tg_resolve_housekeeping(struct tg_control *c);
void tg_resolve_close(struct tg_control *c);

#endif
