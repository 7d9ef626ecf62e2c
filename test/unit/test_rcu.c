/* SPDX-License-Identifier: BSD-3-Clause */
/* Deferred reclamation: nothing is freed before every reader has let go, and then in order. */
#include "test_eal.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "rcu.h"

#define READERS 2

struct object {
	struct rcu_head rcu;
	int number;
};

static int freed[16];
static unsigned int n_freed;

static void
object_free(struct rcu_head *head)
{
	struct object *o = container_of(head, struct object, rcu);

	freed[n_freed++] = o->number;
	free(o);
}

static void
defer(struct rcu *r, int number)
{
	struct object *o = malloc(sizeof(*o));

	o->number = number;
	rcu_call(r, &o->rcu, object_free);
}

static struct rcu *
rcu_with_readers(void)
{
	struct rcu *r = rcu_create(READERS);

	n_freed = 0;
	for (unsigned int i = 0; i < READERS; i++) {
		rte_rcu_qsbr_thread_register(rcu_qsbr(r), i);
		rte_rcu_qsbr_thread_online(rcu_qsbr(r), i);
	}
	return r;
}

static void
readers_leave(struct rcu *r)
{
	for (unsigned int i = 0; i < READERS; i++) {
		rte_rcu_qsbr_thread_offline(rcu_qsbr(r), i);
		rte_rcu_qsbr_thread_unregister(rcu_qsbr(r), i);
	}
}

static void
test_without_readers(void **unused)
{
	struct rcu *r = rcu_create(READERS);

	(void)unused;
	n_freed = 0;
	assert_int_equal(rcu_reclaim(r), 0);
	defer(r, 1);
	assert_int_equal(n_freed, 0);
	assert_int_equal(rcu_reclaim(r), 1);
	assert_int_equal(n_freed, 1);
	rcu_destroy(r);
	rcu_destroy(NULL);
}

static void
test_waits_for_every_reader(void **unused)
{
	struct rcu *r = rcu_with_readers();

	(void)unused;
	defer(r, 1);
	assert_int_equal(rcu_reclaim(r), 0);
	rte_rcu_qsbr_quiescent(rcu_qsbr(r), 0);
	assert_int_equal(rcu_reclaim(r), 0);
	rte_rcu_qsbr_quiescent(rcu_qsbr(r), 0);
	assert_int_equal(rcu_reclaim(r), 0);
	rte_rcu_qsbr_quiescent(rcu_qsbr(r), 1);
	assert_int_equal(rcu_reclaim(r), 1);
	assert_int_equal(rcu_reclaim(r), 0);
	readers_leave(r);
	rcu_destroy(r);
}

static void
unused_free(struct rcu_head *head)
{
	(void)head;
}

/* One more than a call frees: two calls for all of them. */
static void
test_frees_a_bounded_number(void **unused)
{
	static struct rcu_head heads[RCU_RECLAIM_MAX + 1];
	struct rcu *r = rcu_create(READERS);

	(void)unused;
	for (unsigned int i = 0; i < RTE_DIM(heads); i++)
		rcu_call(r, &heads[i], unused_free);
	assert_int_equal(rcu_reclaim(r), RCU_RECLAIM_MAX);
	assert_int_equal(rcu_reclaim(r), 1);
	assert_int_equal(rcu_reclaim(r), 0);
	rcu_destroy(r);
}

/* Reader 0 reports before 3 is deferred, reader 1 after: of 1, 2, 3 only the first two may go. */
static void
test_frees_oldest_first(void **unused)
{
	struct rcu *r = rcu_with_readers();

	(void)unused;
	defer(r, 1);
	defer(r, 2);
	rte_rcu_qsbr_quiescent(rcu_qsbr(r), 0);
	defer(r, 3);
	rte_rcu_qsbr_quiescent(rcu_qsbr(r), 1);
	assert_int_equal(rcu_reclaim(r), 2);
	assert_int_equal(freed[0], 1);
	assert_int_equal(freed[1], 2);
	defer(r, 4);
	rte_rcu_qsbr_quiescent(rcu_qsbr(r), 0);
	assert_int_equal(rcu_reclaim(r), 1);
	assert_int_equal(freed[2], 3);
	rte_rcu_qsbr_quiescent(rcu_qsbr(r), 1);
	assert_int_equal(rcu_reclaim(r), 1);
	assert_int_equal(freed[3], 4);
	readers_leave(r);
	rcu_destroy(r);
}

