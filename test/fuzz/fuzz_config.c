/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration file. What is refused says why in one line and changes nothing; what is accepted
 * a device takes. Names are not resolved.
 */
#include <netdb.h>
#include <stdio.h>

#include "config.h"
#include "device.h"
#include "fuzz.h"
#include "fuzz_device.h"

/* The linker leads the calls of the code under test here (meson.build). */
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **found);

int
__wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **found)
{
	RTE_SET_USED(service);
	RTE_SET_USED(hints);
	RTE_SET_USED(found);
	return strlen(node) % 2 ? EAI_AGAIN : EAI_NONAME;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	RTE_SET_USED(argc);
	RTE_SET_USED(argv);
	return fuzz_init();
}

static void
apply(const struct wg_update *u)
{
	struct rcu *rcu = rcu_create(1);
	struct wg_device *dev = fuzz_device_create(rcu);
	int rc = wg_device_apply(dev, u, 1);

	fuzz_require(rc == 0 || rc == -ENOSPC);
	wg_device_destroy(dev);
	rcu_destroy(rcu);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[TG_ERROR_LEN];
	struct wg_update u;
	FILE *in;
	int rc;

	if (!size)
		return 0;
	in = fmemopen((void *)(uintptr_t)data, size, "r");
	fuzz_require(in != NULL);
	rc = tg_config_parse(in, "fuzz", &u, error);
	fclose(in);
	if (rc) {
		fuzz_require(!strncmp(error, "fuzz:", 5) && !strchr(error, '\n'));
		fuzz_require(!u.peers && !u.n_peers);
		return 0;
	}
	apply(&u);
	wg_update_free(&u);
	return 0;
}
