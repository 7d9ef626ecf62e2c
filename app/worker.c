/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <sys/prctl.h>
#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "clock.h"

/* With --poll adaptive: after so many empty polls, sleep for so long between polls. */
#define EMPTY_POLLS 64
#define SLEEP_NS 30000
#define TIMER_SLACK_NS 1000

static inline void
add_to(_Atomic uint64_t *to, uint64_t n)
{
	atomic_store_explicit(
		to, atomic_load_explicit(to, memory_order_relaxed) + n, memory_order_relaxed);
}

static void
count_gap(struct tg_gaps *g, uint64_t gap)
{
	unsigned int i = 63 - (unsigned int)__builtin_clzll(gap >> TG_GAP_SHIFT);

	add_to(&g->counts[RTE_MIN(i, TG_GAPS - 1U)], 1);
	if (gap > atomic_load_explicit(&g->longest, memory_order_relaxed))
		atomic_store_explicit(&g->longest, gap, memory_order_relaxed);
}

int
tg_worker_run(void *arg)
{
	static const struct timespec pause = {.tv_nsec = SLEEP_NS};
	struct tg_worker *w = arg;
	unsigned int i, n, idle = 0;
	uint64_t now, begun = tg_now();

	if (w->adaptive)
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	rte_rcu_qsbr_thread_online(w->qsbr, w->reader);
	while (!atomic_load_explicit(w->stop, memory_order_relaxed)) {
		now = tg_now();
		if (unlikely((now - begun) >> TG_GAP_SHIFT))
			count_gap(&w->gaps, now - begun);
		begun = now;
		for (i = n = 0; i < w->n_stages; i++)
			n += w->stages[i].poll(w->stages[i].stage, now);
		rte_rcu_qsbr_quiescent(w->qsbr, w->reader);
		w->polls++;
		if (n) {
			idle = 0;
			continue;
		}
		w->empty++;
		if (w->adaptive && ++idle >= EMPTY_POLLS) {
			nanosleep(&pause, NULL);
			begun = tg_now();
		}
	}
	rte_rcu_qsbr_thread_offline(w->qsbr, w->reader);
	return 0;
}
