/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <sys/socket.h>

#include "forward.h"
#include "path.h"
#include "route.h"

/* As long as the kernel asks three times, a second apart. */
#define GIVE_UP (3 * WG_NS_PER_S)
#define ASK_AGAIN WG_NS_PER_S

/* The destination MAC is known by now. */
static void
release(struct tg_control *c, struct rte_mbuf *m, struct tg_hop *hop)
{
	struct rte_ether_addr mac;

	if (tg_meta(m)->op == TG_OP_FRAME) {
		if (!tg_hop_mac(hop, &mac)) {
			tg_lose(&c->counters, m, TG_DROP_UNRESOLVED);
			return;
		}
		rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->dst_addr = mac;
	}
	tg_control_to_tx(c, m);
}

static struct tg_waiting_hop *
find(struct tg_control *c, const struct tg_hop *hop)
{
	unsigned int i;

	for (i = 0; i < TG_RESOLVE_HOPS; i++)
		if (c->waiting[i].hop == hop)
			return &c->waiting[i];
	return NULL;
}

static void
forget(struct tg_control *c, struct tg_waiting_hop *w)
{
	tg_fib_hop_put(c->pipeline->env.fib, w->hop);
	w->hop = NULL;
	w->n = 0;
}

/* Of what was only forwarded the source is told; what waits at the end is not. */
static void
unresolved(struct tg_control *c, struct rte_mbuf *m, enum tg_drop why)
{
	const struct tg_meta *meta = tg_meta(m);

	if (why != TG_DROP_UNRESOLVED || meta->op != TG_OP_FRAME || meta->peer == TG_TIN_TWIN ||
		meta->peer == TG_TIN_HANDSHAKE) {
		tg_lose(&c->counters, m, why);
		return;
	}
	rte_pktmbuf_adj(m, sizeof(struct rte_ether_hdr));
	tg_icmp_host(c, m, why);
}

static void
give_up(struct tg_control *c, struct tg_waiting_hop *w, enum tg_drop why)
{
	unsigned int i;

	for (i = 0; i < w->n; i++)
		unresolved(c, w->pkts[i], why);
	forget(c, w);
}

static struct tg_waiting_hop *
oldest(struct tg_control *c)
{
	struct tg_waiting_hop *w, *old = c->waiting;

	for (w = c->waiting; w < &c->waiting[TG_RESOLVE_HOPS]; w++)
		if (w->since < old->since)
			old = w;
	return old;
}

/* Who scans for addresses that nobody has shall not keep others from being asked for. */
static struct tg_waiting_hop *
begin(struct tg_control *c, struct tg_hop *hop)
{
	struct tg_waiting_hop *w = find(c, NULL);

	if (!w) {
		w = oldest(c);
		give_up(c, w, TG_DROP_UNRESOLVED);
	}
	w->hop = tg_fib_hop_get(c->pipeline->env.fib, hop->port, hop->family, hop->addr);
	if (!w->hop)
		return NULL;
	w->since = w->asked = c->now;
	tg_netlink_resolve(c->netlink, w->hop);
	return w;
}

static void
wait_for(struct tg_control *c, struct tg_hop *hop, struct rte_mbuf *m)
{
	struct tg_waiting_hop *w = find(c, hop);
	struct rte_ether_addr mac;

	/* The answer may have come while the packet was in the ring. */
	if (tg_hop_mac(hop, &mac)) {
		release(c, m, hop);
		return;
	}
	if (!w)
		w = begin(c, hop);
	if (w && w->n < TG_RESOLVE_PACKETS)
		w->pkts[w->n++] = m;
	else
		tg_lose(&c->counters, m, TG_DROP_UNRESOLVED);
}

void
tg_resolve_frame(struct tg_control *c, struct rte_mbuf *m, struct tg_hop *hop)
{
	wait_for(c, hop, m);
}

/* The route is looked up again: hops do not travel through rings. */
static void
ip_packet(struct tg_control *c, struct rte_mbuf *m)
{
	const struct tg_env *env = &c->pipeline->env;
	static const struct rte_ether_addr unknown;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	struct tg_hop *hop = NULL, *own = NULL;
	struct pkt_ip ip;

	if (pkt_ip_parse(p, rte_pktmbuf_data_len(m), &ip) == PKT_IP_OK)
		hop = tg_route_lookup(env, &ip, NULL).hop;
	if (hop && hop->type == TG_HOP_ON_LINK)
		hop = own = tg_fib_hop_get(
			env->fib, hop->port, ip.version == 4 ? AF_INET : AF_INET6, ip.dst);
	if (!hop || hop->type != TG_HOP_ETHER)
		tg_drop(&c->counters, m, TG_DROP_NO_ROUTE);
	else if (!pkt_ttl_dec(p))
		tg_drop(&c->counters, m, TG_DROP_TTL);
	else if (!tg_route_frame(env, m, hop->port, &unknown, ip.version))
		tg_drop(&c->counters, m, TG_DROP_NO_ROOM);
	else {
		tg_meta(m)->op = TG_OP_FRAME;
		tg_meta(m)->port = (uint8_t)hop->port;
		tg_meta(m)->fq.hash = m->hash.rss;
		wait_for(c, hop, m);
	}
	if (own)
		tg_fib_hop_put(env->fib, own);
}

void
tg_resolve_packet(struct tg_control *c, struct rte_mbuf *m)
{
	const struct wg_peer *peer;
	struct tg_path *path;

	if (tg_meta(m)->op != TG_OP_WIRE) {
		ip_packet(c, m);
		return;
	}
	peer = wg_device_peer(c->dev, tg_meta(m)->peer);
	path = peer ? tg_path_of(peer) : NULL;
	if (path)
		wait_for(c, path->hop, m);
	else
		tg_lose(&c->counters, m, TG_DROP_NO_ENDPOINT);
}

void
tg_resolve_done(void *control, struct tg_hop *hop)
{
	struct tg_control *c = control;
	struct tg_waiting_hop *w = find(c, hop);
	unsigned int i;

	if (!w)
		return;
	for (i = 0; i < w->n; i++)
		release(c, w->pkts[i], hop);
	forget(c, w);
}

void
tg_resolve_housekeeping(struct tg_control *c)
{
	struct tg_waiting_hop *w;

	for (w = c->waiting; w < &c->waiting[TG_RESOLVE_HOPS]; w++) {
		if (!w->hop)
			continue;
		if (c->now - w->since >= GIVE_UP)
			give_up(c, w, TG_DROP_UNRESOLVED);
		else if (c->now - w->asked >= ASK_AGAIN) {
			w->asked = c->now;
			tg_netlink_resolve(c->netlink, w->hop);
		}
	}
}

void
tg_resolve_close(struct tg_control *c)
{
	struct tg_waiting_hop *w;

	for (w = c->waiting; w < &c->waiting[TG_RESOLVE_HOPS]; w++)
		if (w->hop)
			give_up(c, w, TG_DROP_SHUTDOWN);
}
