/* SPDX-License-Identifier: BSD-3-Clause */
#include "ecn.h"
#include "csum.h"
#include "ip.h"

static void
set_ecn(uint8_t *p, enum pkt_ecn ecn)
{
	uint16_t was = pkt_be16(p);

	if (p[0] >> 4 == 4) {
		p[1] = (uint8_t)((p[1] & ~PKT_ECN_MASK) | ecn);
		pkt_csum_update(p + 10, was, pkt_be16(p));
	} else {
		p[1] = (uint8_t)((p[1] & ~(PKT_ECN_MASK << 4)) | ecn << 4);
	}
}

bool
pkt_ecn_mark_ce(uint8_t *ip)
{
	uint8_t ecn = pkt_ip_tos(ip) & PKT_ECN_MASK;

	if (ecn == PKT_ECN_NOT_ECT)
		return false;
	if (ecn != PKT_ECN_CE)
		set_ecn(ip, PKT_ECN_CE);
	return true;
}

bool
pkt_ecn_decap(uint8_t outer_tos, uint8_t *inner)
{
	uint8_t outer = outer_tos & PKT_ECN_MASK;

	if (outer == PKT_ECN_CE)
		return pkt_ecn_mark_ce(inner);
	if (outer == PKT_ECN_ECT1 && (pkt_ip_tos(inner) & PKT_ECN_MASK) == PKT_ECN_ECT0)
		set_ecn(inner, PKT_ECN_ECT1);
	return true;
}
