/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices on a simulated network, in virtual time. A message arrives at once, unless the network is
 * told to hold or drop it. Data messages are not encrypted: they carry the sender's key, and the
 * receiver checks that it is its own. Everything else is what the data path does. What handshakes
 * compute is there at once, too, unless it is told to wait.
 */
#ifndef WG_NET_H
#define WG_NET_H

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <rte_random.h>
#include <sodium.h>

#include "device.h"
#include "peer_of_key.h"
#include "test_eal.h"
#include "test_random.h"

#define S WG_NS_PER_S
#define MS (WG_NS_PER_S / 1000)
#define NET_SIDES 3
#define NET_QUEUE 4096
#define NET_JOBS 64
/* A timer is late by up to a grain of the wheel. */
#define NET_GRAIN (WG_WHEEL_GRAIN + 1)

struct net;

struct net_message {
	int from;
	struct wg_endpoint source, to;
	size_t len;
	uint8_t bytes[160];
};

struct net_data {
	struct wg_data header;
	uint8_t key[WG_KEY_LEN];
	uint8_t has_payload;
};

/* A step of a handshake that somebody computes (wg job.h). */
struct net_job {
	struct net_side *side;
	bool done;
	struct wg_job job;
};

struct net_side {
	struct net *net;
	int number;
	struct wg_device *dev;
	struct rcu *rcu;
	struct wg_endpoint address;
	uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];
	uint64_t seed;
	bool under_load;
	unsigned int waiting; /* data without a session */
	unsigned int sent[WG_MESSAGE_DATA + 1];
	unsigned int keepalives, sessions, purges, endpoint_changes, removed;
	unsigned int data_received, data_refused;
	unsigned int refusals[WG_REFUSAL_COUNT];
	uint64_t last_initiation, last_keepalive, last_purge;
};

struct net {
	uint64_t now;
	struct net_side side[NET_SIDES];
	struct net_message queue[NET_QUEUE];
	unsigned int queued;
	bool held;
	bool jobs_held; /* computing takes time: jobs wait for net_work() */
	bool no_room; /* for jobs of initiations */
	struct net_job jobs[NET_JOBS];
	unsigned int n_jobs;
	bool (*drop)(const struct net_message *m);
};

static inline uint8_t
net_type(const struct net_message *m)
{
	return m->bytes[0];
}

static inline void
net_push(struct net_side *side, const struct wg_endpoint *to, const void *msg, size_t len)
{
	struct net *net = side->net;
	struct net_message *m = &net->queue[net->queued];

	assert_true(net->queued < NET_QUEUE && len <= sizeof(m->bytes));
	m->from = side->number;
	m->source = side->address;
	m->to = *to;
	m->len = len;
	memcpy(m->bytes, msg, len);
	side->sent[net_type(m)]++;
	if (net_type(m) == WG_MESSAGE_INITIATION)
		side->last_initiation = net->now;
	if (!net->drop || !net->drop(m))
		net->queued++;
}

static inline void
net_op_send(
	void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	RTE_SET_USED(peer);
	net_push(ctx, to, msg, len);
}

/* Sends or, without a session, asks for one. */
static inline bool
net_send(struct net_side *side, struct wg_peer *peer, bool has_payload)
{
	struct wg_keypair *kp = wg_peer_session(peer, side->net->now);
	struct net_data msg = {.has_payload = has_payload};
	uint64_t counter;

	if (!kp)
		return false;
	assert_true(wg_keypair_take_counters(kp, 1, &counter));
	msg.header.type = rte_cpu_to_le_32(WG_MESSAGE_DATA);
	msg.header.receiver = rte_cpu_to_le_32(kp->remote_index);
	msg.header.counter = rte_cpu_to_le_64(counter);
	memcpy(msg.key, kp->send_key, WG_KEY_LEN);
	wg_peer_sent(peer, side->net->now, has_payload);
	net_push(side, &peer->endpoint, &msg, sizeof(msg));
	return true;
}

