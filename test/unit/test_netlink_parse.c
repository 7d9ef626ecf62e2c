/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages as the kernel writes them, and as it never should. */
#include "test_eal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "netlink_parse.h"

static _Alignas(struct nlmsghdr) char buf[1024];
static const uint8_t gateway4[4] = {192, 0, 2, 1};
static const uint8_t gateway6[16] = {0xfe, 0x80, [15] = 1};
static const uint8_t dst4[4] = {10, 1, 0, 0};

static struct nlmsghdr *
message(uint16_t type, const void *header, size_t size)
{
	struct nlmsghdr *msg;

	memset(buf, 0, sizeof(buf));
	msg = mnl_nlmsg_put_header(buf);
	msg->nlmsg_type = type;
	memcpy(mnl_nlmsg_put_extra_header(msg, size), header, size);
	return msg;
}

/* 10.1.0.0/16 in main; the caller adds the rest. */
static struct nlmsghdr *
route_message(const struct rtmsg *change)
{
	struct rtmsg info = {.rtm_family = AF_INET,
		.rtm_dst_len = 16,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_type = RTN_UNICAST};
	struct nlmsghdr *msg = message(RTM_NEWROUTE, change ? change : &info, sizeof(info));

	mnl_attr_put(msg, RTA_DST, 4, dst4);
	return msg;
}

static struct rtnexthop *
next_hop_begin(struct nlmsghdr *msg, int ifindex, unsigned char flags)
{
	struct rtnexthop *nh = mnl_nlmsg_get_payload_tail(msg);

	*nh = (struct rtnexthop){.rtnh_ifindex = ifindex, .rtnh_flags = flags};
	msg->nlmsg_len += sizeof(*nh);
	return nh;
}

static void
next_hop_end(struct nlmsghdr *msg, struct rtnexthop *nh)
{
	nh->rtnh_len = (unsigned short)((char *)mnl_nlmsg_get_payload_tail(msg) - (char *)nh);
}

static void
add_next_hop(struct nlmsghdr *msg, int ifindex, unsigned char flags)
{
	struct rtnexthop *nh = next_hop_begin(msg, ifindex, flags);

	mnl_attr_put(msg, RTA_GATEWAY, 4, gateway4);
	next_hop_end(msg, nh);
}

static void
test_route(void **state)
{
	struct nlmsghdr *msg = route_message(NULL);
	struct nl_route r;

	(void)state;
	mnl_attr_put_u32(msg, RTA_OIF, 7);
	mnl_attr_put_u32(msg, RTA_PRIORITY, 100);
	mnl_attr_put(msg, RTA_GATEWAY, 4, gateway4);
	mnl_attr_put(msg, RTA_PREFSRC, 4, dst4);
	mnl_attr_put_u32(msg, 63, 1);
	mnl_attr_put_u32(msg, 64, 1);
	mnl_attr_put_u32(msg, 1000, 1);
	assert_true(nl_parse_route(msg, &r));
	assert_int_equal(r.prefix.family, AF_INET);
	assert_int_equal(r.prefix.len, 16);
	assert_memory_equal(r.prefix.addr, dst4, 4);
	assert_int_equal(r.metric, 100);
	assert_int_equal(r.hop.ifindex, 7);
	assert_int_equal(r.hop.family, AF_INET);
	assert_memory_equal(r.hop.gateway, gateway4, 4);
	assert_true(r.has_source);
	assert_memory_equal(r.source, dst4, 4);
	assert_false(r.local);
	assert_false(r.multipath);
}