static void
test_offline_reader_holds_nothing(void **unused)
{
	struct rcu *r = rcu_with_readers();

	(void)unused;
	defer(r, 1);
	rte_rcu_qsbr_thread_offline(rcu_qsbr(r), 0);
	assert_int_equal(rcu_reclaim(r), 0);
	rte_rcu_qsbr_thread_offline(rcu_qsbr(r), 1);
	assert_int_equal(rcu_reclaim(r), 1);
	readers_leave(r);
	rcu_destroy(r);
}

static struct rcu *chained_rcu;

static void
free_and_defer(struct rcu_head *head)
{
	struct object *o = container_of(head, struct object, rcu);

	freed[n_freed++] = o->number;
	rcu_call(chained_rcu, &o->rcu, object_free);
}

/* An object may be deferred once more while it is being freed: the barrier sees it through. */
static void
test_deferred_while_freeing(void **unused)
{
	struct object *o = malloc(sizeof(*o));
	struct rcu *r = rcu_create(READERS);

	(void)unused;
	n_freed = 0;
	chained_rcu = r;
	o->number = 7;
	rcu_call(r, &o->rcu, free_and_defer);
	rcu_barrier(r);
	assert_int_equal(n_freed, 2);
	assert_int_equal(freed[1], 7);
	rcu_destroy(r);
}

static void
test_destroy_frees_what_waits(void **unused)
{
	struct rcu *r = rcu_with_readers();

	(void)unused;
	defer(r, 1);
	defer(r, 2);
	readers_leave(r);
	rcu_destroy(r);
	assert_int_equal(n_freed, 2);
}

/* The reader takes the pointer, looks at it twice and only then reports. */
struct shared {
	struct rcu *rcu;
	struct guarded *current;
	uint64_t rounds;
	uint64_t dead;
	bool stop;
};

struct guarded {
	struct rcu_head rcu;
	uint32_t alive;
};

static unsigned int n_guarded_freed;

static void
guarded_free(struct rcu_head *head)
{
	struct guarded *g = container_of(head, struct guarded, rcu);

	n_guarded_freed++;
	__atomic_store_n(&g->alive, 0, __ATOMIC_RELAXED);
	free(g);
}

static void *
reader_main(void *arg)
{
	struct shared *s = arg;
	struct rte_rcu_qsbr *v = rcu_qsbr(s->rcu);

	rte_rcu_qsbr_thread_register(v, 0);
	rte_rcu_qsbr_thread_online(v, 0);
	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		struct guarded *g = __atomic_load_n(&s->current, __ATOMIC_ACQUIRE);

		s->dead += __atomic_load_n(&g->alive, __ATOMIC_RELAXED) != 1;
		rte_pause();
		s->dead += __atomic_load_n(&g->alive, __ATOMIC_RELAXED) != 1;
		rte_rcu_qsbr_quiescent(v, 0);
		__atomic_fetch_add(&s->rounds, 1, __ATOMIC_RELEASE);
	}
	rte_rcu_qsbr_thread_offline(v, 0);
	rte_rcu_qsbr_thread_unregister(v, 0);
	return NULL;
}

static struct guarded *
guarded_new(void)
{
	struct guarded *g = calloc(1, sizeof(*g));

	g->alive = 1;
	return g;
}

static void
test_reader_never_sees_freed(void **unused)
{
	struct shared s = {.rcu = rcu_create(READERS), .current = guarded_new()};
	pthread_t reader;

	(void)unused;
	assert_int_equal(pthread_create(&reader, NULL, reader_main, &s), 0);
	while (!__atomic_load_n(&s.rounds, __ATOMIC_ACQUIRE))
		sched_yield();
	n_guarded_freed = 0;
	for (unsigned int n = 1; n <= 200000; n++) {
		struct guarded *old = s.current;

		__atomic_store_n(&s.current, guarded_new(), __ATOMIC_RELEASE);
		rcu_call(s.rcu, &old->rcu, guarded_free);
		if (n % 1000) {
			rcu_reclaim(s.rcu);
		} else {
			rcu_barrier(s.rcu);
			assert_int_equal(n_guarded_freed, n);
		}
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELEASE);
	pthread_join(reader, NULL);
	assert_int_equal(s.dead, 0);
	rcu_destroy(s.rcu);
	free(s.current);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_readers),
		cmocka_unit_test(test_waits_for_every_reader),
		cmocka_unit_test(test_frees_oldest_first),
		cmocka_unit_test(test_frees_a_bounded_number),
		cmocka_unit_test(test_offline_reader_holds_nothing),
		cmocka_unit_test(test_deferred_while_freeing),
		cmocka_unit_test(test_destroy_frees_what_waits),
		cmocka_unit_test(test_reader_never_sees_freed),
	};

	return cmocka_run_group_tests(tests, test_eal_group, NULL);
}
