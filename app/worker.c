/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <sys/prctl.h>
#include <time.h>

#include "clock.h"

/* With --poll adaptive: after so many empty polls, sleep for so long between polls. */
#define EMPTY_POLLS 64
#define SLEEP_NS 30000
#define TIMER_SLACK_NS 1000

int
tg_worker_run(void *arg)
{
	static const struct timespec pause = {.tv_nsec = SLEEP_NS};
	struct tg_worker *w = arg;
	unsigned int i, n, idle = 0;

	if (w->adaptive)
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	rte_rcu_qsbr_thread_online(w->qsbr, w->reader);
	while (!atomic_load_explicit(w->stop, memory_order_relaxed)) {
		uint64_t now = tg_now();

		for (i = n = 0; i < w->n_stages; i++)
			n += w->stages[i].poll(w->stages[i].stage, now);
		rte_rcu_qsbr_quiescent(w->qsbr, w->reader);
		w->polls++;
		if (n) {
			idle = 0;
			continue;
		}
		w->empty++;
		if (w->adaptive && ++idle >= EMPTY_POLLS)
			nanosleep(&pause, NULL);
	}
	rte_rcu_qsbr_thread_offline(w->qsbr, w->reader);
	return 0;
}
