/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a message came from: tg_endpoint_is() says without reading it all what
 * wg_endpoint_equal() says of what tg_endpoint_read() reads, and tags are the same when all is.
 */
#include "test_eal.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include "path.h"

#define OUTER4 (sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))
#define OUTER6 (sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_udp_hdr))

static struct rte_mempool *pool;

/* A message whose outer header counts up from its version on. */
static struct rte_mbuf *
message(uint8_t version, uint16_t port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t outer = version == 4 ? OUTER4 : OUTER6, i;
	uint8_t *p;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, 96);
	for (i = 0; i < 96; i++)
		p[i] = i;
	p[0] = (uint8_t)(version << 4);
	rte_pktmbuf_adj(m, outer);
	tg_meta(m)->outer_len = outer;
	m->port = port;
	return m;
}

static void
assert_is(struct rte_mbuf *m, const struct wg_endpoint *e, bool expected)
{
	struct wg_endpoint read;

	tg_endpoint_read(m, 0, &read);
	assert_int_equal(wg_endpoint_equal(&read, e), expected);
	assert_int_equal(tg_endpoint_is(m, e), expected);
	assert_int_equal(
		tg_endpoint_tag(m) == tg_endpoint_tag_of(e), memcmp(&read, e, sizeof(read)) == 0);
}

/* Every byte of port, address and source counts. */
static void
each_byte(uint8_t version)
{
	struct rte_mbuf *m = message(version, 1);
	unsigned int i, outer = tg_meta(m)->outer_len, addr = version == 4 ? 4 : 16;
	unsigned int src = version == 4 ? 12 : 8, udp = outer - sizeof(struct rte_udp_hdr);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *) - outer;
	struct wg_endpoint e;

	tg_endpoint_read(m, 0, &e);
	assert_is(m, &e, true);
	for (i = 1; i < outer; i++) {
		bool matters = (i >= src && i < src + 2 * addr) || i == udp || i == udp + 1;

		ip[i] ^= 1;
		assert_is(m, &e, !matters);
		ip[i] ^= 1;
	}
	rte_pktmbuf_free(m);
}

static void
test_each_byte(void **state)
{
	(void)state;
	each_byte(4);
	each_byte(6);
}

/* IPv4 and IPv6 with the same bytes where both have something. */
static void
test_family(void **state)
{
	struct rte_mbuf *m = message(4, 1);
	struct wg_endpoint e;

	(void)state;
	tg_endpoint_read(m, 0, &e);
	e.family = AF_INET6;
	assert_is(m, &e, false);
	rte_pktmbuf_free(m);
	m = message(6, 1);
	tg_endpoint_read(m, 0, &e);
	e.family = AF_INET;
	assert_is(m, &e, false);
	rte_pktmbuf_free(m);
}

/* Another interface is another endpoint, unless one of them is not known. */
static void
test_interface(void **state)
{
	struct rte_mbuf *m = message(4, 1);
	struct wg_endpoint e;

	(void)state;
	tg_endpoint_read(m, 0, &e);
	assert_int_equal(e.iface, 2);
	e.iface = 3;
	assert_is(m, &e, false);
	e.iface = 0;
	assert_is(m, &e, true);
	e.iface = 3;
	m->port = RTE_MBUF_PORT_INVALID;
	assert_is(m, &e, true);
	rte_pktmbuf_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_byte),
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_interface),
	};

	if (test_eal_init() || tg_meta_register())
		return 1;
	pool = rte_pktmbuf_pool_create("endpoint", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!pool)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
