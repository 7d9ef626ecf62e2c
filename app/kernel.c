/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <errno.h>
#include <net/if.h>
#include <unistd.h>

#include "fragment.h"
#include "hash.h"
#include "ports.h"
#include "route.h"
#include "tap.h"

/* So many packets are read from a device before the others have their turn. */
#define READ_MAX 64

/* WireGuard's usual MTU: 1500 less IPv6, UDP, header and tag. */
#define TUNNEL_MTU 1420

static void
enqueue(struct tg_control *c, struct rte_ring *ring, struct rte_mbuf *m, enum tg_drop full)
{
	if (rte_ring_sp_enqueue(ring, m))
		tg_drop(&c->counters, m, full);
	else
		c->counters.out++;
}

void
tg_control_to_crypto(struct tg_control *c, struct rte_mbuf *m)
{
	const struct tg_env *env = &c->pipeline->env;
	const struct wg_data *msg = rte_pktmbuf_mtod(m, const struct wg_data *);
	uint16_t i = tg_meta(m)->op == TG_OP_OPEN
		? tg_crypto_of_session(env, rte_le_to_cpu_32(msg->receiver))
		: tg_crypto_of_flow(env, m->hash.rss);

	enqueue(c, c->pipeline->to_crypto[i], m, TG_DROP_CRYPTO_FULL);
}

void
tg_control_to_tx(struct tg_control *c, struct rte_mbuf *m)
{
	uint16_t i = tg_tx_of_tin(&c->pipeline->env, tg_meta(m)->peer);

	enqueue(c, c->pipeline->to_tx[i], m, TG_DROP_TX_FULL);
}

static void
seal(struct tg_control *c, struct rte_mbuf *m, uint32_t peer)
{
	tg_meta(m)->op = TG_OP_SEAL;
	tg_meta(m)->peer = peer;
	tg_control_to_crypto(c, m);
}

/* Fits the tunnel's MTU, which the kernel knows, but not the way to the peer. */
static void
too_big(struct tg_control *c, struct rte_mbuf *m, const struct pkt_ip *ip, uint32_t peer,
	uint16_t mtu)
{
	struct rte_mbuf *out[TG_FRAGMENTS_MAX];
	unsigned int i, n;

	switch (tg_route_too_big(&c->counters, m, ip, mtu)) {
	case TG_OP_FRAGMENT:
		n = tg_fragment(&c->pipeline->env, &c->counters, m, out);
		for (i = 0; i < n; i++)
			seal(c, out[i], peer);
		break;
	case TG_OP_REFUSED:
		tg_icmp_to_kernel(c, m, ip);
		break;
	default:
		break;
	}
}

/* The gateway's own traffic, and what the kernel forwards, to the peer that AllowedIPs name. */
static void
from_tunnel(struct tg_control *c, struct rte_mbuf *m)
{
	const struct wg_allowedips *allowed = wg_device_allowedips(c->dev);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct wg_peer *peer;
	uint16_t mtu;
	struct pkt_ip ip;
	enum pkt_ip_reason bad = pkt_ip_parse(p, rte_pktmbuf_data_len(m), &ip);

	if (bad != PKT_IP_OK) {
		tg_drop(&c->counters, m, tg_drop_ip(bad));
		return;
	}
	m->hash.rss = pkt_flow_hash(&ip, p, c->pipeline->env.salt);
	peer = ip.version == 4 ? wg_allowedips_lookup4(allowed, ip.dst)
			       : wg_allowedips_lookup6(allowed, ip.dst);
	if (!peer) {
		if (tg_refuse(&c->counters, m, &ip, TG_DROP_NO_PEER, PKT_ICMP_HOST) ==
			TG_OP_REFUSED)
			tg_icmp_to_kernel(c, m, &ip);
		return;
	}
	mtu = atomic_load_explicit(&peer->mtu, memory_order_relaxed);
	if (ip.total_len > mtu)
		too_big(c, m, &ip, peer->id, mtu);
	else
		seal(c, m, peer->id);
}

static void
from_twin(struct tg_control *c, struct rte_mbuf *m, uint16_t port)
{
	struct tg_meta *meta = tg_meta(m);
	struct pkt_ip ip;
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);

	meta->fq.hash = 0;
	if (rte_pktmbuf_data_len(m) > RTE_ETHER_HDR_LEN &&
		pkt_ip_parse(p, rte_pktmbuf_data_len(m) - RTE_ETHER_HDR_LEN, &ip) == PKT_IP_OK)
		meta->fq.hash = pkt_flow_hash(&ip, p, c->pipeline->env.salt);
	meta->op = TG_OP_FRAME;
	tg_meta_join(meta, TG_TIN_TWIN, false);
	meta->port = (uint8_t)port;
	tg_control_to_tx(c, m);
}

