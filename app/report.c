/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <inttypes.h>

#include <rte_ethdev.h>

static void
stage(const char *name, unsigned int i, const struct tg_counters *c, FILE *out)
{
	unsigned int why;

	fprintf(out, "%s%u: in %" PRIu64 " out %" PRIu64 "\n", name, i, c->in, c->out);
	if (c->icmp || c->icmp_sent)
		fprintf(out,
			"%s%u:   ICMP errors: asked for %" PRIu64 " too many %" PRIu64
			" sent %" PRIu64 "\n",
			name, i, c->icmp, c->icmp_limited, c->icmp_sent);
	if (c->fragments)
		fprintf(out, "%s%u:   fragments %" PRIu64 "\n", name, i, c->fragments);
	for (why = 0; why < TG_DROP_COUNT; why++)
		if (c->drops[why])
			fprintf(out, "%s%u:   %-16s %" PRIu64 "  (%s)\n", name, i, tg_drop_key(why),
				c->drops[why], tg_drop_help(why));
}

static void
port(const struct tg_port *p, unsigned int i, FILE *out)
{
	struct rte_eth_stats s;

	if (rte_eth_stats_get(p->id, &s))
		return;
	fprintf(out,
		"port %u: rx %" PRIu64 " tx %" PRIu64 " missed %" PRIu64 " rx errors %" PRIu64
		" no buffer %" PRIu64 " tx errors %" PRIu64 "\n",
		i, s.ipackets, s.opackets, s.imissed, s.ierrors, s.rx_nombuf, s.oerrors);
}

static void
handshakes(const struct tg_control *c, FILE *out)
{
	static const char *const help[] = {"accepted",
#define X(name, text) text,
		WG_REFUSALS(X)
#undef X
	};
	uint64_t refusals[WG_REFUSAL_COUNT];
	unsigned int i;

	tg_handshake_refusals(c, refusals);
	for (i = 0; i < WG_REFUSAL_COUNT; i++)
		if (refusals[i])
			fprintf(out, "handshakes: %" PRIu64 " %s\n", refusals[i], help[i]);
}

static void
cipher(const struct tg_control *c, FILE *out)
{
	const struct tg_pipeline *p = c->pipeline;
	uint64_t wasted = c->counters.wasted;
	unsigned int i;

	for (i = 0; i < p->env.n_crypto; i++) {
		wasted += p->crypto[i]->counters.wasted;
		fprintf(out,
			"crypto%u: sealed %" PRIu64 " opened %" PRIu64 " packets, at most %" PRIu64
			" in its rings\n",
			i, p->crypto[i]->sealed, p->crypto[i]->opened, p->crypto[i]->ring_peak);
	}
	for (i = 0; i < p->env.n_tx; i++)
		wasted += p->tx[i]->counters.wasted;
	fprintf(out, "wasted: %" PRIu64 " packets were sealed, and then dropped\n", wasted);
}

void
tg_report_print(const struct tg_control *c, FILE *out)
{
	const struct tg_pipeline *p = c->pipeline;
	unsigned int i;

	for (i = 0; i < p->env.n_ports; i++)
		port(&p->env.ports[i], i, out);
	for (i = 0; i < p->env.n_rx; i++) {
		stage("rx", i, &p->rx[i]->counters, out);
		if (p->rx[i]->linearized)
			fprintf(out, "rx%u: %" PRIu64 " packets copied into one buffer\n", i,
				p->rx[i]->linearized);
	}
	for (i = 0; i < p->env.n_crypto; i++)
		stage("crypto", i, &p->crypto[i]->counters, out);
	for (i = 0; i < p->env.n_tx; i++)
		stage("tx", i, &p->tx[i]->counters, out);
	for (i = 0; i < p->env.n_handshake; i++)
		stage("handshake", i, &p->handshake[i]->counters, out);
	cipher(c, out);
	stage("control", 0, &c->counters, out);
	handshakes(c, out);
}

void
tg_report_mbufs(const struct rte_mempool *pool, FILE *out)
{
	fprintf(out, "mbufs: total %u free %u\n", pool->size, rte_mempool_avail_count(pool));
}