static inline void
net_op_keepalive(void *ctx, struct wg_peer *peer)
{
	struct net_side *side = ctx;

	side->keepalives++;
	side->last_keepalive = side->net->now;
	assert_true(net_send(side, peer, false));
}

static inline void
net_op_session_up(void *ctx, struct wg_peer *peer)
{
	struct net_side *side = ctx;

	side->sessions++;
	for (; side->waiting; side->waiting--)
		assert_true(net_send(side, peer, true));
}

static inline void
net_op_purge(void *ctx, struct wg_peer *peer)
{
	struct net_side *side = ctx;

	RTE_SET_USED(peer);
	side->purges++;
	side->last_purge = side->net->now;
	side->waiting = 0;
}

static inline void
net_op_endpoint_changed(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(peer);
	((struct net_side *)ctx)->endpoint_changes++;
}

static inline void
net_op_peer_removed(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(peer);
	((struct net_side *)ctx)->removed++;
}

static inline uint64_t
net_op_wall_clock(void *ctx)
{
	return 1700000000 * S + ((struct net_side *)ctx)->net->now;
}

static inline void
net_op_random(void *ctx, void *buf, size_t len)
{
	struct net_side *side = ctx;

	for (uint8_t *p = buf; len--; p++)
		*p = (uint8_t)test_random(&side->seed);
}

static inline void
net_job_push(struct net_side *side, const struct wg_job *job)
{
	struct net *net = side->net;

	assert_true(net->n_jobs < NET_JOBS);
	net->jobs[net->n_jobs++] = (struct net_job){.side = side, .job = *job};
}

/* Computes one, and lets its device proceed. */
static inline void
net_work_one(struct net *net, unsigned int i)
{
	struct net_job n = net->jobs[i];
	struct wg_device *dev = n.side->dev;
	bool received = n.job.kind != WG_JOB_INITIATE;
	enum wg_refusal refusal;

	net->n_jobs--;
	memmove(&net->jobs[i], &net->jobs[i + 1], (net->n_jobs - i) * sizeof(n));
	if (!n.done)
		wg_job_run(&n.job, wg_device_identity(dev));
	if (wg_device_proceed(dev, &n.job, net->now, &refusal))
		net_job_push(n.side, &n.job);
	else
		n.side->refusals[refusal] += received;
}

/* All from the n-th on. */
static inline void
net_work(struct net *net, unsigned int n)
{
	while (net->n_jobs > n)
		net_work_one(net, n);
}

static inline bool
net_op_begin(void *ctx, const struct wg_job *job)
{
	struct net_side *side = ctx;
	unsigned int n = side->net->n_jobs;

	if (side->net->no_room)
		return false;
	net_job_push(side, job);
	if (!side->net->jobs_held)
		net_work(side->net, n);
	return true;
}

static const struct wg_ops net_ops = {
	.send = net_op_send,
	.send_keepalive = net_op_keepalive,
	.session_up = net_op_session_up,
	.purge = net_op_purge,
	.endpoint_changed = net_op_endpoint_changed,
	.peer_removed = net_op_peer_removed,
	.begin = net_op_begin,
	.wall_clock = net_op_wall_clock,
	.random = net_op_random,
};

/* 192.0.2.N port 51820. */
static inline struct wg_endpoint
net_address(uint8_t n)
{
	struct wg_endpoint e = {.family = AF_INET, .port = htons(51820), .addr = {192, 0, 2, n}};

	return e;
}

static inline void
net_set_key(struct net_side *side, const uint8_t private_key[WG_KEY_LEN])
{
	struct wg_update u;

	wg_update_init(&u);
	u.has_private_key = true;
	memcpy(u.private_key, private_key, WG_KEY_LEN);
	assert_int_equal(wg_device_apply(side->dev, &u, side->net->now), 0);
	wg_update_free(&u);
	memcpy(side->private_key, wg_device_private_key(side->dev), WG_KEY_LEN);
	memcpy(side->public_key, wg_device_identity(side->dev)->public_key, WG_KEY_LEN);
}

