/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors at the control thread: those that stages ask for, and about packets that end here. */
#include "icmp.h"

#include "control.h"
#include "refuse.h"
#include "tap.h"

void
tg_icmp_answer(struct tg_control *c, struct rte_mbuf *m)
{
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

/*
 * The kernel takes no packet from outside that comes from an address of its own, so the error comes
 * from where the packet was to go.
 */
void
tg_icmp_to_kernel(struct tg_control *c, struct rte_mbuf *m, const struct pkt_ip *ip)
{
	const struct tg_meta *meta = tg_meta(m);
	bool taken;

	if (!tg_refuse_may_tell(&c->refused, &c->counters, m, c->now))
		return;
	if (!pkt_icmp_error(m, meta->icmp, meta->mtu, ip->dst, 64)) {
		tg_drop(&c->counters, m, TG_DROP_NO_ROOM);
		return;
	}
	taken = tg_tap_write(c->tunnel.fd, m);
	c->counters.icmp_sent += taken;
	tg_drop(&c->counters, m, taken ? TG_DROP_KERNEL : TG_DROP_KERNEL_REFUSED);
}
