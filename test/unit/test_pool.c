/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet buffers without hugepages: in one piece, and where a card finds them. */
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "pool.h"
#include "test_eal.h"

#define N 64
#define JUMBO 9600

struct place {
	uintptr_t first, last;
	size_t total;
};

static void
look(struct rte_mempool *pool, void *ctx, void *object, unsigned int i)
{
	struct place *l = ctx;
	struct rte_mbuf *m = object;

	RTE_SET_USED(i);
	assert_int_equal(rte_pktmbuf_iova(m), (uintptr_t)rte_pktmbuf_mtod(m, char *));
	assert_int_equal(rte_mempool_virt2iova(m), (uintptr_t)m);
	l->first = RTE_MIN(l->first, (uintptr_t)m);
	l->last = RTE_MAX(l->last, (uintptr_t)m);
	l->total = pool->header_size + pool->elt_size + pool->trailer_size;
}

/* 64 buffers take 64 times what one takes, and IOVA is VA here: a card is told where they are. */
static void
check(uint16_t room)
{
	struct rte_mempool *pool = tg_pool_create("test", N, 0, room);
	struct place l = {.first = UINTPTR_MAX};

	assert_non_null(pool);
	assert_int_equal(rte_eal_iova_mode(), RTE_IOVA_VA);
	assert_int_equal(rte_mempool_obj_iter(pool, look, &l), N);
	assert_int_equal(l.last - l.first, (N - 1) * l.total);
	assert_int_equal(pool->flags & RTE_MEMPOOL_F_NON_IO, 0);
	assert_in_range(rte_pktmbuf_data_room_size(pool), room, room + 7);
	rte_mempool_free(pool);
}

static void
test_buffers_lie_one_behind_the_other(void **state)
{
	RTE_SET_USED(state);
	check(RTE_MBUF_DEFAULT_BUF_SIZE);
	check(JUMBO);
}

/* More than the 256 MiB there are; what it took meanwhile is free again, and so is the name. */
static void
test_too_many(void **state)
{
	RTE_SET_USED(state);
	assert_null(tg_pool_create("test", 1 << 20, 0, RTE_MBUF_DEFAULT_BUF_SIZE));
	assert_int_equal(rte_errno, ENOMEM);
	check(RTE_MBUF_DEFAULT_BUF_SIZE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffers_lie_one_behind_the_other),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, test_eal_group, NULL);
}