static void
test_gateway_of_the_other_family(void **state)
{
	struct nlmsghdr *msg = route_message(NULL);
	uint8_t via[18] = {AF_INET6};
	struct nl_route r;

	(void)state;
	memcpy(via + 2, gateway6, 16);
	mnl_attr_put_u32(msg, RTA_OIF, 7);
	mnl_attr_put(msg, RTA_VIA, sizeof(via), via);
	assert_true(nl_parse_route(msg, &r));
	assert_int_equal(r.hop.family, AF_INET6);
	assert_memory_equal(r.hop.gateway, gateway6, 16);

	msg = route_message(NULL);
	mnl_attr_put(msg, RTA_VIA, sizeof(via) - 1, via);
	assert_false(nl_parse_route(msg, &r));
	msg = route_message(NULL);
	via[0] = AF_INET;
	mnl_attr_put(msg, RTA_VIA, sizeof(via), via);
	assert_false(nl_parse_route(msg, &r));
	msg = route_message(NULL);
	mnl_attr_put(msg, RTA_VIA, 1, via);
	assert_false(nl_parse_route(msg, &r));
}

/* Interface 1 dead, 2 without carrier, 3 and 4 fine: the least of flags first, then the order. */
static void
test_multipath_choice(void **state)
{
	static const struct {
		unsigned char flags[3];
		int best;
	} vectors[] = {
		{{0, 0, 0}, 1},
		{{RTNH_F_DEAD, 0, 0}, 2},
		{{RTNH_F_DEAD, RTNH_F_LINKDOWN, 0}, 3},
		{{RTNH_F_DEAD, RTNH_F_LINKDOWN, RTNH_F_LINKDOWN}, 2},
		{{RTNH_F_LINKDOWN, RTNH_F_DEAD, RTNH_F_DEAD}, 1},
		{{RTNH_F_DEAD | RTNH_F_LINKDOWN, RTNH_F_DEAD, RTNH_F_DEAD}, 1},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		struct nlmsghdr *msg = route_message(NULL);
		struct nlattr *nest = mnl_attr_nest_start(msg, RTA_MULTIPATH);
		struct nl_route r;

		for (int hop = 0; hop < 3; hop++)
			add_next_hop(msg, hop + 1, vectors[i].flags[hop]);
		mnl_attr_nest_end(msg, nest);
		assert_true(nl_parse_route(msg, &r));
		assert_true(r.multipath);
		assert_int_equal(r.hop.ifindex, vectors[i].best);
		assert_memory_equal(r.hop.gateway, gateway4, 4);
	}
}

static void
test_bad_multipath(void **state)
{
	static const unsigned short lengths[] = {0, 7, 17, 0xffff};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(lengths); i++) {
		struct nlmsghdr *msg = route_message(NULL);
		struct nlattr *nest = mnl_attr_nest_start(msg, RTA_MULTIPATH);
		struct rtnexthop *nh = next_hop_begin(msg, 1, 0);
		struct nl_route r;

		mnl_attr_put(msg, RTA_GATEWAY, 4, gateway4);
		nh->rtnh_len = lengths[i];
		mnl_attr_nest_end(msg, nest);
		assert_false(nl_parse_route(msg, &r));
	}
}

static void
test_routes_that_do_not_concern_us(void **state)
{
	static const struct rtmsg good = {.rtm_family = AF_INET,
		.rtm_dst_len = 16,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_type = RTN_UNICAST};
	struct rtmsg bad[6];
	struct nlmsghdr *msg;
	struct nl_route r;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		bad[i] = good;
	bad[0].rtm_family = AF_BRIDGE;
	bad[1].rtm_dst_len = 33;
	bad[2].rtm_src_len = 8;
	bad[3].rtm_tos = 8;
	bad[4].rtm_flags = RTM_F_CLONED;
	bad[5].rtm_table = RT_TABLE_DEFAULT;
	assert_true(nl_parse_route(route_message(&good), &r));
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_false(nl_parse_route(route_message(&bad[i]), &r));
	msg = route_message(NULL);
	mnl_attr_put_u32(msg, RTA_TABLE, 1000);
	assert_false(nl_parse_route(msg, &r));
}

