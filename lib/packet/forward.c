/* SPDX-License-Identifier: BSD-3-Clause */
#include "forward.h"
#include "csum.h"

bool
pkt_ttl_dec(uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	uint8_t *ttl = v4 ? ip + 8 : ip + 7;
	uint16_t was = pkt_be16(ttl);

	if (*ttl <= 1)
		return false;
	--*ttl;
	if (v4)
		pkt_csum_update(ip + 10, was, pkt_be16(ttl));
	return true;
}