static inline struct net *
net_create(uint32_t max_peers)
{
	struct net *net = calloc(1, sizeof(*net));

	assert_non_null(net);
	net->now = 1000 * S;
	for (int i = 0; i < NET_SIDES; i++) {
		struct net_side *side = &net->side[i];
		struct wg_device_params params = {
			.max_peers = max_peers, .lanes = 3, .ops = &net_ops, .ctx = side};
		uint8_t private_key[WG_KEY_LEN];

		side->net = net;
		side->number = i;
		side->seed = i + 1;
		side->address = net_address(i + 1);
		side->rcu = params.rcu = rcu_create(1);
		side->dev = wg_device_create(&params);
		assert_non_null(side->dev);
		memset(private_key, 0x11 * (i + 1), sizeof(private_key));
		net_set_key(side, private_key);
	}
	return net;
}

static inline void
net_destroy(struct net *net)
{
	for (int i = 0; i < NET_SIDES; i++) {
		wg_device_destroy(net->side[i].dev);
		rcu_destroy(net->side[i].rcu);
	}
	free(net);
}

/* An update of one peer, to be filled further and given to net_apply(). */
static inline struct wg_update_peer *
net_update(struct wg_update *u, const uint8_t public_key[WG_KEY_LEN])
{
	struct wg_update_peer *up;

	wg_update_init(u);
	up = wg_update_add_peer(u);
	assert_non_null(up);
	memcpy(up->public_key, public_key, WG_KEY_LEN);
	return up;
}

static inline int
net_apply(struct net_side *side, struct wg_update *u)
{
	int rc = wg_device_apply(side->dev, u, side->net->now);

	wg_update_free(u);
	return rc;
}

static inline struct wg_peer *
net_peer(struct net *net, int of, int who)
{
	return peer_of_key(net->side[of].dev, net->side[who].public_key);
}

/* What `of` sends to `who` under. */
static inline struct wg_keypair *
net_session(struct net *net, int of, int who)
{
	return wg_peer_session(net_peer(net, of, who), net->now);
}

static inline void
net_introduce(struct net *net, int to, int who, bool with_endpoint)
{
	struct wg_update u;
	struct wg_update_peer *up = net_update(&u, net->side[who].public_key);

	up->has_endpoint = with_endpoint;
	up->endpoint = net->side[who].address;
	assert_int_equal(net_apply(&net->side[to], &u), 0);
}

/* Sides 0 and 1 know each other, both with endpoints. */
static inline struct net *
net_create_pair(void)
{
	struct net *net = net_create(16);

	net_introduce(net, 0, 1, true);
	net_introduce(net, 1, 0, true);
	return net;
}

static inline void
net_receive_data(struct net_side *side, const struct net_message *m)
{
	const struct net_data *msg = (const void *)m->bytes;
	uint32_t index = rte_le_to_cpu_32(msg->header.receiver);
	struct wg_keypair *kp = wg_index_keypair(wg_device_index(side->dev), index);
	struct wg_peer *peer;

	if (!kp || !wg_keypair_receives(kp, side->net->now) ||
		!wg_replay_update(&kp->replay, rte_le_to_cpu_64(msg->header.counter))) {
		side->data_refused++;
		return;
	}
	assert_memory_equal(msg->key, kp->recv_key, WG_KEY_LEN);
	peer = kp->peer;
	wg_peer_received(peer, side->net->now, msg->has_payload);
	side->data_received += msg->has_payload;
	if (!wg_endpoint_equal(&peer->endpoint, &m->source))
		wg_device_roamed(side->dev, peer->id, &m->source);
	if (!atomic_exchange(&kp->heard, true))
		wg_device_heard(side->dev, index, side->net->now);
}

