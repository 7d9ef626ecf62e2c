/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PREFIX_H
#define TEST_PREFIX_H

#include <arpa/inet.h>
#include <string.h>

#include "lpm.h"
#include "test_eal.h"

/* Of the written address, IPv4 or IPv6. */
static inline struct lpm_prefix
test_prefix(const char *addr, uint8_t len)
{
	struct lpm_prefix p = {.family = strchr(addr, ':') ? AF_INET6 : AF_INET, .len = len};

	assert_int_equal(inet_pton(p.family, addr, p.addr), 1);
	return p;
}

#endif
