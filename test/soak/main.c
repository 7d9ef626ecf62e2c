/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A soak in virtual time: a gateway and its peers through bad weather, cut lines, moves, restarts
 * and load, episode after episode. After each the network heals, and then:
 *
 *   - every pair that was in traffic gets through both ways within HEAL, the bound of the protocol:
 *     15.3 s until silence counts, 5.3 s since the last initiation, 5.3 s for a cookie, 1 s to
 *     look. That begins anew when an end takes a message from before, which can be minutes late:
 *     it breaks the silence;
 *   - when nobody has sent for long enough, no session and no timer is left, and the memory held is
 *     that of the beginning, to the object.
 *
 * All the time no (key, counter) is used twice (world.h).
 */
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "memory.h"
#include "test_eal.h"
#include "world.h"

#define HEAL (28 * SOAK_S)
/* A message can be 10 minutes late and begin a session, which is forgotten after 9. */
#define QUIET (20 * SOAK_MINUTE)
#define EPISODE (2 * SOAK_HOUR)
/* The allocator gives a bit more than asked for, and not always the same. */
#define BYTES_NOISE 1000
/* So that how much more does not depend on what was freed before. */
#define MMAP_THRESHOLD (32 << 20)

struct options {
	uint32_t peers, hours, busy;
	uint64_t seed;
};

static void
usage(FILE *out)
{
	fprintf(out,
		"usage: soak [--quick] [--peers N] [--hours N] [--busy N] [--seed N]\n"
		"  --quick    200 peers, 8 hours, busy 5: seconds\n"
		"  --peers N  1 to 65535 (10000)\n"
		"  --hours N  of virtual time, even (168)\n"
		"  --busy N   times as many of the peers in traffic, 1 to 5 (1)\n"
		"  --seed N   of all that is random (1)\n");
}

static uint64_t
number(const char *name, const char *value, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n = strtoull(value, &end, 10);

	if (*end || end == value || n < min || n > max) {
		fprintf(stderr, "soak: --%s: `%s' is not %" PRIu64 " to %" PRIu64 "\n", name, value,
			min, max);
		exit(2);
	}
	return n;
}

static struct options
parse(int argc, char **argv)
{
	static const struct option longs[] = {{"quick", no_argument, NULL, 'q'},
		{"peers", required_argument, NULL, 'p'}, {"hours", required_argument, NULL, 'h'},
		{"busy", required_argument, NULL, 'b'}, {"seed", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'u'}, {0}};
	struct options o = {.peers = 10000, .hours = 168, .busy = 1, .seed = 1};
	int c, i;

	while ((c = getopt_long(argc, argv, "", longs, &i)) != -1) {
		switch (c) {
		case 'q':
			o = (struct options){.peers = 200, .hours = 8, .busy = 5, .seed = 1};
			break;
		case 'p':
			o.peers = (uint32_t)number(longs[i].name, optarg, 1, 65535);
			break;
		case 'h':
			o.hours = (uint32_t)number(longs[i].name, optarg, 2, 100000);
			break;
		case 'b':
			o.busy = (uint32_t)number(longs[i].name, optarg, 1, 5);
			break;
		case 's':
			o.seed = number(longs[i].name, optarg, 0, UINT64_MAX);
			break;
		case 'u':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	return o;
}

/*
 * Misfortunes.
 */
static void
change_weather(struct soak *s)
{
	static const struct soak_weather weathers[] = {
		{.delay = 5 * SIM_MS, .jitter = SIM_MS},
		{.lost = 20, .doubled = 5, .late = 2, .delay = 30 * SIM_MS, .jitter = 20 * SIM_MS},
		{.lost = 300, .doubled = 50, .late = 20, .delay = 20 * SIM_MS, .jitter = SOAK_S},
		{.lost = 600, .doubled = 200, .late = 50, .delay = SIM_MS, .jitter = 3 * SOAK_S},
	};

	s->weather = weathers[soak_below(s, RTE_DIM(weathers))];
	s->sides[0].under_load = soak_chance(s, 200);
}

static void
hit_somebody(struct soak *s)
{
	uint32_t i = 1 + soak_below(s, s->n);
	uint32_t dice = soak_below(s, 10);

	if (!s->pairs[i].in_traffic)
		return;
	if (dice < 4) {
		soak_move(s, i);
	} else if (dice < 7) {
		s->sides[i].dark_until = s->ev.now + soak_below(s, 600) * SOAK_S;
		s->counts.cuts++;
	} else if (dice < 9) {
		soak_restart(s, i);
		if (soak_chance(s, 500))
			soak_move(s, i);
	} else {
		s->sides[i].under_load = !s->sides[i].under_load;
	}
}

static void
on_misfortune(void *ctx, uint64_t until, uint64_t unused)
{
	struct soak *s = ctx;

	RTE_SET_USED(unused);
	if (s->ev.now >= until)
		return;
	if (soak_chance(s, 20))
		change_weather(s);
	for (uint32_t i = 0; i <= s->n / 200; i++)
		hit_somebody(s);
	sim_after(&s->ev, (1 + soak_below(s, 10)) * SOAK_S, on_misfortune, s, until, 0);
}

static void
clear_sky(struct soak *s)
{
	s->weather = (struct soak_weather){.delay = 5 * SIM_MS, .jitter = 20 * SIM_MS};
	s->cleared = s->ev.now;
	for (uint32_t i = 0; i <= s->n; i++) {
		s->sides[i].dark_until = 0;
		s->sides[i].under_load = false;
	}
}

/*
 * What must hold.
 */
static bool
is_through(const struct soak_pair *pair, uint64_t since)
{
	return pair->newest[SOAK_TO_PEER] >= since && pair->newest[SOAK_FROM_PEER] >= since;
}

/* How many pairs in traffic are not through yet, none of which may have had HEAL. */
static uint32_t
on_the_way(struct soak *s)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i <= s->n; i++) {
		const struct soak_pair *pair = &s->pairs[i];

		if (!pair->in_traffic || is_through(pair, s->cleared))
			continue;
		soak_check_pair(
			s, s->ev.now < RTE_MAX(s->cleared, pair->set_back) + HEAL, i, "is stuck");
		n++;
	}
	return n;
}