static inline void
net_receive_handshake(struct net_side *side, const struct net_message *m)
{
	struct wg_job job;

	if (!side->net->jobs_held) {
		side->refusals[wg_device_receive(side->dev, m->bytes, m->len, &m->source,
			side->under_load, side->net->now)]++;
		return;
	}
	wg_job_receive(&job, wg_device_identity(side->dev), m->bytes, m->len, &m->source);
	net_job_push(side, &job);
}

static inline void
net_receive(struct net *net, const struct net_message *m)
{
	for (int i = 0; i < NET_SIDES; i++) {
		struct net_side *side = &net->side[i];

		if (!wg_endpoint_equal(&side->address, &m->to))
			continue;
		if (net_type(m) == WG_MESSAGE_DATA)
			net_receive_data(side, m);
		else
			net_receive_handshake(side, m);
		rcu_reclaim(side->rcu);
	}
}

static inline void
net_take(struct net *net, unsigned int i, struct net_message *m)
{
	*m = net->queue[i];
	net->queued--;
	memmove(&net->queue[i], &net->queue[i + 1], (net->queued - i) * sizeof(*m));
}

/* Delivers what is under way, what that causes, and so on. */
static inline void
net_deliver(struct net *net)
{
	struct net_message m;

	while (net->queued && !net->held) {
		net_take(net, 0, &m);
		net_receive(net, &m);
	}
}

/* Delivers one message out of its turn. */
static inline void
net_deliver_one(struct net *net, unsigned int i)
{
	struct net_message m;

	net_take(net, i, &m);
	net_receive(net, &m);
}

static inline void
net_run_until(struct net *net, uint64_t end)
{
	uint64_t next, due;

	for (;;) {
		next = UINT64_MAX;
		for (int i = 0; i < NET_SIDES; i++) {
			due = wg_device_tick(net->side[i].dev, net->now);
			next = RTE_MIN(next, due);
			rcu_reclaim(net->side[i].rcu);
		}
		if (net->queued && !net->held) {
			net_deliver(net);
			continue;
		}
		if (next > end)
			break;
		assert_true(next >= net->now);
		net->now = next;
	}
	net->now = end;
}

static inline void
net_run(struct net *net, uint64_t duration)
{
	net_run_until(net, net->now + duration);
}

/* Data from one side to another, or the wish for a session that it waits for. */
static inline void
net_data(struct net *net, int from, int to)
{
	struct net_side *side = &net->side[from];
	struct wg_peer *peer = net_peer(net, from, to);

	if (!net_send(side, peer, true)) {
		side->waiting++;
		if (wg_peer_want_session(peer, net->now))
			wg_device_session_wanted(side->dev, peer->id, net->now);
	}
	net_deliver(net);
}

/* Both send under a session that the other has, and what they send arrives. */
static inline void
net_assert_connected(struct net *net, int a, int b)
{
	unsigned int at_a = net->side[a].data_received, at_b = net->side[b].data_received;

	assert_non_null(net_session(net, a, b));
	assert_non_null(net_session(net, b, a));
	net_data(net, a, b);
	net_data(net, b, a);
	net_data(net, a, b);
	assert_int_equal(net->side[a].data_received, at_a + 1);
	assert_int_equal(net->side[b].data_received, at_b + 2);
	assert_int_equal(net->side[a].data_refused, 0);
	assert_int_equal(net->side[b].data_refused, 0);
}

static inline bool
net_drop_all(const struct net_message *m)
{
	RTE_SET_USED(m);
	return true;
}

static inline bool
net_drop_initiations(const struct net_message *m)
{
	return net_type(m) == WG_MESSAGE_INITIATION;
}

static inline bool
net_drop_responses(const struct net_message *m)
{
	return net_type(m) == WG_MESSAGE_RESPONSE;
}

static inline bool
net_drop_from_1(const struct net_message *m)
{
	return m->from == 1;
}

static inline void
net_assert_between(uint64_t value, uint64_t low, uint64_t high)
{
	assert_true(value >= low);
	assert_true(value <= high);
}

#endif
