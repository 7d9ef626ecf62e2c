/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

/* Preamble, FCS and the gap between frames; the shortest frame with them. */
#define ETHERNET_OVERHEAD 24
#define ETHERNET_MPU 84

#define STAGING 128 /* as Linux has it */
#define FLOWS_MIN 16
#define FLOWS_MAX (1 << 24)
#define TIME_MAX_NS UINT64_C(60000000000)
#define OVERHEAD_MAX 256
#define VALUE_MAX 128

void
tg_queue_options_default(struct tg_queue_options *o)
{
	struct fq_params fq;
	unsigned int port;

	fq_params_default(&fq);
	*o = (struct tg_queue_options){.flows = fq.flows,
		.staging = STAGING,
		.target_ns = fq.target_ns,
		.interval_ns = fq.interval_ns,
		.crypto_target_ns = fq.target_ns,
		.crypto_interval_ns = fq.interval_ns};
	for (port = 0; port < TG_PORTS_MAX; port++) {
		o->shapes[port].overhead = ETHERNET_OVERHEAD;
		o->shapes[port].mpu = ETHERNET_MPU;
	}
}

static int
bad(char *error, const char *option, const char *value, const char *what)
{
	snprintf(error, TG_ERROR_LEN, "--%s: `%s' %s", option, value, what);
	return -EINVAL;
}

int
tg_parse_queue(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN])
{
	o->fifo = strcmp(value, "fifo") == 0;
	if (!o->fifo && strcmp(value, "fq-codel") != 0)
		return bad(error, "queue", value, "is neither fq-codel nor fifo");
	return 0;
}

int
tg_parse_encrypt_at(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN])
{
	o->encrypt_at_dequeue = strcmp(value, "dequeue") == 0;
	if (!o->encrypt_at_dequeue && strcmp(value, "enqueue") != 0)
		return bad(error, "encrypt-at", value, "is neither dequeue nor enqueue");
	return 0;
}

static bool
number(const char *text, uint64_t max, uint64_t *out, const char **rest)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	*rest = end;
	return isdigit((unsigned char)*text) && !errno && *out <= max;
}

int
tg_parse_flows(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN])
{
	const char *rest;
	uint64_t n;

	if (!number(value, FLOWS_MAX, &n, &rest) || *rest || n < FLOWS_MIN || (n & (n - 1)))
		return bad(error, "flows", value, "is not a power of two from 16 to 16777216");
	o->flows = (uint32_t)n;
	return 0;
}

static bool
parse_time(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
	const char *rest;
	size_t i;

	if (!number(text, TIME_MAX_NS, ns, &rest))
		return false;
	for (i = 0; i < RTE_DIM(units); i++)
		if (strcmp(rest, units[i].name) == 0 && *ns <= TIME_MAX_NS / units[i].ns) {
			*ns *= units[i].ns;
			return true;
		}
	return false;
}

/* Takes the next element of a comma list apart into name and value (NULL without one). */
static char *
next(char **list, char **value)
{
	char *name = strsep(list, ",");

	*value = name ? strchr(name, '=') : NULL;
	if (*value)
		*(*value)++ = '\0';
	return name;
}

/* Where an option's times are kept; ce_threshold NULL: it has none. */
struct codel {
	const char *option;
	uint64_t *target, *interval, *ce_threshold;
};

static int
codel_element(const struct codel *c, const char *name, const char *value, char *error)
{
	uint64_t *where = NULL;

	if (!strcmp(name, "target"))
		where = c->target;
	else if (!strcmp(name, "interval"))
		where = c->interval;
	else if (!strcmp(name, "ce-threshold"))
		where = c->ce_threshold;
	if (!where)
		return bad(error, c->option, name,
			c->ce_threshold ? "is not target, interval or ce-threshold"
					: "is not target or interval");
	if (!value || !parse_time(value, where))
		return bad(error, c->option, value ? value : name,
			"is not a time such as 5ms, with ns, us, ms or s");
	return 0;
}

static bool
copy_value(char copy[VALUE_MAX], const char *value)
{
	size_t len = strlen(value);

	if (len >= VALUE_MAX)
		return false;
	memcpy(copy, value, len + 1);
	return true;
}

static int
parse_codel(const struct codel *c, const char *value, char *error)
{
	char copy[VALUE_MAX], *list = copy, *name, *element;

	if (!copy_value(copy, value))
		return bad(error, c->option, value, "is too long");
	while ((name = next(&list, &element)))
		if (codel_element(c, name, element, error))
			return -EINVAL;
	if (!*c->target || *c->target > *c->interval)
		return bad(error, c->option, value, "has a target of 0 or above its interval");
	return 0;
}

int
tg_parse_codel(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN])
{
	const struct codel c = {"codel", &o->target_ns, &o->interval_ns, &o->ce_threshold_ns};

	return parse_codel(&c, value, error);
}

int
tg_parse_crypto_codel(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN])
{
	const struct codel c = {"crypto-codel", &o->crypto_target_ns, &o->crypto_interval_ns, NULL};

	return parse_codel(&c, value, error);
}

static int
shape_element(struct tg_shape *shape, const char *name, const char *value, char *error)
{
	const char *rest = "";
	uint64_t n = 0;

	if (!value && !strcmp(name, "atm")) {
		shape->framing = FQ_FRAMING_ATM;
		return 0;
	}
	if (!value && !strcmp(name, "ptm")) {
		shape->framing = FQ_FRAMING_PTM;
		return 0;
	}
	if (strcmp(name, "overhead") != 0 && strcmp(name, "mpu") != 0)
		return bad(error, "shape", name, "is not overhead=N, mpu=N, atm or ptm");
	if (!value || !number(value, OVERHEAD_MAX, &n, &rest) || *rest)
		return bad(error, "shape", value ? value : name, "is not a number from 0 to 256");
	if (!strcmp(name, "mpu"))
		shape->mpu = (uint32_t)n;
	else
		shape->overhead = (int32_t)n;
	return 0;
}

int
tg_parse_shape(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN])
{
	char copy[VALUE_MAX], *list = copy, *name, *element;
	const char *rest, *reason;
	struct tg_shape *shape;
	uint64_t port;

	if (!copy_value(copy, value))
		return bad(error, "shape", value, "is too long");
	name = next(&list, &element);
	if (!element || !number(name, TG_PORTS_MAX - 1, &port, &rest) || *rest)
		return bad(error, "shape", value, "does not begin with PORT=RATE");
	shape = &o->shapes[port];
	reason = tg_parse_rate(element, &shape->rate);
	if (reason)
		return bad(error, "shape", element, reason);
	shape->set = true;
	while ((name = next(&list, &element)))
		if (shape_element(shape, name, element, error))
			return -EINVAL;
	return 0;
}

void
tg_queue_params(const struct tg_queue_options *o, uint16_t port, struct fq_params *fq)
{
	const struct tg_shape *shape = &o->shapes[port];

	fq->flows = o->flows;
	fq->target_ns = o->target_ns;
	fq->interval_ns = o->interval_ns;
	fq->ce_threshold_ns = o->ce_threshold_ns;
	fq->fifo = o->fifo ? FQ_FIFO_PACKETS : 0;
	fq->overhead = shape->overhead;
	fq->mpu = shape->mpu;
	fq->framing = shape->framing;
}