/* Returns when all are through. */
static uint64_t
wait_for(struct soak *s, uint64_t until)
{
	while (on_the_way(s) && s->ev.now < until)
		sim_events_run(&s->ev, s->ev.now + SOAK_S);
	return s->ev.now;
}

/* Those whom a late message has set back go on alone. */
static uint64_t
wait_for_late(struct soak *s)
{
	uint64_t end;

	for (uint32_t i = 1; i <= s->n; i++) {
		struct soak_pair *pair = &s->pairs[i];

		pair->in_traffic = pair->in_traffic && !is_through(pair, s->cleared);
		s->counts.set_back += pair->in_traffic;
	}
	soak_traffic_steady(s, s->cleared + QUIET);
	end = wait_for(s, s->cleared + QUIET);
	soak_traffic_steady(s, s->ev.now);
	return end;
}

/* Returns the first second after which every pair in traffic was through. */
static uint32_t
heal(struct soak *s)
{
	uint64_t end;

	soak_traffic_steady(s, s->cleared + HEAL);
	end = wait_for(s, s->cleared + HEAL);
	sim_events_run(&s->ev, s->cleared + HEAL);
	if (on_the_way(s))
		end = wait_for_late(s);
	return (uint32_t)((end - s->cleared) / SOAK_S);
}

static void
check_forgotten(struct soak *s, uint32_t number, enum soak_direction dir)
{
	const struct wg_peer *peer = soak_peer(s, number, dir);

	soak_check(s, !peer->current && !peer->next && !peer->previous,
		"pair %u still has a session", number);
	soak_check(s, !peer->handshake.waiting, "pair %u still waits for a response", number);
	soak_check(s, !s->pairs[number].staged[dir], "packets of pair %u still wait", number);
}

/* Events are the simulation's own. */
static struct soak_memory
memory(const struct soak *s)
{
	struct soak_memory m = soak_memory();

	m.objects -= s->ev.heap != NULL;
	m.bytes -= malloc_usable_size(s->ev.heap);
	return m;
}

/* A vault keeps the numbers of as many places as there ever were sessions at a time. */
static size_t
bytes_max(const struct soak *s, const struct soak_memory *first)
{
	return first->bytes + first->bytes / BYTES_NOISE + 4 * sizeof(uint32_t) * (s->n + 1);
}

