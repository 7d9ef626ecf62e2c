/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the process may do. The start needs root: for DPDK's memory and devices, TUN and TAP. Once
 * all is set up only the main thread keeps capabilities, and only these: CAP_NET_ADMIN (neighbours
 * by rtnetlink, the MTU of ports that are interfaces of the kernel) and CAP_NET_BIND_SERVICE (a
 * listening port below 1024 that `wg set' asks for). All other threads have none. See
 * capabilities(7).
 *
 * Main thread.
 */
#ifndef TG_PRIVILEGES_H
#define TG_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

struct tg_user {
	bool set; /* false: stay who we are */
	uid_t uid;
	gid_t gid;
};

/* NAME[:GROUP], names or numbers; without GROUP the user's own. 0, or -EINVAL and what is wrong. */
int tg_user_parse(const char *text, struct tg_user *user, char error[TG_ERROR_LEN]);

/* First of all, so that threads inherit it: no program that is run later gains privileges. */
void tg_privileges_fix(void);

/* No core dumps, no debugger of the same user, no limit for locked memory. */
void tg_privileges_protect_memory(void);

/*
 * The last step of setting up: becomes user, and drops capabilities in all threads that there are.
 * Those that they start have none either. 0, or -errno and what is wrong; the process is of no use
 * then.
 */
int tg_privileges_drop(const struct tg_user *user, char error[TG_ERROR_LEN]);

#endif