static void
test_multicast_and_link_local_destinations(void **state)
{
	static const struct {
		uint16_t family;
		uint8_t len;
		uint8_t addr[16];
		bool taken;
	} vectors[] = {
		{AF_INET, 4, {224}, false},
		{AF_INET, 32, {239, 255, 255, 255}, false},
		{AF_INET, 4, {240}, true},
		{AF_INET, 8, {223}, true},
		{AF_INET6, 8, {0xff}, false},
		{AF_INET6, 10, {0xfe, 0x80}, false},
		{AF_INET6, 128, {0xfe, 0xbf}, false},
		{AF_INET6, 10, {0xfe, 0xc0}, true},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		struct rtmsg info = {.rtm_family = (uint8_t)vectors[i].family,
			.rtm_dst_len = vectors[i].len,
			.rtm_table = RT_TABLE_LOCAL};
		struct nlmsghdr *msg = message(RTM_NEWROUTE, &info, sizeof(info));
		struct nl_route r;

		mnl_attr_put(msg, RTA_DST, info.rtm_family == AF_INET ? 4 : 16, vectors[i].addr);
		assert_int_equal(nl_parse_route(msg, &r), vectors[i].taken);
	}
}

static void
test_attributes_of_a_wrong_length(void **state)
{
	static const struct {
		uint16_t type;
		uint16_t len;
	} vectors[] = {{RTA_OIF, 2}, {RTA_OIF, 8}, {RTA_PRIORITY, 1}, {RTA_TABLE, 3},
		{RTA_GATEWAY, 3}, {RTA_GATEWAY, 16}, {RTA_PREFSRC, 16}, {RTA_DST, 16},
		{RTA_DST, 0}};
	static const uint8_t zeros[16];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		struct nlmsghdr *msg = route_message(NULL);
		struct nl_route r;

		mnl_attr_put(msg, vectors[i].type, vectors[i].len, zeros);
		assert_false(nl_parse_route(msg, &r));
	}
}

static void
test_link(void **state)
{
	struct ifinfomsg info = {.ifi_index = 7, .ifi_flags = 1};
	struct nlmsghdr *msg = message(RTM_NEWLINK, &info, sizeof(info));
	struct nl_link link;

	(void)state;
	mnl_attr_put_u32(msg, IFLA_MTU, 9000);
	assert_true(nl_parse_link(msg, &link));
	assert_int_equal(link.ifindex, 7);
	assert_int_equal(link.flags, 1);
	assert_int_equal(link.mtu, 9000);
	/* A port that leaves its bridge is not a link that goes. */
	info.ifi_family = AF_BRIDGE;
	assert_false(nl_parse_link(message(RTM_DELLINK, &info, sizeof(info)), &link));
}

static void
test_addr(void **state)
{
	struct ifaddrmsg info = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 7};
	struct nlmsghdr *msg = message(RTM_NEWADDR, &info, sizeof(info));
	struct nl_addr a;

	(void)state;
	assert_false(nl_parse_addr(msg, &a));
	mnl_attr_put(msg, IFA_ADDRESS, 4, gateway4);
	assert_true(nl_parse_addr(msg, &a));
	assert_memory_equal(a.addr, gateway4, 4);
	assert_true(a.usable);
	mnl_attr_put(msg, IFA_LOCAL, 4, dst4);
	assert_true(nl_parse_addr(msg, &a));
	assert_memory_equal(a.addr, dst4, 4);
	mnl_attr_put_u32(msg, IFA_FLAGS, IFA_F_TENTATIVE);
	assert_true(nl_parse_addr(msg, &a));
	assert_false(a.usable);
	mnl_attr_put_u32(msg, IFA_FLAGS, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
	assert_true(nl_parse_addr(msg, &a) && a.usable);
	mnl_attr_put_u32(msg, IFA_FLAGS, IFA_F_DADFAILED);
	assert_true(nl_parse_addr(msg, &a) && !a.usable);
	info.ifa_prefixlen = 33;
	msg = message(RTM_NEWADDR, &info, sizeof(info));
	mnl_attr_put(msg, IFA_LOCAL, 4, dst4);
	assert_false(nl_parse_addr(msg, &a));
}

