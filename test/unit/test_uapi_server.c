/* SPDX-License-Identifier: BSD-3-Clause */
/* The UAPI server: its socket, many clients, slow ones and hostile ones. */
#include <fcntl.h>

#include "test_uapi.h"

/* A client that has said all may shut its side down before it reads. */
static void
test_half_closed_client_is_answered(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);
	struct answer a;

	assert_int_equal(send(fd, "get=1\n\nget=1\n\nget", 17, 0), 17);
	shutdown(fd, SHUT_WR);
	a = talk(f, fd, "", 0, 0);
	assert_string_equal(a.text, "errno=0\n\nerrno=0\n\n");
	assert_true(a.closed);
	free(a.text);
	close(fd);
}

static void
test_unknown_operation_ends_the_connection(void **state)
{
	static const char *const texts[] = {"foo\n\nget=1\n\n", "\n\nget=1\n\n",
		"get=2\n\nget=1\n\n", "get=1\nlisten_port\n\nget=1\n\n", "\nget=1\n\nget=1\n\n",
		"set=1 \n\nget=1\n\n"};
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(texts); i++) {
		int fd = connect_to(f->path);
		struct answer a = talk(f, fd, texts[i], strlen(texts[i]), SIZE_MAX);

		assert_string_equal(a.text, "errno=-22\n\n");
		assert_true(a.closed);
		free(a.text);
		close(fd);
	}
	assert_int_equal(f->uapi->n_conns, 0);
}

/* A line without end is stopped, in whatever place. */
static void
test_endless_line(void **state)
{
	static const char *const before[] = {"", "set=1\n", "set=1\nlisten_port=1\n"};
	static char junk[2 * TG_UAPI_LINE_MAX];
	struct fixture *f = *state;

	memset(junk, 'x', sizeof(junk));
	for (size_t i = 0; i < RTE_DIM(before); i++) {
		int fd = connect_to(f->path);
		struct answer a = talk(f, fd, before[i], strlen(before[i]), SIZE_MAX);

		assert_string_equal(a.text, "");
		free(a.text);
		a = talk(f, fd, junk, sizeof(junk), SIZE_MAX);
		assert_string_equal(a.text, "errno=-7\n\n");
		assert_true(a.closed);
		free(a.text);
		close(fd);
	}
	assert_int_equal(f->applied, 0);
}

/* Byte by byte, and with an error in the first of many lines: one answer, and nothing applied. */
static void
test_set_in_pieces(void **state)
{
	static const char set[] = "set=1\nlisten_port=7\npublic_key="
				  "0101010101010101010101010101010101010101010101010101010101010101"
				  "\nallowed_ip=10.0.0.0/8\n\nset=1\nlisten_port=x\nfwmark=3\n"
				  "listen_port=9\n\nset=1\n\n";
	struct fixture *f = *state;
	int fd = connect_to(f->path);
	struct answer a = talk(f, fd, set, sizeof(set) - 1, 1);

	assert_string_equal(a.text, "errno=0\n\nerrno=-22\n\nerrno=0\n\n");
	assert_int_equal(f->applied, 2);
	assert_int_equal(wg_device_listen_port(f->dev), 7);
	assert_int_equal(wg_device_fwmark(f->dev), 0);
	assert_int_equal(wg_device_peer_count(f->dev), 1);
	free(a.text);
	close(fd);
}

static void
add_peers(struct fixture *f, int fd, unsigned int n)
{
	size_t size = 100 * (n + 1);
	char *set = malloc(size);
	size_t len = snprintf(set, size, "set=1\n");
	struct answer a;

	for (unsigned int i = 0; i < n; i++)
		len += snprintf(set + len, size - len, "public_key=%064x\n", i + 1);
	len += snprintf(set + len, size - len, "\n");
	a = talk(f, fd, set, len, SIZE_MAX);
	assert_string_equal(a.text, "errno=0\n\n");
	free(a.text);
	free(set);
}

static size_t
answers_held(const struct fixture *f)
{
	const struct tg_uapi_conn *conn;
	size_t len = 0;

	TAILQ_FOREACH(conn, &f->uapi->conns, link)
	len += conn->out.len;
	return len;
}

/* 4000 peers are more than a socket's buffer takes. Who does not read them harms nobody
 * else, and holds one answer at a time. */
static void
test_slow_reader(void **state)
{
	static char start[1 << 19];
	struct fixture *f = *state;
	int slow = connect_to(f->path);
	int quick = connect_to(f->path);
	struct answer a, late;
	ssize_t begun;

	add_peers(f, quick, 4000);
	assert_int_equal(send(slow, "get=1\n\nget=1\n\n", 14, 0), 14);
	for (int turn = 0; turn < QUIET_TURNS; turn++)
		ev_run(f->loop, EVRUN_NOWAIT);
	a = talk(f, quick, "get=1\n\n", 7, SIZE_MAX);
	assert_true(a.len > 4000 * 280);
	assert_string_equal(a.text + a.len - 9, "errno=0\n\n");

	begun = recv(slow, start, sizeof(start), 0);
	assert_true(begun > 0 && (size_t)begun < a.len);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_true(answers_held(f) < 2 * TG_UAPI_PIECE); /* neither the rest nor the second one */

	late = talk(f, slow, "", 0, 0);
	assert_int_equal(begun + late.len, 2 * a.len);
	assert_memory_equal(late.text, a.text + begun, a.len - begun);
	assert_memory_equal(late.text + a.len - begun, a.text, a.len);
	free(a.text);
	free(late.text);
	close(slow);
	close(quick);
}

