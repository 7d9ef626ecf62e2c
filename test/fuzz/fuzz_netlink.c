/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel could send by rtnetlink, as libmnl would hand it on. */
#include "fuzz.h"
#include "netlink_parse.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	RTE_SET_USED(argc);
	RTE_SET_USED(argv);
	return fuzz_init();
}

static void
check_prefix(const struct lpm_prefix *p)
{
	fuzz_require(p->family == AF_INET || p->family == AF_INET6);
	fuzz_require(p->len <= (p->family == AF_INET ? 32 : 128));
}

static void
parse(const struct nlmsghdr *msg)
{
	struct nl_neigh neigh;
	struct nl_route route;
	struct nl_addr addr;
	struct nl_link link;

	nl_parse_link(msg, &link);
	nl_parse_neigh(msg, &neigh);
	if (nl_parse_addr(msg, &addr))
		check_prefix(&(struct lpm_prefix){.family = addr.family, .len = addr.len});
	if (nl_parse_route(msg, &route))
		check_prefix(&route.prefix);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *buf = fuzz_copy(data, size);
	const struct nlmsghdr *msg = buf;
	int left = (int)size;

	/* libmnl takes a length beyond INT_MAX for one that fits; the kernel sends none. And it
	 * reads to where the next message would begin, which is within the buffer that receives. */
	for (; mnl_nlmsg_ok(msg, left) && msg->nlmsg_len <= size &&
		MNL_ALIGN(msg->nlmsg_len) <= (size_t)left;
		msg = mnl_nlmsg_next(msg, &left))
		parse(msg);
	free(buf);
	return 0;
}
