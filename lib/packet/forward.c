/* SPDX-License-Identifier: BSD-3-Clause */
#include "forward.h"
#include "csum.h"

/* Of the word of TTL and protocol, when that is 0x100 less. */
#define TTL_CHANGE 0xfeff

bool
pkt_ttl_dec(uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	uint8_t *ttl = v4 ? ip + 8 : ip + 7;

	if (*ttl <= 1)
		return false;
	--*ttl;
	if (v4)
		pkt_csum_change(ip + 10, TTL_CHANGE);
	return true;
}
