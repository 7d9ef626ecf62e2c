/* SPDX-License-Identifier: BSD-3-Clause */
#include "fragment.h"

#include <errno.h>

#include <rte_ip.h>
#include <rte_ip_frag.h>

#include "route.h"

/* Copies, for the cipher wants a packet in one piece, and so does a port with fast free. */
unsigned int
tg_fragment(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	struct rte_mbuf *out[TG_FRAGMENTS_MAX])
{
	int i,
		n = rte_ipv4_fragment_copy_nonseg_packet(
			m, out, TG_FRAGMENTS_MAX, tg_meta(m)->mtu, env->pool);

	if (n < 0) {
		tg_drop(c, m, n == -ENOMEM ? TG_DROP_NO_BUFFER : TG_DROP_TOO_BIG);
		return 0;
	}
	for (i = 0; i < n; i++) {
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(out[i], struct rte_ipv4_hdr *);

		ip->hdr_checksum = rte_ipv4_cksum(ip);
		out[i]->hash.rss = m->hash.rss;
		*tg_meta(out[i]) = *tg_meta(m);
	}
	c->fragments += (unsigned int)n;
	tg_drop(c, m, TG_DROP_FRAGMENTED);
	return (unsigned int)n;
}

void
tg_fragment_route(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	void (*next)(void *stage, struct rte_mbuf *m, enum tg_op op), void *stage)
{
	struct rte_mbuf *out[TG_FRAGMENTS_MAX];
	unsigned int i, n = tg_fragment(env, c, m, out);

	for (i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(out[i], const uint8_t *);
		struct pkt_ip ip;
		struct tg_way way;
		enum tg_op op;

		pkt_ip_parse(p, rte_pktmbuf_data_len(out[i]), &ip);
		way = tg_route_lookup(env, &ip, NULL);
		op = tg_route(env, c, out[i], &ip, &way);
		/* The MTU may have changed meanwhile. */
		if (op == TG_OP_FRAGMENT)
			tg_drop(c, out[i], TG_DROP_TOO_BIG);
		else
			next(stage, out[i], op);
	}
}
