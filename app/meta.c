/* SPDX-License-Identifier: BSD-3-Clause */
#include "meta.h"

#include <rte_errno.h>

int tg_meta_offset = -1;

int
tg_meta_register(void)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "tinguard_meta",
		.size = sizeof(struct tg_meta),
		.align = __alignof__(uint64_t),
	};

	tg_meta_offset = rte_mbuf_dynfield_register(&field);
	return tg_meta_offset < 0 ? -rte_errno : 0;
}
