/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A long wire between two interfaces: what comes in on one goes out on the other after a fixed
 * time, both ways, in order. For experiments where the kernel has no netem. What does not fit is
 * dropped.
 *
 *   tinguard-delay IF1 IF2 MILLISECONDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 1600
#define FRAMES 16384 /* under way, each way: a power of two */
#define NS_PER_S 1000000000

struct frame {
	uint64_t due;
	uint16_t len;
	uint8_t bytes[FRAME_MAX];
};

/* One way of the wire. */
struct way {
	int from, to;
	unsigned int head, tail;
	struct frame *frames;
};

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int
open_interface(const char *name)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name)};
	struct packet_mreq all = {.mr_ifindex = addr.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	int one = 1, room = 16 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	if (fd < 0 || !addr.sll_ifindex ||
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
		bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		fprintf(stderr, "delay: %s: %s\n", name, strerror(errno));
		exit(EXIT_FAILURE);
	}
	return fd;
}

static void
take(struct way *w, uint64_t delay)
{
	struct frame *f;
	ssize_t len;

	while (w->tail - w->head < FRAMES) {
		f = &w->frames[w->tail % FRAMES];
		len = recv(w->from, f->bytes, sizeof(f->bytes), MSG_TRUNC);
		if (len < 0)
			return;
		if ((size_t)len > sizeof(f->bytes))
			continue;
		f->len = (uint16_t)len;
		f->due = now() + delay;
		w->tail++;
	}
}

static void
give(struct way *w, uint64_t until)
{
	while (w->head != w->tail) {
		const struct frame *f = &w->frames[w->head % FRAMES];

		if (f->due > until || (send(w->to, f->bytes, f->len, 0) < 0 && errno == EAGAIN))
			return;
		w->head++;
	}
}

static uint64_t
next_due(const struct way *w)
{
	return w->head == w->tail ? UINT64_MAX : w->frames[w->head % FRAMES].due;
}

static void
wait_for_frames(const struct way w[2])
{
	struct pollfd fds[] = {{.fd = w[0].from, .events = POLLIN}, {w[1].from, POLLIN, 0}};
	uint64_t a = next_due(&w[0]), b = next_due(&w[1]), due = a < b ? a : b, at = now();
	uint64_t ns = due > at ? due - at : 0;
	struct timespec timeout = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	ppoll(fds, 2, due == UINT64_MAX ? NULL : &timeout, NULL);
}

int
main(int argc, char **argv)
{
	struct way ways[2] = {0};
	uint64_t delay;

	if (argc != 4) {
		fprintf(stderr, "usage: tinguard-delay IF1 IF2 MILLISECONDS\n");
		return 2;
	}
	delay = strtoull(argv[3], NULL, 10) * 1000000;
	ways[0].from = ways[1].to = open_interface(argv[1]);
	ways[0].to = ways[1].from = open_interface(argv[2]);
	ways[0].frames = calloc(2 * FRAMES, sizeof(*ways[0].frames));
	if (!ways[0].frames) {
		fprintf(stderr, "delay: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	ways[1].frames = ways[0].frames + FRAMES;
	prctl(PR_SET_TIMERSLACK, 1000);
	for (;;) {
		wait_for_frames(ways);
		take(&ways[0], delay);
		take(&ways[1], delay);
		give(&ways[0], now());
		give(&ways[1], now());
	}
}