/* Without its device the gateway is of no use: better to end, and to be started anew. */
static void
gone(struct tg_control *c, struct tg_kernel_device *device)
{
	if (device == &c->tunnel)
		fprintf(stderr, "tinguard: the tunnel device was deleted\n");
	else
		fprintf(stderr, "tinguard: the twin of port %u was deleted\n", device->port);
	c->stop = true;
	c->failed = -ENODEV;
}

static void
readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct tg_kernel_device *device = watcher->data;
	struct tg_control *c = device->control;
	struct rte_mbuf *m;
	unsigned int i;

	(void)loop;
	(void)events;
	for (i = 0; i < READ_MAX; i++) {
		m = tg_tap_read(device->fd, c->pipeline->env.pool);
		if (!m && errno == EMSGSIZE) {
			c->counters.in++;
			c->counters.drops[TG_DROP_NO_ROOM]++;
			continue;
		}
		if (!m && errno == EBADFD)
			gone(c, device);
		if (!m)
			break;
		c->counters.in++;
		if (device == &c->tunnel)
			from_tunnel(c, m);
		else
			from_twin(c, m, device->port);
	}
	c->work += i;
}

static void
to_kernel(struct tg_control *c, struct rte_mbuf *m)
{
	const struct tg_meta *meta = tg_meta(m);
	int fd;

	switch (meta->op) {
	case TG_OP_TWIN:
		fd = c->twins[meta->port].fd;
		break;
	case TG_OP_TUNNEL:
		fd = c->tunnel.fd;
		break;
	case TG_OP_REFUSED:
		tg_icmp_answer(c, m);
		return;
	default:
		tg_resolve_packet(c, m);
		return;
	}
	tg_drop(&c->counters, m, tg_tap_write(fd, m) ? TG_DROP_KERNEL : TG_DROP_KERNEL_REFUSED);
}

unsigned int
tg_kernel_poll(struct tg_control *c)
{
	struct rte_mbuf *pkts[TG_BURST];
	unsigned int i, j, k, n = 0;

	for (i = 0; i < c->pipeline->n_local; i++) {
		k = rte_ring_sc_dequeue_burst(c->pipeline->local[i], (void **)pkts, TG_BURST, NULL);
		for (j = 0; j < k; j++)
			to_kernel(c, pkts[j]);
		n += k;
	}
	c->counters.in += n;
	return n;
}

static int
device(struct tg_control *c, struct tg_kernel_device *d, const char *name, int fd, char *error)
{
	if (fd < 0) {
		snprintf(error, TG_ERROR_LEN, "device %s: %s", name, strerror(-fd));
		return fd;
	}
	d->control = c;
	d->fd = fd;
	ev_io_init(&d->watcher, readable, fd, EV_READ);
	d->watcher.data = d;
	ev_io_start(c->loop, &d->watcher);
	return 0;
}

static int
twin(struct tg_control *c, uint16_t port, const char *tunnel, char *error)
{
	const struct tg_env *env = &c->pipeline->env;
	struct tg_kernel_device *d = &c->twins[port];
	char name[IFNAMSIZ];
	int ret;

	snprintf(name, sizeof(name), "%sp%u", tunnel, port);
	d->port = port;
	ret = device(c, d, name, tg_tap_open(name, &env->ports[port].mac, tg_port_mtu(env, port)),
		error);
	return ret ? ret : tg_netlink_add_twin(c->netlink, port, name);
}

int
tg_kernel_open(struct tg_control *c, const char *tunnel, char error[TG_ERROR_LEN])
{
	unsigned int i;
	int ret;

	c->tunnel.fd = -1;
	for (i = 0; i < TG_PORTS_MAX; i++)
		c->twins[i].fd = -1;
	ret = device(c, &c->tunnel, tunnel, tg_tun_open(tunnel, TUNNEL_MTU), error);
	if (!ret)
		ret = tg_netlink_set_tunnel(c->netlink, tunnel);
	for (i = 0; !ret && i < c->pipeline->env.n_ports; i++)
		ret = twin(c, (uint16_t)i, tunnel, error);
	if (ret)
		tg_kernel_close(c);
	return ret;
}

static void
close_device(struct tg_control *c, struct tg_kernel_device *d)
{
	if (!d->control || d->fd < 0)
		return;
	ev_io_stop(c->loop, &d->watcher);
	close(d->fd);
	d->fd = -1;
}

void
tg_kernel_close(struct tg_control *c)
{
	unsigned int i;

	close_device(c, &c->tunnel);
	for (i = 0; i < TG_PORTS_MAX; i++)
		close_device(c, &c->twins[i]);
}
