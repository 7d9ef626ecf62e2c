/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors at the control thread: those that stages ask for, and about packets that end here. */
#include "icmp.h"

#include "control.h"
#include "refuse.h"
#include "tap.h"

/*
 * The kernel takes no packet from outside that comes from an address of its own, so the error comes
 * from where the packet was to go.
 */
static void
tell_kernel(struct tg_control *c, struct rte_mbuf *m, const struct pkt_ip *ip)
{
	const struct tg_meta *meta = tg_meta(m);
	bool taken;

	if (!pkt_icmp_error(m, meta->icmp, meta->mtu, ip->dst, 64)) {
		tg_drop(&c->counters, m, TG_DROP_NO_ROOM);
		return;
	}
	taken = tg_tap_write(c->tunnel.fd, m);
	c->counters.icmp_sent += taken;
	tg_drop(&c->counters, m, taken ? TG_DROP_KERNEL : TG_DROP_KERNEL_REFUSED);
}

/* What tg0 has sent, and what was refused when it had waited for a session. */
static bool
is_from_kernel(const struct tg_control *c, const struct pkt_ip *ip)
{
	const struct tg_fib *fib = c->pipeline->env.fib;
	const struct tg_hop *back =
		ip->version == 4 ? tg_fib_lookup4(fib, ip->src) : tg_fib_lookup6(fib, ip->src);

	return back && back->type == TG_HOP_LOCAL;
}

void
tg_icmp_answer(struct tg_control *c, struct rte_mbuf *m)
{
	struct pkt_ip ip;

	/* Parsed before. */
	pkt_ip_parse(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), &ip);
	if (is_from_kernel(c, &ip)) {
		tell_kernel(c, m, &ip);
		return;
	}
	switch (tg_refuse_answer(&c->pipeline->env, &c->counters, m)) {
	case TG_OP_SEAL:
		tg_control_to_crypto(c, m);
		break;
	case TG_OP_FRAME:
		tg_control_to_tx(c, m);
		break;
	case TG_OP_RESOLVE:
		tg_resolve_packet(c, m);
		break;
	default:
		break;
	}
}

void
tg_icmp_host(struct tg_control *c, struct rte_mbuf *m, enum tg_drop why)
{
	if (tg_refuse_host(&c->refused, &c->counters, m, why, c->now))
		tg_icmp_answer(c, m);
}

void
tg_icmp_to_kernel(struct tg_control *c, struct rte_mbuf *m, const struct pkt_ip *ip)
{
	if (tg_refuse_may_tell(&c->refused, &c->counters, m, c->now))
		tell_kernel(c, m, ip);
}
