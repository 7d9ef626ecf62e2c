/* SPDX-License-Identifier: BSD-3-Clause */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_tun.h>

#define SEGMENTS_MAX 16

static int
request_init(struct ifreq *req, const char *name)
{
	size_t len = strlen(name);

	/* The kernel would take a % as a pattern for a name of its own choice. */
	if (len == 0 || len >= IFNAMSIZ || strchr(name, '%'))
		return -EINVAL;
	memset(req, 0, sizeof(*req));
	memcpy(req->ifr_name, name, len);
	return 0;
}

/* A name that is taken is EBUSY where it is a TUN or TAP, EINVAL for other kinds and for bad names.
 */
static int
create_error(const char *name, int err)
{
	return err == EBUSY || (err == EINVAL && if_nametoindex(name)) ? -EEXIST : -err;
}

static int
device_open(const char *name, short flags)
{
	struct ifreq req;
	int err = request_init(&req, name);
	int fd;

	if (err)
		return err;
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	req.ifr_flags = (short)(flags | IFF_NO_PI | (short)IFF_TUN_EXCL);
	if (ioctl(fd, TUNSETIFF, &req) < 0) {
		err = create_error(name, errno);
		goto fail;
	}
	if (ioctl(fd, TUNSETOFFLOAD, 0) < 0) {
		err = -errno;
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return err;
}

static int
interface_set(const char *name, const struct rte_ether_addr *mac, uint16_t mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (mac) {
		request_init(&req, name);
		req.ifr_hwaddr.sa_family = ARPHRD_ETHER;
		memcpy(req.ifr_hwaddr.sa_data, mac, sizeof(*mac));
		if (ioctl(fd, SIOCSIFHWADDR, &req) < 0)
			err = -errno;
	}
	request_init(&req, name);
	req.ifr_mtu = mtu;
	if (!err && ioctl(fd, SIOCSIFMTU, &req) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int
open_and_set(const char *name, short flags, const struct rte_ether_addr *mac, uint16_t mtu)
{
	int fd = device_open(name, flags);
	int err;

	if (fd < 0)
		return fd;
	err = interface_set(name, mac, mtu);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int
tg_tun_open(const char *name, uint16_t mtu)
{
	return open_and_set(name, IFF_TUN, NULL, mtu);
}

int
tg_tap_open(const char *name, const struct rte_ether_addr *mac, uint16_t mtu)
{
	return open_and_set(name, IFF_TAP, mac, mtu);
}

struct rte_mbuf *
tg_tap_read(int fd, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	char excess;
	struct iovec iov[2] = {{.iov_len = 0}, {.iov_base = &excess, .iov_len = 1}};
	ssize_t n;

	if (!m) {
		errno = ENOMEM;
		return NULL;
	}
	iov[0].iov_base = rte_pktmbuf_mtod(m, void *);
	iov[0].iov_len = rte_pktmbuf_tailroom(m);
	n = readv(fd, iov, 2);
	if (n > 0 && (size_t)n <= iov[0].iov_len) {
		m->data_len = (uint16_t)n;
		m->pkt_len = (uint32_t)n;
		return m;
	}
	if (n >= 0)
		errno = n ? EMSGSIZE : EAGAIN;
	rte_pktmbuf_free(m);
	return NULL;
}

bool
tg_tap_write(int fd, const struct rte_mbuf *m)
{
	struct iovec iov[SEGMENTS_MAX];
	uint32_t len = m->pkt_len;
	int n = 0;

	for (; m && n < SEGMENTS_MAX; m = m->next, n++) {
		iov[n].iov_base = rte_pktmbuf_mtod(m, void *);
		iov[n].iov_len = m->data_len;
	}
	return !m && writev(fd, iov, n) == (ssize_t)len;
}
