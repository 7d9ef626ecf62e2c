/* SPDX-License-Identifier: BSD-3-Clause */
/* TUN/TAP devices; the kernel resolves neighbours by what it sends on a twin. */
#include "netlink_net.h"

#include <errno.h>

#include <rte_arp.h>

static struct rte_mbuf *
next_frame(struct net *n, int fd, uint16_t ether_type)
{
	while (is_readable(fd, DEADLINE_MS)) {
		struct rte_mbuf *m = tg_tap_read(fd, n->pool);

		if (m && rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->ether_type == ether_type)
			return m;
		rte_pktmbuf_free(m);
	}
	fail_msg("nothing came in time");
	return NULL;
}

static void
answer_arp(struct net *n, struct rte_mbuf *m, uint8_t last)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (void *)(eth + 1);
	const struct rte_ether_addr us = {{2, 0, 0, 0, 0, last}};
	rte_be32_t asked = arp->arp_data.arp_tip;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = us;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = us;
	arp->arp_data.arp_sip = asked;
	assert_true(tg_tap_write(n->tw[0], m));
	rte_pktmbuf_free(m);
}

static void
wait_resolved(struct net *n)
{
	while (!n->resolved) {
		assert_true(is_readable(tg_netlink_fd(n->nl), DEADLINE_MS));
		tg_netlink_input(n->nl);
	}
}

static void
test_kernel_resolves_and_confirms(void **state)
{
	struct net *n = *state;
	const uint8_t addr[16] = {10, 0, 0, 9};
	struct tg_hop *hop;
	struct rte_mbuf *m;

	twins_up(n);
	sh("echo 0 > /proc/sys/net/ipv4/neigh/tw0/delay_first_probe_time");
	hop = tg_fib_hop_get(n->fib, 0, AF_INET, addr);
	tg_netlink_resolve(n->nl, hop);
	m = next_frame(n, n->tw[0], RTE_BE16(RTE_ETHER_TYPE_ARP));
	answer_arp(n, m, 9);
	wait_resolved(n);
	assert_ptr_equal(n->resolved, hop);
	assert_int_equal(mac_of(hop), 9);

	ip(n, "neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev tw0 nud stale");
	tg_netlink_refresh(n->nl);
	m = next_frame(n, n->tw[0], RTE_BE16(RTE_ETHER_TYPE_ARP));
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[5], 9);
	rte_pktmbuf_free(m);
	tg_fib_hop_put(n->fib, hop);
}

static void
test_kernel_solicits_ipv6(void **state)
{
	struct net *n = *state;
	const uint8_t addr[16] = {0xfd, [15] = 9};
	struct tg_hop *hop;
	uint8_t type = 0;

	twins_up(n);
	/* Solicitations are sent from a link-local address, or not at all. */
	ip(n, "addr add fe80::1/64 dev tw0 nodad");
	while (!tg_fib_is_local(n->fib, AF_INET6, (const uint8_t[]){0xfe, 0x80, [15] = 1})) {
		assert_true(is_readable(tg_netlink_fd(n->nl), DEADLINE_MS));
		tg_netlink_input(n->nl);
	}
	hop = tg_fib_hop_get(n->fib, 0, AF_INET6, addr);
	tg_netlink_resolve(n->nl, hop);
	while (type != 135) {
		struct rte_mbuf *m = next_frame(n, n->tw[0], RTE_BE16(RTE_ETHER_TYPE_IPV6));

		type = *rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + 40);
		rte_pktmbuf_free(m);
	}
	tg_fib_hop_put(n->fib, hop);
}

static void
test_taken_and_bad_names(void **state)
{
	(void)state;
	assert_int_equal(tg_tap_open("tw0", &mac[0], 1500), -EEXIST);
	assert_int_equal(tg_tun_open("tg0", 1420), -EEXIST);
	assert_int_equal(tg_tap_open("v0", &mac[0], 1500), -EEXIST);
	sh("ip tuntap add keep0 mode tap");
	assert_int_equal(tg_tap_open("keep0", &mac[0], 1500), -EEXIST);
	assert_int_equal(tg_tun_open("", 1420), -EINVAL);
	assert_int_equal(tg_tun_open("tg%d", 1420), -EINVAL);
	assert_int_equal(tg_tun_open("a/b", 1420), -EINVAL);
	assert_int_equal(tg_tun_open("sixteen-letters-", 1420), -EINVAL);
	assert_int_equal(tg_tun_open("small", 10), -EINVAL);
}

static void
test_twin_has_mac_and_mtu(void **state)
{
	(void)state;
	sh("ip link show tw1 | grep -q 'link/ether 02:00:00:00:01:01'");
	sh("ip link show tw1 | grep -q 'mtu 1500 .* state DOWN'");
	sh("ip link show tg0 | grep -q 'mtu 1420 .* state DOWN'");
}

static void
test_oversize_is_dropped(void **state)
{
	struct net *n = *state;
	struct rte_mbuf *m;

	sh("echo 1 > /proc/sys/net/ipv6/conf/tg0/disable_ipv6");
	ip(n, "link set tg0 up mtu 9000");
	ip(n, "addr add 10.3.0.1/24 dev tg0");
	assert_null(tg_tap_read(n->tg, n->pool));
	assert_int_equal(errno, EAGAIN);
	/* The pool has room for 2048 bytes behind the headroom: 28 + 2020 fit, one more does not.
	 */
	sh("ping -q -c1 -w1 -W1 -s 2021 10.3.0.2 >/dev/null; test $? = 1");
	assert_null(tg_tap_read(n->tg, n->pool));
	assert_int_equal(errno, EMSGSIZE);
	sh("ping -q -c1 -w1 -W1 -s 2020 10.3.0.2 >/dev/null; test $? = 1");
	m = tg_tap_read(n->tg, n->pool);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 2048);
	assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), 0x45);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_avail_count(n->pool), 63);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(kernel_resolves_and_confirms),
		SCENARIO(kernel_solicits_ipv6),
		SCENARIO(taken_and_bad_names),
		SCENARIO(twin_has_mac_and_mtu),
		SCENARIO(oversize_is_dropped),
	};
	int rc = init();

	return rc ? rc : cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
