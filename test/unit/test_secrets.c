/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys in this process's memory: after a handshake they are in guarded memory and nowhere else,
 * ephemeral ones nowhere at all, and at the end all are gone. What is searched for is kept masked,
 * so that it is not found with those who search.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "device.h"
#include "peer_of_key.h"
#include "test_eal.h"

#define PAGE 4096
#define PIECE (256 * PAGE)
#define MASK 0xa5
/* What is larger is the shadow of a sanitizer. */
#define MAPPING_MAX (UINT64_C(1) << 32)

/* In the order in which they come to be. */
enum secret {
	PRIVATE_A,
	PRIVATE_B,
	PSK,
	STATIC_STATIC,
	EPHEMERAL_A,
	EPHEMERAL_B,
	SEND_A,
	SEND_B,
	SECRETS,
};

static uint8_t masked[SECRETS][WG_KEY_LEN];
static unsigned int guarded[SECRETS], elsewhere[SECRETS];

static void
note(enum secret which, const uint8_t key[WG_KEY_LEN])
{
	for (unsigned int i = 0; i < WG_KEY_LEN; i++)
		masked[which][i] = key[i] ^ MASK;
}

static bool
is_at(const uint8_t *p, const uint8_t key[WG_KEY_LEN])
{
	unsigned int i;

	for (i = 0; i < WG_KEY_LEN && (p[i] ^ MASK) == key[i]; i++)
		;
	return i == WG_KEY_LEN;
}

static void
count_in(const uint8_t *p, size_t len, unsigned int counts[SECRETS])
{
	for (size_t at = 0; at + WG_KEY_LEN <= len; at++)
		for (unsigned int s = 0; s < SECRETS; s++)
			counts[s] += is_at(p + at, masked[s]);
}

/* What lies across the border of two pieces is found in the second: pieces overlap. */
static void
search(int mem, uint8_t *piece, uintptr_t from, uintptr_t to, unsigned int counts[SECRETS])
{
	uintptr_t at;
	ssize_t n;

	for (at = from; at < to; at += PIECE - WG_KEY_LEN + 1) {
		n = pread(mem, piece, RTE_MIN((uintptr_t)PIECE, to - at), (off_t)at);
		if (n > 0 && !sodium_is_zero(piece, (size_t)n))
			count_in(piece, (size_t)n, counts);
		sodium_memzero(piece, PIECE);
		if (n < PIECE)
			break;
	}
}

/* Guarded is what is left out of core dumps ("dd"); whether it is locked depends on limits. */
static void
search_all(void)
{
	uint8_t *piece =
		mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mem = open("/proc/self/mem", O_RDONLY);
	FILE *maps = fopen("/proc/self/smaps", "r");
	uintptr_t from = 0, to = 0, a, b;
	char line[512], perms[8] = "";

	assert_true(piece != MAP_FAILED && mem >= 0 && maps);
	memset(guarded, 0, sizeof(guarded));
	memset(elsewhere, 0, sizeof(elsewhere));
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &a, &b, perms) == 3) {
			from = a;
			to = b;
		} else if (!strncmp(line, "VmFlags:", 8) && strstr(line, " wr") &&
			from != (uintptr_t)piece && to - from <= MAPPING_MAX) {
			search(mem, piece, from, to, strstr(line, " dd") ? guarded : elsewhere);
		}
	}
	fclose(maps);
	close(mem);
	munmap(piece, PIECE);
}

struct side {
	struct side *other;
	struct wg_device *dev;
	struct rcu *rcu;
	struct wg_endpoint address;
	enum secret ephemeral;
	uint8_t public_key[WG_KEY_LEN];
	uint8_t msg[160];
	size_t len;
	enum wg_refusal refusal;
};

static void
on_send(void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	struct side *s = ctx;

	RTE_SET_USED(peer);
	RTE_SET_USED(to);
	memcpy(s->msg, msg, len);
	s->len = len;
}

static void
on_peer(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(peer);
}

static uint64_t
on_wall_clock(void *ctx)
{
	RTE_SET_USED(ctx);
	return 1700000000 * WG_NS_PER_S;
}

/* The last 32 bytes that a side has asked for are its ephemeral key. */
static void
on_random(void *ctx, void *buf, size_t len)
{
	randombytes_buf(buf, len);
	if (len == WG_KEY_LEN)
		note(((struct side *)ctx)->ephemeral, buf);
}

static const struct wg_ops ops = {
	.send = on_send,
	.send_keepalive = on_peer,
	.session_up = on_peer,
	.purge = on_peer,
	.endpoint_changed = on_peer,
	.peer_removed = on_peer,
	.wall_clock = on_wall_clock,
	.random = on_random,
};