static void
test_neigh(void **state)
{
	static const struct {
		uint16_t state;
		bool usable, stale;
	} vectors[] = {{NUD_REACHABLE, true, false}, {NUD_STALE, true, true},
		{NUD_DELAY, true, false}, {NUD_PROBE, true, false}, {NUD_PERMANENT, true, false},
		{NUD_NOARP, true, false}, {NUD_INCOMPLETE, false, false},
		{NUD_FAILED, false, false}, {NUD_NONE, false, false}};
	static const uint8_t mac[8] = {2, 0, 0, 0, 0, 9, 0, 0};
	struct nl_neigh n;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		struct ndmsg info = {.ndm_family = AF_INET, .ndm_state = vectors[i].state};
		struct nlmsghdr *msg = message(RTM_NEWNEIGH, &info, sizeof(info));

		mnl_attr_put(msg, NDA_DST, 4, gateway4);
		assert_true(nl_parse_neigh(msg, &n) && !n.usable);
		mnl_attr_put(msg, NDA_LLADDR, 6, mac);
		assert_true(nl_parse_neigh(msg, &n));
		assert_int_equal(n.usable, vectors[i].usable);
		assert_int_equal(n.stale, vectors[i].stale);
		if (n.usable)
			assert_memory_equal(&n.mac, mac, 6);
		mnl_attr_put(msg, NDA_LLADDR, 8, mac);
		assert_int_equal(nl_parse_neigh(msg, &n), !vectors[i].usable);
	}
}

static void
test_proxy_and_multicast_neighbours(void **state)
{
	struct ndmsg info = {.ndm_family = AF_INET, .ndm_state = NUD_NOARP};
	struct nlmsghdr *msg = message(RTM_NEWNEIGH, &info, sizeof(info));
	struct nl_neigh n;

	(void)state;
	mnl_attr_put(msg, NDA_DST, 4, (const uint8_t[]){224, 0, 0, 22});
	assert_false(nl_parse_neigh(msg, &n));
	info.ndm_flags = NTF_PROXY;
	msg = message(RTM_NEWNEIGH, &info, sizeof(info));
	mnl_attr_put(msg, NDA_DST, 4, gateway4);
	assert_false(nl_parse_neigh(msg, &n));
}

/* Every length a message can be cut to, each copy ending where its memory ends (padded to 4, as all
 * are). */
static void
parse_cut(const struct nlmsghdr *msg)
{
	for (uint32_t len = sizeof(*msg); len <= msg->nlmsg_len; len++) {
		struct nlmsghdr *copy = calloc(1, MNL_ALIGN(len));
		struct nl_route r;
		struct nl_neigh n;
		struct nl_link l;
		struct nl_addr a;

		assert_non_null(copy);
		memcpy(copy, msg, len);
		copy->nlmsg_len = len;
		nl_parse_route(copy, &r);
		nl_parse_neigh(copy, &n);
		nl_parse_link(copy, &l);
		nl_parse_addr(copy, &a);
		free(copy);
	}
}

static void
test_cut_messages_stay_inside(void **state)
{
	struct nlmsghdr *msg = route_message(NULL);
	struct nlattr *nest = mnl_attr_nest_start(msg, RTA_MULTIPATH);
	struct nl_route r;

	(void)state;
	add_next_hop(msg, 1, 0);
	add_next_hop(msg, 2, 0);
	mnl_attr_nest_end(msg, nest);
	mnl_attr_put(msg, RTA_PREFSRC, 4, dst4);
	parse_cut(msg);
	for (unsigned int i = sizeof(*msg); i < msg->nlmsg_len; i++) {
		uint8_t kept = (uint8_t)buf[i];

		for (unsigned int value = 0; value < 256; value++) {
			buf[i] = (char)value;
			nl_parse_route(msg, &r);
		}
		buf[i] = (char)kept;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_gateway_of_the_other_family),
		cmocka_unit_test(test_multipath_choice),
		cmocka_unit_test(test_bad_multipath),
		cmocka_unit_test(test_routes_that_do_not_concern_us),
		cmocka_unit_test(test_multicast_and_link_local_destinations),
		cmocka_unit_test(test_attributes_of_a_wrong_length),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_neigh),
		cmocka_unit_test(test_proxy_and_multicast_neighbours),
		cmocka_unit_test(test_cut_messages_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