static void
test_client_gone_before_its_answer(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);

	add_peers(f, fd, 4000);
	assert_int_equal(send(fd, "get=1\n\n", 7, 0), 7);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->uapi->n_conns, 1);
	close(fd);
	for (int turn = 0; turn < QUIET_TURNS; turn++)
		ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->uapi->n_conns, 0);
}

/* As many as there may be; the first but one speaks again. One more: the one idle for longest goes.
 */
static void
test_connections_are_limited(void **state)
{
	struct fixture *f = *state;
	int fds[TG_UAPI_CONNECTIONS_MAX], extra;
	struct answer a;

	for (int i = 0; i < TG_UAPI_CONNECTIONS_MAX; i++) {
		fds[i] = connect_to(f->path);
		assert_says(f, fds[i], "get=1\n\n", "errno=0\n\n");
	}
	assert_says(f, fds[0], "get=1\n\n", "errno=0\n\n");
	extra = connect_to(f->path);
	assert_says(f, extra, "get=1\n\n", "errno=0\n\n");
	assert_int_equal(f->uapi->n_conns, TG_UAPI_CONNECTIONS_MAX);
	assert_says(f, fds[0], "get=1\n\n", "errno=0\n\n");
	a = talk(f, fds[1], "", 0, 0);
	assert_true(a.closed);
	free(a.text);
	for (int i = 0; i < TG_UAPI_CONNECTIONS_MAX; i++)
		close(fds[i]);
	close(extra);
}

/* 4000 peers are dumped in pieces; meanwhile one that has been told and one that has not go. */
static void
test_change_beside_a_dump(void **state)
{
	static const char set[] = "set=1\npublic_key="
				  "0000000000000000000000000000000000000000000000000000000000000001"
				  "\nremove=true\npublic_key="
				  "0000000000000000000000000000000000000000000000000000000000000fa0"
				  "\nremove=true\n\n";
	struct fixture *f = *state;
	int reader = connect_to(f->path), other = connect_to(f->path);
	unsigned int peers = 0;
	struct answer a;

	add_peers(f, other, 4000);
	assert_int_equal(send(reader, "get=1\n\n", 7, 0), 7);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_says(f, other, set, "errno=0\n\n");
	a = talk(f, reader, "", 0, 0);
	for (const char *at = a.text; (at = strstr(at, "public_key=")); at++)
		peers++;
	assert_int_equal(peers, 3999);
	assert_string_equal(a.text + a.len - 9, "errno=0\n\n");
	free(a.text);
	close(reader);
	close(other);
}

static void
test_modes(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777 & ~0700, 0);
	assert_int_equal(st.st_mode & 0600, 0600);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0755, 0);
}

static void
assert_not_opened(struct fixture *f, const char *ifname, int error)
{
	assert_null(tg_uapi_open_at(f->loop, f->dir, ifname, f->dev, &uapi_ops, f));
	assert_int_equal(errno, error);
}

static void
test_names_and_owners(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct tg_uapi *second;
	char file[128];
	int fd;

	assert_not_opened(f, "tg0", EADDRINUSE);
	assert_not_opened(f, "", EINVAL);
	assert_not_opened(f, "a/b", EINVAL);
	assert_not_opened(f, "sixteen-letters-", EINVAL);

	/* What a process that died has left is replaced. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/tg1.sock", f->dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	second = tg_uapi_open_at(f->loop, f->dir, "tg1", f->dev, &uapi_ops, f);
	assert_non_null(second);
	tg_uapi_close(second);

	/* What is not a socket is left alone. */
	snprintf(file, sizeof(file), "%s/tg2.sock", f->dir);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_not_opened(f, "tg2", EADDRINUSE);
	assert_int_equal(unlink(file), 0);
}

static void
test_close_with_clients(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);
	struct answer a;

	assert_says(f, fd, "get=1\n\n", "errno=0\n\n");
	tg_uapi_close(f->uapi);
	f->uapi = NULL;
	a = talk(f, fd, "", 0, 0);
	assert_true(a.closed);
	free(a.text);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UAPI_TEST(test_half_closed_client_is_answered),
		UAPI_TEST(test_unknown_operation_ends_the_connection),
		UAPI_TEST(test_endless_line),
		UAPI_TEST(test_set_in_pieces),
		UAPI_TEST(test_slow_reader),
		UAPI_TEST(test_client_gone_before_its_answer),
		UAPI_TEST(test_connections_are_limited),
		UAPI_TEST(test_change_beside_a_dump),
		UAPI_TEST(test_modes),
		UAPI_TEST(test_names_and_owners),
		UAPI_TEST(test_close_with_clients),
	};

	if (test_eal_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