static void
make_side(struct side *s, enum secret private_key, enum secret ephemeral, uint8_t address)
{
	struct wg_device_params params = {.max_peers = 4, .lanes = 1, .ops = &ops, .ctx = s};
	struct wg_update u;

	s->ephemeral = ephemeral;
	s->address = (struct wg_endpoint){
		.family = AF_INET, .port = rte_cpu_to_be_16(51820), .addr = {192, 0, 2, address}};
	s->rcu = params.rcu = rcu_create(1);
	s->dev = wg_device_create(&params);
	assert_non_null(s->dev);
	wg_update_init(&u);
	u.has_private_key = true;
	randombytes_buf(u.private_key, WG_KEY_LEN);
	/* As it is kept: clamped. */
	u.private_key[0] &= 248;
	u.private_key[31] = (u.private_key[31] & 127) | 64;
	note(private_key, u.private_key);
	assert_int_equal(wg_device_apply(s->dev, &u, 1), 0);
	wg_update_free(&u);
	memcpy(s->public_key, wg_device_identity(s->dev)->public_key, WG_KEY_LEN);
}

static void
introduce(struct side *to, const struct side *who)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, who->public_key, WG_KEY_LEN);
	up->has_endpoint = up->has_preshared_key = true;
	up->endpoint = who->address;
	for (unsigned int i = 0; i < WG_KEY_LEN; i++)
		up->preshared_key[i] = masked[PSK][i] ^ MASK;
	assert_int_equal(wg_device_apply(to->dev, &u, 1), 0);
	wg_update_free(&u);
}

static struct wg_peer *
peer_of(struct side *s)
{
	return peer_of_key(s->dev, s->other->public_key);
}

static void *
initiate(void *side)
{
	struct side *s = side;

	wg_device_session_wanted(s->dev, peer_of(s)->id, 2);
	return NULL;
}

static void *
receive(void *side)
{
	struct side *s = side;

	s->refusal = wg_device_receive(
		s->dev, s->other->msg, s->other->len, &s->other->address, false, 2);
	return NULL;
}

/* On a stack of its own: what is left there no later call writes over. */
static void
step(void *(*fn)(void *), struct side *s)
{
	static uint8_t stacks[3][64 * PAGE] __rte_aligned(PAGE);
	static unsigned int n;
	pthread_attr_t attr;
	pthread_t thread;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stacks[n++], sizeof(stacks[0])), 0);
	assert_int_equal(pthread_create(&thread, &attr, fn, s), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s->refusal, WG_OK);
}

static void
handshake(struct side *a, struct side *b)
{
	struct wg_keypair *kp;

	step(initiate, a);
	step(receive, b);
	step(receive, a);
	kp = wg_peer_session(peer_of(a), 3);
	assert_non_null(kp);
	note(SEND_A, kp->send_key);
	note(SEND_B, kp->recv_key);
	note(STATIC_STATIC, peer_of(a)->handshake.static_static);
}

static void
forget(struct side *s)
{
	struct wg_update u;

	wg_update_init(&u);
	u.replace_peers = true;
	assert_int_equal(wg_device_apply(s->dev, &u, 3), 0);
	rcu_barrier(s->rcu);
}

/* Two devices in this process: each of the shared secrets is there twice. */
static void
test_keys_are_guarded_while_in_use_and_gone_afterwards(void **state)
{
	static struct side a, b;

	RTE_SET_USED(state);
	a.other = &b;
	b.other = &a;
	randombytes_buf(masked[PSK], WG_KEY_LEN);
	make_side(&a, PRIVATE_A, EPHEMERAL_A, 1);
	make_side(&b, PRIVATE_B, EPHEMERAL_B, 2);
	introduce(&a, &b);
	introduce(&b, &a);
	handshake(&a, &b);

	search_all();
	for (unsigned int s = 0; s < SECRETS; s++)
		assert_int_equal(elsewhere[s], 0);
	assert_int_equal(guarded[PRIVATE_A], 1);
	assert_int_equal(guarded[PRIVATE_B], 1);
	assert_int_equal(guarded[PSK], 2);
	assert_int_equal(guarded[STATIC_STATIC], 2);
	assert_int_equal(guarded[EPHEMERAL_A], 0);
	assert_int_equal(guarded[EPHEMERAL_B], 0);
	assert_int_equal(guarded[SEND_A], 2);
	assert_int_equal(guarded[SEND_B], 2);

	forget(&a);
	search_all();
	assert_int_equal(guarded[PRIVATE_A], 1);
	for (unsigned int s = PSK; s < SECRETS; s++)
		assert_int_equal(guarded[s], s == EPHEMERAL_A || s == EPHEMERAL_B ? 0 : 1);

	wg_device_destroy(a.dev);
	wg_device_destroy(b.dev);
	rcu_destroy(a.rcu);
	rcu_destroy(b.rcu);
	search_all();
	for (unsigned int s = 0; s < SECRETS; s++)
		assert_int_equal(guarded[s] + elsewhere[s], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_guarded_while_in_use_and_gone_afterwards),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("secrets", tests, test_eal_group, NULL);
}
