/* SPDX-License-Identifier: BSD-3-Clause */
#include "privileges.h"

#include <cap-ng.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include <rte_common.h>

#define NAME_MAX_LEN 64
#define ANSWER_TIME_S 5

static int
bad_user(char *error, const char *text, const char *what)
{
	snprintf(error, TG_ERROR_LEN, "--user: `%s' %s", text, what);
	return -EINVAL;
}

/* False when text is no number. */
static bool
id_of(const char *text, unsigned long *id)
{
	char *end;

	errno = 0;
	*id = strtoul(text, &end, 10);
	/* The largest one means `unchanged' to the system calls. */
	return isdigit((unsigned char)*text) && !*end && !errno && *id < UINT32_MAX;
}

static bool
group_of(const char *name, gid_t *gid)
{
	const struct group *g = getgrnam(name);
	unsigned long id;

	if (!g && !id_of(name, &id))
		return false;
	*gid = g ? g->gr_gid : (gid_t)id;
	return true;
}

int
tg_user_parse(const char *text, struct tg_user *user, char error[TG_ERROR_LEN])
{
	struct tg_user u = {.set = true};
	const char *group = strchr(text, ':');
	size_t len = group ? (size_t)(group - text) : strlen(text);
	char name[NAME_MAX_LEN] = "";
	const struct passwd *p;
	unsigned long id;

	if (!len || len >= sizeof(name))
		return bad_user(error, text, "is not NAME or NAME:GROUP");
	memcpy(name, text, len);
	p = getpwnam(name);
	if (!p && id_of(name, &id))
		p = getpwuid((uid_t)id);
	if (!p)
		return bad_user(error, text, "is not a user of this system");
	u.uid = p->pw_uid;
	u.gid = p->pw_gid;
	if (group && !group_of(group + 1, &u.gid))
		return bad_user(error, text, "names a group that this system has not");
	if (!u.uid)
		return bad_user(error, text, "is root: leave the option out");
	*user = u;
	return 0;
}

void
tg_privileges_fix(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void
tg_privileges_protect_memory(void)
{
	const struct rlimit none = {0, 0};
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_CORE, &none);
	/* Keys are locked in memory, also those of peers that come later. */
	setrlimit(RLIMIT_MEMLOCK, &all);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static sem_t dropped;
static _Atomic int drop_error;

/* capset() is of the calling thread, and libcap-ng's functions may not be called in a handler. */
static void
drop_in_this_thread(int signal)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
	int saved = errno;

	(void)signal;
	if (syscall(SYS_capset, &header, none))
		drop_error = errno;
	sem_post(&dropped);
	errno = saved;
}

/* Waits until the thread has done so. A thread that is gone needs nothing. */
static int
ask_thread(pid_t thread)
{
	struct timespec end;

	if (syscall(SYS_tgkill, getpid(), thread, SIGRTMAX))
		return errno == ESRCH ? 0 : -errno;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += ANSWER_TIME_S;
	while (sem_timedwait(&dropped, &end))
		if (errno != EINTR)
			return -errno;
	return -drop_error;
}

static int
ask_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	int ret = 0;

	if (!tasks)
		return -errno;
	while (!ret && (task = readdir(tasks))) {
		pid_t thread = (pid_t)strtol(task->d_name, NULL, 10);

		if (thread && thread != getpid())
			ret = ask_thread(thread);
	}
	closedir(tasks);
	return ret;
}

/* What DPDK has started by now: lcores, interrupts, telemetry, the channel to other processes. */
static int
drop_in_other_threads(void)
{
	struct sigaction drop = {.sa_handler = drop_in_this_thread, .sa_flags = SA_RESTART};
	struct sigaction before;
	int ret;

	if (sem_init(&dropped, 0, 0))
		return -errno;
	sigemptyset(&drop.sa_mask);
	ret = sigaction(SIGRTMAX, &drop, &before) ? -errno : ask_threads();
	sigaction(SIGRTMAX, &before, NULL);
	sem_destroy(&dropped);
	return ret;
}

/* glibc changes the ids of all threads; with that those without KEEPCAPS lose their capabilities.
 */
static int
drop_in_main_thread(const struct tg_user *user)
{
	static const unsigned int wanted[] = {CAP_NET_ADMIN, CAP_NET_BIND_SERVICE};
	bool has[RTE_DIM(wanted)];
	size_t i;

	if (capng_get_caps_process())
		return -EPERM;
	for (i = 0; i < RTE_DIM(wanted); i++)
		has[i] = capng_have_capability(CAPNG_PERMITTED, wanted[i]);
	capng_clear(CAPNG_SELECT_CAPS);
	for (i = 0; i < RTE_DIM(wanted); i++)
		if (has[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, wanted[i]);
	if (user->set && capng_change_id((int)user->uid, (int)user->gid, CAPNG_DROP_SUPP_GRP))
		return errno ? -errno : -EPERM;
	return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

int
tg_privileges_drop(const struct tg_user *user, char error[TG_ERROR_LEN])
{
	/* This first: threads without CAP_SETUID could not follow to another user. */
	int ret = drop_in_main_thread(user);

	if (!ret)
		ret = drop_in_other_threads();
	/* A change of user has reset it. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (ret)
		snprintf(error, TG_ERROR_LEN, "privileges cannot be dropped: %s", strerror(-ret));
	return ret;
}
