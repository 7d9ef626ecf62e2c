/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the UAPI socket: whatever it writes, in pieces as the first byte says, every
 * operation gets an answer, all of them end in an errno line, and the connection ends when the
 * client does.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz_device.h"
#include "uapi_private.h"

#define INPUT_MAX 4096
#define TURNS_MAX 100000

static struct rcu *rcu;
static struct wg_device *device;
static struct tg_uapi uapi;

static void
never(struct ev_loop *loop, ev_timer *timer, int revents)
{
	RTE_SET_USED(loop);
	RTE_SET_USED(timer);
	RTE_SET_USED(revents);
}

static int
apply(void *ctx, const struct wg_update *u)
{
	RTE_SET_USED(ctx);
	return wg_device_apply(device, u, 1);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct tg_uapi_ops ops = {.apply = apply};

	RTE_SET_USED(argc);
	RTE_SET_USED(argv);
	if (fuzz_init())
		return -1;
	rcu = rcu_create(1);
	uapi.loop = ev_loop_new(EVFLAG_AUTO);
	uapi.ops = &ops;
	TAILQ_INIT(&uapi.conns);
	/* Nobody connects: the listener rests for good. */
	ev_timer_init(&uapi.retry, never, 1e9, 0);
	ev_timer_start(uapi.loop, &uapi.retry);
	return rcu && uapi.loop ? 0 : -1;
}

static size_t
drain(int fd, char *answer, size_t len, size_t max)
{
	ssize_t n;

	while (len < max && (n = recv(fd, answer + len, max - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	return len == max ? 0 : len;
}

/* Returns the last of what the server said; the client ends its side when all is written. */
static size_t
talk(struct fuzz_input *in, char *answer, size_t max)
{
	size_t step = 1 + fuzz_byte(in), len = 0;
	int fd[2];

	fuzz_require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	fuzz_require(!tg_uapi_conn_open(&uapi, fd[1]));
	for (unsigned int turn = 0; uapi.n_conns; turn++) {
		size_t n = step;
		const uint8_t *p = fuzz_take(in, &n);

		fuzz_require(turn < TURNS_MAX);
		if (n && send(fd[0], p, n, MSG_NOSIGNAL) < 0)
			in->left = 0;
		if (!in->left)
			shutdown(fd[0], SHUT_WR);
		ev_run(uapi.loop, EVRUN_NOWAIT);
		len = drain(fd[0], answer, len, max);
	}
	len = drain(fd[0], answer, len, max);
	close(fd[0]);
	return len;
}

static void
check_answers(const char *answer, size_t len)
{
	fuzz_require(!memchr(answer, '\0', len));
	fuzz_require(len < 2 || !memcmp(answer + len - 2, "\n\n", 2));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[1 << 20];
	struct fuzz_input in = {data, RTE_MIN(size, (size_t)INPUT_MAX)};

	device = uapi.dev = fuzz_device_create(rcu);
	check_answers(answer, talk(&in, answer, sizeof(answer)));
	wg_device_destroy(device);
	return 0;
}
