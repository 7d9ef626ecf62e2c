/* SPDX-License-Identifier: BSD-3-Clause */
#include "paths.h"

#include "path.h"

/* A path costs about 0.5 us. */
#define SLICE 512

void
tg_paths_init(struct tg_paths *p, const struct tg_env *env, struct rcu *rcu)
{
	p->env = env;
	p->rcu = rcu;
}

static void
end_walk(struct tg_paths *p)
{
	if (p->walking)
		wg_walk_end(&p->walk);
	p->walking = false;
}

void
tg_paths_close(struct tg_paths *p)
{
	end_walk(p);
	p->again = false;
}

void
tg_paths_moved(struct tg_paths *p, struct wg_peer *peer)
{
	if (atomic_load_explicit(&peer->current, memory_order_relaxed) || peer->next ||
		peer->previous)
		tg_path_update(p->env, p->rcu, peer);
}

void
tg_paths_needed(struct tg_paths *p, struct wg_peer *peer)
{
	if (!tg_path_of(peer))
		tg_path_update(p->env, p->rcu, peer);
}

void
tg_paths_not_needed(struct tg_paths *p, struct wg_peer *peer)
{
	tg_path_withdraw(p->env, p->rcu, peer);
}

void
tg_paths_follow(struct tg_paths *p)
{
	p->again = true;
	tg_paths_slice(p);
}

unsigned int
tg_paths_slice(struct tg_paths *p)
{
	struct wg_peer *peer = NULL;
	unsigned int n;

	if (!p->walking) {
		if (!p->again)
			return 0;
		p->again = false;
		p->walking = true;
		wg_walk_begin(p->env->dev, &p->walk);
	}
	for (n = 0; n < SLICE && (peer = wg_walk_next(&p->walk)); n++)
		tg_paths_moved(p, peer);
	if (!peer)
		end_walk(p);
	return n;
}
