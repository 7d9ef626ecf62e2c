/* SPDX-License-Identifier: BSD-3-Clause */
#include "admission.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <sodium.h>

#include "cookie.h"
#include "ratelimiter.h"

struct wg_admission {
	struct wg_cookie_checker checker;
	struct wg_ratelimiter *ratelimiter;
	uint32_t identity; /* whose keys the checker has, 0: nobody's */
};

struct kind {
	size_t len;
	bool has_macs;
};

static const struct kind kinds[] = {
	[WG_MESSAGE_INITIATION] = {sizeof(struct wg_initiation), true},
	[WG_MESSAGE_RESPONSE] = {sizeof(struct wg_response), true},
	[WG_MESSAGE_COOKIE] = {sizeof(struct wg_cookie_reply), false},
};

struct wg_admission *
wg_admission_create(const struct wg_random *rnd)
{
	struct wg_admission *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	wg_cookie_checker_init(&a->checker, rnd);
	a->ratelimiter = wg_ratelimiter_create(rnd);
	if (!a->ratelimiter) {
		free(a);
		return NULL;
	}
	return a;
}

void
wg_admission_destroy(struct wg_admission *a)
{
	if (!a)
		return;
	wg_ratelimiter_destroy(a->ratelimiter);
	sodium_memzero(a, sizeof(*a));
	free(a);
}

static enum wg_refusal
check_macs(struct wg_admission *a, const struct wg_identity *identity, const void *msg, size_t len,
	const struct wg_endpoint *from, bool under_load, uint64_t now)
{
	if (a->identity != identity->number) {
		wg_cookie_checker_set_key(&a->checker, identity->public_key);
		a->identity = identity->number;
	}
	if (!wg_cookie_check_mac1(&a->checker, msg, len))
		return WG_REFUSED_MAC1;
	if (!under_load)
		return WG_OK;
	if (!wg_cookie_check_mac2(&a->checker, msg, len, from, now))
		return WG_REFUSED_UNDER_LOAD;
	return wg_ratelimiter_allow(a->ratelimiter, from, now) ? WG_OK : WG_REFUSED_RATE_LIMIT;
}

enum wg_refusal
wg_admission_check(struct wg_admission *a, const struct wg_identity *identity, const void *msg,
	size_t len, const struct wg_endpoint *from, bool under_load, uint64_t now)
{
	rte_le32_t word;
	uint32_t type;

	if (len < sizeof(word))
		return WG_REFUSED_LENGTH;
	memcpy(&word, msg, sizeof(word));
	type = rte_le_to_cpu_32(word);
	if (type >= RTE_DIM(kinds) || !kinds[type].len)
		return WG_REFUSED_TYPE;
	if (len != kinds[type].len)
		return WG_REFUSED_LENGTH;
	if (!identity->set)
		return WG_REFUSED_NO_IDENTITY;
	if (!kinds[type].has_macs)
		return WG_OK;
	return check_macs(a, identity, msg, len, from, under_load, now);
}

void
wg_admission_reply(struct wg_admission *a, struct wg_cookie_reply *reply, const void *msg,
	size_t len, const struct wg_endpoint *from, uint64_t now)
{
	wg_cookie_create_reply(&a->checker, reply, msg, len, from, now);
}