static void
check_quiet(struct soak *s, const struct soak_memory *first)
{
	struct soak_memory m = memory(s);

	for (uint32_t i = 0; i <= s->n; i++)
		soak_check(s, s->sides[i].due == UINT64_MAX, "side %u still has a timer", i);
	for (uint32_t i = 1; i <= s->n; i++) {
		check_forgotten(s, i, SOAK_TO_PEER);
		check_forgotten(s, i, SOAK_FROM_PEER);
	}
	soak_check(s, !s->ev.n, "%u events are left", s->ev.n);
	soak_check(s, m.objects == first->objects && m.bytes <= bytes_max(s, first),
		"%zu objects of %zu bytes are held, at first %zu of %zu", m.objects, m.bytes,
		first->objects, first->bytes);
	soak_check(s, m.guarded == first->guarded, "%zu guarded objects are held, at first %zu",
		m.guarded, first->guarded);
	soak_check(s, m.kept == first->kept, "%zu peers and sessions are held, at first %zu",
		m.kept, first->kept);
	soak_check(s, !s->counts.refusals[WG_REFUSED_RESOURCES], "a session found no room");
}

/* The gateway restarts in some: amid the weather, or when only peers know where the others are. */
static uint32_t
episode(struct soak *s, uint32_t i, const struct soak_memory *first)
{
	uint64_t start = s->ev.now, end = start + EPISODE - QUIET - HEAL;
	uint32_t worst;

	change_weather(s);
	soak_traffic_begin(s, end);
	sim_after(&s->ev, SOAK_S, on_misfortune, s, end, 0);
	if (i % 4 == 3) {
		sim_events_run(&s->ev, start + (end - start) / 2);
		soak_restart(s, 0);
	}
	sim_events_run(&s->ev, end);
	clear_sky(s);
	if (i % 4 == 1)
		soak_restart(s, 0);
	worst = heal(s);
	sim_events_run(&s->ev, start + EPISODE);
	check_quiet(s, first);
	return worst;
}

static void
report(const struct soak *s, uint32_t worst)
{
	const struct soak_counts *c = &s->counts;

	printf("sessions %" PRIu64 ", data sent %" PRIu64 ", accepted %" PRIu64
	       "; refused: replayed %" PRIu64 ", behind the window %" PRIu64
	       ", session unknown or over %" PRIu64 "\n",
		c->handshakes, c->data, c->accepted, c->replayed, c->old, c->foreign);
	printf("messages %" PRIu64 ", lost %" PRIu64 ", doubled %" PRIu64 ", minutes late %" PRIu64
	       ", to where nobody is %" PRIu64 "\n",
		c->messages, c->lost, c->doubled, c->late, c->misled);
	printf("moves %" PRIu64 ", cut lines %" PRIu64 ", restarts %" PRIu64
	       ", of the gateway %" PRIu64 ", handshakes given up %" PRIu64 "\n",
		c->moves, c->cuts, c->restarts, c->gateway_restarts, c->purges);
	for (unsigned int i = 0; i < WG_REFUSAL_COUNT; i++)
		if (c->refusals[i])
			printf("handshake messages: %s: %" PRIu64 "\n", soak_refusal_text(i),
				c->refusals[i]);
	printf("pairs that a late message kept from coming back in %u s: %" PRIu64 "\n",
		(unsigned int)(HEAL / SOAK_S), c->set_back);
	printf("(key, counter) pairs sent %" PRIu64 ", none twice; longest way back %u s\n",
		s->sent.count, worst);
}

int
main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	uint32_t worst = 0, now, n = o.hours * SOAK_HOUR / EPISODE;
	clock_t begin = clock();
	struct soak_memory first;
	static struct soak s;

	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	if (test_eal_init())
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	soak_create(&s, o.peers, o.busy, o.seed);
	first = memory(&s);
	for (uint32_t i = 0; i < n; i++) {
		now = episode(&s, i, &first);
		worst = RTE_MAX(worst, now);
		printf("hour %u: %" PRIu64 " sessions, all back after %u s, CPU %.0f s\n",
			(i + 1) * 2, s.counts.handshakes, now,
			(double)(clock() - begin) / CLOCKS_PER_SEC);
	}
	report(&s, worst);
	soak_destroy(&s);
	return 0;
}
