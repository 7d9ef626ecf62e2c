/* SPDX-License-Identifier: BSD-3-Clause */
/* After random changes, lost messages and moves the mirror is as one made afresh. */
#include "netlink_net.h"

#include <errno.h>
#include <sys/socket.h>

/* A mirror as text, to compare two. */
struct text {
	char *data;
	size_t size;
	FILE *out;
};

static void
print_hop(const struct lpm_prefix *p, void *value, void *ctx)
{
	const struct tg_hop *hop = value;
	char addr[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN] = "";

	inet_ntop(p->family, p->addr, addr, sizeof(addr));
	if (hop->family)
		inet_ntop(hop->family, hop->addr, gateway, sizeof(gateway));
	fprintf(ctx, "%s/%u type %d port %u via %s l2 %llx\n", addr, p->len, hop->type, hop->port,
		gateway, (unsigned long long)hop->l2);
}

static char *
print_mirror(const struct tg_fib *fib)
{
	struct text t = {0};

	t.out = open_memstream(&t.data, &t.size);
	lpm_walk(fib->routes, print_hop, t.out);
	for (int port = 0; port < 2; port++)
		lpm_walk(fib->neighbours[port], print_hop, t.out);
	fclose(t.out);
	return t.data;
}

static void
assert_same_as_fresh(struct net *n)
{
	struct tg_netlink *nl;
	struct tg_fib *fib;
	char *ours, *fresh;

	settle(n);
	mirror_open(n, &fib, &nl);
	ours = print_mirror(n->fib);
	fresh = print_mirror(fib);
	assert_string_equal(ours, fresh);
	free(ours);
	free(fresh);
	mirror_close(fib, nl);
}

static void
write_batch(FILE *f, unsigned int lines)
{
	static const char *const gateways[] = {"via 10.0.0.8", "via 10.0.0.9", "via 10.0.1.9",
		"dev tg0", "dev v0", "dev tw1", "via inet6 fe80::9 dev tw0",
		"src 10.0.0.2 via 10.0.1.8", "nexthop via 10.0.0.7 nexthop via 10.0.1.7"};
	static const char *const verbs[] = {"add", "add", "replace", "append", "del", "change"};
	static const char *const others[] = {"link set tw0 down", "link set tw0 up",
		"addr add 10.0.0.2/24 dev tw0", "addr del 10.0.0.2/24 dev tw0", "link set v1 down",
		"link set v1 up", "route flush 10.20.3.0/24",
		"neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev tw0 nud stale",
		"neigh replace 10.0.1.7 lladdr 02:00:00:00:00:07 dev tw1 nud permanent",
		"neigh del 10.0.0.9 dev tw0",
		"route replace fd20::/32 nexthop via fd00::8 nexthop via fd00::9",
		"route append fd20::/32 via fd00::7", "route del fd20::/32 via fd00::8",
		"route add fd20::/32 dev tg0 metric 7", "route del fd20::/32 metric 7"};

	for (unsigned int i = 0; i < lines; i++) {
		if (rand() % 4 == 0)
			fprintf(f, "%s\n", others[rand() % RTE_DIM(others)]);
		else
			fprintf(f, "route %s 10.20.%d.0/24 metric %d %s\n",
				verbs[rand() % RTE_DIM(verbs)], rand() % 6, rand() % 3,
				gateways[rand() % RTE_DIM(gateways)]);
	}
}

static void
run_batch(unsigned int lines)
{
	char path[] = "/tmp/test_netlink.XXXXXX", command[128];
	int fd = mkstemp(path), rc;
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	write_batch(f, lines);
	fclose(f);
	/* Many of the lines are refused, as they should be. */
	snprintf(command, sizeof(command), "ip -force -batch %s >/dev/null 2>&1", path);
	rc = system(command);
	assert_int_not_equal(rc, -1);
	unlink(path);
}

static void
test_mirror_follows_random_changes(void **state)
{
	struct net *n = *state;

	srand(1);
	twins_up(n);
	ip(n, "addr add 10.0.9.1/24 dev v0");
	for (int i = 0; i < 60; i++) {
		run_batch(20);
		assert_same_as_fresh(n);
	}
}

static void
test_lost_messages_resynchronise(void **state)
{
	struct net *n = *state;
	int size = 1;

	srand(2);
	twins_up(n);
	assert_int_equal(
		setsockopt(tg_netlink_fd(n->nl), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	for (int i = 0; i < 10; i++) {
		run_batch(100);
		assert_same_as_fresh(n);
	}
}

static void
test_moved_twin_is_down(void **state)
{
	struct net *n = *state;

	twins_up(n);
	assert_true(n->up[0]);
	close(n->tw[0]);
	settle(n);
	assert_false(n->up[0]);
	assert_null(lookup(n, "10.0.0.2"));
	n->tw[0] = tg_tap_open("tw0", &mac[0], 1500);
	assert_true(n->tw[0] >= 0);
	assert_int_equal(tg_netlink_add_twin(n->nl, 0, "nope"), -ENODEV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(mirror_follows_random_changes),
		SCENARIO(lost_messages_resynchronise),
		SCENARIO(moved_twin_is_down),
	};
	int rc = init();

	return rc ? rc : cmocka_run_group_tests_name("netlink_mirror", tests, NULL, NULL);
}
