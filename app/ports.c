/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>

#include "forward.h"

/* Few TX descriptors: what waits shall wait in the queue that CoDel sees. */
#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 128

/* Ethernet with two tags, and the checksum that some drivers count. */
#define L2_MAX (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN + RTE_ETHER_CRC_LEN)
#define PADDING_MAX (PKT_WG_PAD - 1)
/* Cards take buffers in steps of so many bytes. */
#define BUFFER_GRAIN 1024

#define RSS_WANTED (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP)

static int
fail(char *error, uint16_t id, const char *what, int ret)
{
	char name[RTE_ETH_NAME_MAX_LEN] = "";

	rte_eth_dev_get_name_by_port(id, name);
	snprintf(error, TG_ERROR_LEN, "port %u (%s): %s: %s", id, name, what, rte_strerror(-ret));
	return ret;
}

uint16_t
tg_port_buffer_size(uint16_t mtu)
{
	uint32_t frame = mtu + L2_MAX + WG_TAG_LEN + PADDING_MAX;
	uint32_t room = RTE_ALIGN_CEIL(frame, (uint32_t)BUFFER_GRAIN);

	return (uint16_t)(RTE_PKTMBUF_HEADROOM +
		RTE_MAX(room, (uint32_t)RTE_MBUF_DEFAULT_DATAROOM));
}

uint64_t
tg_port_tx_offloads(uint64_t capabilities)
{
	return capabilities & (RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
}

/* The largest that buffers and driver can do; a driver that tells no MTU tells a frame. 0: the
 * usual.
 */
static uint32_t
mtu_of(const struct tg_env *env, const struct rte_eth_dev_info *info)
{
	uint32_t most = info->max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN;

	if (info->max_mtu != UINT16_MAX || most > UINT16_MAX)
		most = info->max_mtu;
	most = RTE_MIN(most, (uint32_t)env->mtu_max);
	return most > RTE_ETHER_MTU ? most : 0;
}

/* A card fills the queues that are set up; net_af_packet all that it has, read or not. */
static uint16_t
rx_queues(const struct rte_eth_dev_info *info, uint16_t n_rx)
{
	if (strcmp(info->driver_name, "net_af_packet") == 0)
		return info->max_rx_queues;
	return RTE_MIN(n_rx, info->max_rx_queues);
}

static int
configure(const struct tg_env *env, struct tg_port *port, uint16_t n_rx, uint16_t n_tx, char *error)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int ret = rte_eth_dev_info_get(port->id, &info);

	if (ret)
		return fail(error, port->id, "no information", ret);
	if (info.max_tx_queues < n_tx) {
		snprintf(error, TG_ERROR_LEN,
			"port %u (%s): has %u TX queues, too few for %u TX lcores", port->id,
			info.driver_name, info.max_tx_queues, n_tx);
		return -ENOTSUP;
	}
	port->n_txq = n_tx;
	port->n_rxq = rx_queues(&info, n_rx);
	if (port->n_rxq > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = RSS_WANTED & info.flow_type_rss_offloads;
	}
	conf.txmode.offloads = tg_port_tx_offloads(info.tx_offload_capa);
	port->udp_csum = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	conf.rxmode.mtu = mtu_of(env, &info);
	ret = rte_eth_dev_configure(port->id, port->n_rxq, port->n_txq, &conf);
	return ret ? fail(error, port->id, "cannot be configured", ret) : 0;
}

static int
queues(const struct tg_port *port, struct rte_mempool *pool, char *error)
{
	uint16_t q, rxd = RX_DESCRIPTORS, txd = TX_DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(port->id);
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rxd, &txd);

	if (ret)
		return fail(error, port->id, "ring sizes", ret);
	for (q = 0; q < port->n_rxq; q++) {
		ret = rte_eth_rx_queue_setup(port->id, q, rxd, (unsigned int)socket, NULL, pool);
		if (ret)
			return fail(error, port->id, "RX queue", ret);
	}
	for (q = 0; q < port->n_txq; q++) {
		ret = rte_eth_tx_queue_setup(port->id, q, txd, (unsigned int)socket, NULL);
		if (ret)
			return fail(error, port->id, "TX queue", ret);
	}
	return 0;
}

int
tg_ports_setup(struct tg_env *env, uint16_t n_rx, uint16_t n_tx, char error[TG_ERROR_LEN])
{
	uint16_t id;
	int ret;

	RTE_ETH_FOREACH_DEV (id) {
		struct tg_port *port = &env->ports[env->n_ports];

		if (env->n_ports == TG_PORTS_MAX) {
			snprintf(error, TG_ERROR_LEN, "port %u: more than %u ports", id,
				TG_PORTS_MAX);
			return -ENOSPC;
		}
		port->id = id;
		env->n_ports++;
		ret = configure(env, port, n_rx, n_tx, error);
		if (!ret)
			ret = queues(port, env->pool, error);
		if (ret)
			return ret;
		ret = rte_eth_macaddr_get(id, &port->mac);
		if (ret)
			return fail(error, id, "no MAC address", ret);
	}
	if (!env->n_ports) {
		snprintf(error, TG_ERROR_LEN, "no port: give EAL -a PCI-ADDRESS or --vdev DRIVER");
		return -ENODEV;
	}
	return 0;
}

int
tg_ports_start(const struct tg_env *env, char error[TG_ERROR_LEN])
{
	unsigned int i;

	for (i = 0; i < env->n_ports; i++) {
		uint16_t id = env->ports[i].id;
		int ret = rte_eth_dev_start(id);

		if (ret)
			return fail(error, id, "does not start", ret);
		/* The twin's multicast groups (neighbour discovery) are not known here: take all.
		 */
		ret = rte_eth_allmulticast_enable(id);
		if (ret && ret != -ENOTSUP)
			return fail(error, id, "does not receive multicast", ret);
	}
	return 0;
}

uint64_t
tg_port_link_rate(const struct tg_env *env, uint16_t port)
{
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(env->ports[port].id, &link) || !link.link_status ||
		link.link_speed == RTE_ETH_SPEED_NUM_NONE ||
		link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN)
		return 0;
	return link.link_speed * (UINT64_C(1000000) / 8) * 99 / 100;
}

uint16_t
tg_port_mtu(const struct tg_env *env, uint16_t port)
{
	uint16_t mtu;

	return rte_eth_dev_get_mtu(env->ports[port].id, &mtu) == 0 ? mtu : RTE_ETHER_MTU;
}

int
tg_port_set_mtu(const struct tg_env *env, uint16_t port, uint16_t mtu)
{
	uint16_t now = tg_port_mtu(env, port);
	int ret;

	if (mtu > env->mtu_max)
		return -EMSGSIZE;
	ret = mtu == now ? 0 : rte_eth_dev_set_mtu(env->ports[port].id, mtu);
	/* Drivers that cannot while they run go on receiving more than is sent: no harm. */
	return ret == -EBUSY && mtu < now ? 0 : ret;
}

void
tg_ports_close(const struct tg_env *env)
{
	unsigned int i;

	for (i = 0; i < env->n_ports; i++) {
		rte_eth_dev_stop(env->ports[i].id);
		rte_eth_dev_close(env->ports[i].id);
	}
}
