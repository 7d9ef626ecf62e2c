/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listening port as the kernel sees it. The data path takes WireGuard's packets from the ports,
 * but fragments it leaves to the kernel, by way of the twin. So the kernel has to have that port
 * open: else it would answer a reassembled message with an ICMP error, to whoever sent it. What it
 * reassembles is read here and goes the usual way.
 */
#include "control.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include <rte_ip.h>
#include <rte_udp.h>

#define READ_MAX 32
/* So many at a time are a flood: cookies, for as long as the handshake stages ask for them. */
#define UNDER_LOAD_TIME WG_NS_PER_S

union control_message {
	struct cmsghdr align;
	uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Our address that the datagram was sent to, network order. False: not said. */
static bool
destination(struct msghdr *msg, uint8_t addr[16])
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(addr, &info.ipi_addr, sizeof(info.ipi_addr));
			return true;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(addr, &info.ipi6_addr, sizeof(info.ipi6_addr));
			return true;
		}
	}
	return false;
}

/* Before the message what later stages read of an outer header: addresses and ports, Not-ECT. */
static void
write_outer(struct rte_mbuf *m, const struct sockaddr_storage *from, const uint8_t to[16])
{
	uint8_t *message = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_udp_hdr udp = {0};

	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)from;
		struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF};

		udp.src_port = in->sin_port;
		ip.src_addr = in->sin_addr.s_addr;
		memcpy(&ip.dst_addr, to, sizeof(ip.dst_addr));
		tg_meta(m)->outer_len = sizeof(ip) + sizeof(udp);
		memcpy(message - tg_meta(m)->outer_len, &ip, sizeof(ip));
	} else {
		const struct sockaddr_in6 *in = (const void *)from;
		struct rte_ipv6_hdr ip = {.vtc_flow = RTE_BE32(UINT32_C(6) << 28)};

		udp.src_port = in->sin6_port;
		memcpy(ip.src_addr, &in->sin6_addr, sizeof(ip.src_addr));
		memcpy(ip.dst_addr, to, sizeof(ip.dst_addr));
		tg_meta(m)->outer_len = sizeof(ip) + sizeof(udp);
		memcpy(message - tg_meta(m)->outer_len, &ip, sizeof(ip));
	}
	memcpy(message - sizeof(udp), &udp, sizeof(udp));
}

static void
deliver(struct tg_control *c, struct rte_mbuf *m)
{
	const struct wg_data *msg = rte_pktmbuf_mtod(m, const struct wg_data *);

	c->counters.in++;
	if (rte_pktmbuf_data_len(m) < sizeof(msg->type)) {
		tg_drop(&c->counters, m, TG_DROP_WG_SHORT);
	} else if (rte_le_to_cpu_32(msg->type) != WG_MESSAGE_DATA) {
		tg_handshake_receive(c, m);
	} else if (rte_pktmbuf_data_len(m) < WG_DATA_LEN_MIN) {
		tg_drop(&c->counters, m, TG_DROP_WG_SHORT);
	} else {
		tg_meta(m)->op = TG_OP_OPEN;
		tg_control_to_crypto(c, m);
	}
}

/* False when there is nothing more to read now. */
static bool
read_one(struct tg_control *c, int fd)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->pipeline->env.pool);
	union control_message control;
	struct sockaddr_storage from;
	uint8_t to[16];
	struct iovec iov;
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	if (!m)
		return false;
	iov.iov_base = rte_pktmbuf_mtod(m, void *);
	iov.iov_len = rte_pktmbuf_tailroom(m);
	n = recvmsg(fd, &msg, 0);
	if (n >= 0 && (msg.msg_flags & MSG_TRUNC)) {
		c->counters.in++;
		tg_drop(&c->counters, m, TG_DROP_NO_ROOM);
		return true;
	}
	if (n < 0 || !destination(&msg, to)) {
		rte_pktmbuf_free(m);
		return n >= 0;
	}
	rte_pktmbuf_append(m, (uint16_t)n);
	write_outer(m, &from, to);
	deliver(c, m);
	return true;
}

static void
readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct tg_control *c = watcher->data;
	unsigned int i;

	(void)loop;
	(void)events;
	for (i = 0; i < READ_MAX && read_one(c, watcher->fd); i++)
		c->work++;
	if (i == READ_MAX)
		c->under_load_until = c->now + UNDER_LOAD_TIME;
}

static int
bound(int family, uint16_t port)
{
	static const int on = 1;
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = port};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = port};
	bool v6 = family == AF_INET6;
	int error, fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if ((v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
		setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO,
			&on, sizeof(on)) ||
		bind(fd, v6 ? (void *)&any6 : (void *)&any4, v6 ? sizeof(any6) : sizeof(any4))) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in in = {0};
	socklen_t len = sizeof(in);

	getsockname(fd, (struct sockaddr *)&in, &len);
	return in.sin_port;
}

int
tg_listen_open(struct tg_listen *l, uint16_t port)
{
	l->fd[0] = bound(AF_INET, port);
	if (l->fd[0] < 0)
		return l->fd[0];
	l->port = port_of(l->fd[0]);
	l->fd[1] = bound(AF_INET6, l->port);
	/* A kernel without IPv6 answers nothing in IPv6 either. */
	if (l->fd[1] < 0 && l->fd[1] != -EAFNOSUPPORT) {
		close(l->fd[0]);
		return l->fd[1];
	}
	return 0;
}

void
tg_listen_start(struct tg_control *c, struct tg_listen *l)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(l->fd); i++) {
		if (l->fd[i] < 0)
			continue;
		ev_io_init(&l->watcher[i], readable, l->fd[i], EV_READ);
		l->watcher[i].data = c;
		ev_io_start(c->loop, &l->watcher[i]);
	}
}

void
tg_listen_close(struct tg_control *c, struct tg_listen *l)
{
	unsigned int i;

	for (i = 0; l->port && i < RTE_DIM(l->fd); i++) {
		if (l->fd[i] < 0)
			continue;
		ev_io_stop(c->loop, &l->watcher[i]);
		close(l->fd[i]);
	}
	l->port = 0;
}
