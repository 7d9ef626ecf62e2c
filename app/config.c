/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <rte_common.h>
#include <sodium.h>

#include "parse.h"
#include "peer_options.h"

/* `wg showconf' writes all AllowedIPs of a peer into one line. */
#define LINE_MAX_LEN (16 << 20)
#define NAME_MAX_LEN 24

enum section { SECTION_NONE, SECTION_INTERFACE, SECTION_PEER };

struct parser {
	FILE *in;
	const char *name;
	char *error;
	struct wg_update *u;

	/* The section under way; peer is the last one of u. */
	enum section section;
	struct wg_update_peer *peer;
	uint32_t section_line;
	uint32_t *key_lines; /* per peer of u, where its public key is; 0: not yet */
	size_t key_lines_cap;

	/* What a key's function complains about. */
	const char *bad;
	const char *reason;

	uint32_t line;
	size_t chunk_len;
	size_t chunk_pos;
	char chunk[16384];
	char *text; /* the line without white space and comment; wiped when it moves */
	size_t text_cap;
};

struct key {
	const char *name;
	bool secret;
	int (*set)(struct parser *p, char *value);
};

static int
fail(struct parser *p, int err, uint32_t line, const char *format, ...) __rte_format_printf(4, 5);

static int
fail(struct parser *p, int err, uint32_t line, const char *format, ...)
{
	va_list args;
	int len;

	len = snprintf(p->error, TG_ERROR_LEN, "%s:%u: ", p->name, line);
	if (len < TG_ERROR_LEN) {
		va_start(args, format);
		vsnprintf(p->error + len, TG_ERROR_LEN - len, format, args);
		va_end(args);
	}
	for (char *c = p->error; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return err;
}

static int
complain(struct parser *p, const char *bad, const char *reason)
{
	p->bad = bad;
	p->reason = reason;
	return reason ? -EINVAL : 0;
}

static int
set_private_key(struct parser *p, char *value)
{
	return complain(p, value, tg_parse_key_base64(value, p->u->private_key));
}

static int
set_listen_port(struct parser *p, char *value)
{
	return complain(p, value, tg_parse_port(value, &p->u->listen_port));
}

static int
set_fwmark(struct parser *p, char *value)
{
	return complain(p, value, tg_parse_fwmark(value, &p->u->fwmark));
}

static int
set_public_key(struct parser *p, char *value)
{
	uint32_t *key_line = &p->key_lines[p->u->n_peers - 1];

	if (*key_line)
		return complain(p, value, "is a second key in the same section");
	*key_line = p->line;
	return complain(p, value, tg_parse_key_base64(value, p->peer->public_key));
}

static int
set_preshared_key(struct parser *p, char *value)
{
	p->peer->has_preshared_key = true;
	return complain(p, value, tg_parse_key_base64(value, p->peer->preshared_key));
}

static int
set_allowed_ips(struct parser *p, char *value)
{
	char *entry;

	if (!*value)
		return 0;
	while ((entry = strsep(&value, ","))) {
		struct wg_update_allowed *allowed;
		struct lpm_prefix prefix;
		const char *reason = tg_parse_prefix(entry, &prefix);

		if (reason)
			return complain(p, entry, reason);
		allowed = wg_update_add_allowed(p->peer);
		if (!allowed)
			return -ENOMEM;
		*allowed = (struct wg_update_allowed){.prefix = prefix};
	}
	return 0;
}

static int
set_endpoint(struct parser *p, char *value)
{
	p->peer->has_endpoint = true;
	return complain(p, value, tg_resolve_endpoint(value, &p->peer->endpoint));
}

static int
set_keepalive(struct parser *p, char *value)
{
	p->peer->has_keepalive = true;
	return complain(p, value, tg_parse_keepalive(value, &p->peer->keepalive));
}

static const struct key interface_keys[] = {
	{"PrivateKey", true, set_private_key},
	{"ListenPort", false, set_listen_port},
	{"FwMark", false, set_fwmark},
	{NULL, false, NULL},
};

static const struct key peer_keys[] = {
	{"PublicKey", false, set_public_key},
	{"PresharedKey", true, set_preshared_key},
	{"AllowedIPs", false, set_allowed_ips},
	{"Endpoint", false, set_endpoint},
	{"PersistentKeepalive", false, set_keepalive},
	{NULL, false, NULL},
};

/* A name that we do not know may be a secret that lost its key: it is shown only if it cannot be
 * one. */
static bool
may_be_shown(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return len > 0 && len <= NAME_MAX_LEN && !name[len];
}

static int
unknown_key(struct parser *p, const char *name)
{
	const char *section = p->section == SECTION_PEER ? "[Peer]" : "[Interface]";

	if (may_be_shown(name))
		return fail(p, -EINVAL, p->line, "`%s' is not a key of %s", name, section);
	return fail(p, -EINVAL, p->line, "not a key of %s", section);
}

/* p->text is no key of wg(8). */
static int
parse_own(struct parser *p, char *value)
{
	const struct tg_peer_option *option = tg_peer_options;
	const char *reason;

	if (p->section != SECTION_PEER)
		return unknown_key(p, p->text);
	while (option->file_name && strcasecmp(option->file_name, p->text) != 0)
		option++;
	if (!option->file_name)
		return unknown_key(p, p->text);
	reason = option->parse(value, p->peer);
	return reason ? fail(p, -EINVAL, p->line, "%s: `%s' %s", option->file_name, value, reason)
		      : 0;
}

static int
parse_assignment(struct parser *p)
{
	const struct key *key = p->section == SECTION_PEER ? peer_keys : interface_keys;
	char *value = strchr(p->text, '=');
	int rc;

	if (!value)
		return fail(p, -EINVAL, p->line, "neither a section nor KEY = VALUE");
	if (p->section == SECTION_NONE)
		return fail(p, -EINVAL, p->line, "a key before the first section");
	*value++ = '\0';
	while (key->name && strcasecmp(key->name, p->text) != 0)
		key++;
	if (!key->name)
		return parse_own(p, value);
	rc = key->set(p, value);
	if (rc == -EINVAL && key->secret)
		return fail(p, rc, p->line, "%s: the value %s", key->name, p->reason);
	if (rc == -EINVAL)
		return fail(p, rc, p->line, "%s: `%s' %s", key->name, p->bad, p->reason);
	return rc;
}

static int
end_section(struct parser *p)
{
	if (p->section == SECTION_PEER && !p->key_lines[p->u->n_peers - 1])
		return fail(p, -EINVAL, p->section_line, "[Peer] has no PublicKey");
	return 0;
}

static int
begin_peer(struct parser *p)
{
	size_t n = p->u->n_peers;

	if (n == p->key_lines_cap) {
		size_t cap = n ? 2 * n : 64;
		uint32_t *lines = reallocarray(p->key_lines, cap, sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		p->key_lines = lines;
		p->key_lines_cap = cap;
	}
	p->peer = wg_update_add_peer(p->u);
	if (!p->peer)
		return -ENOMEM;
	p->peer->replace_allowed_ips = true;
	p->key_lines[n] = 0;
	p->section = SECTION_PEER;
	return 0;
}

static int
begin_section(struct parser *p)
{
	int rc;

	rc = end_section(p);
	if (rc)
		return rc;
	p->section_line = p->line;
	if (strcasecmp(p->text, "[Peer]") == 0)
		return begin_peer(p);
	if (strcasecmp(p->text, "[Interface]") != 0)
		return fail(p, -EINVAL, p->line, "unknown section `%s'", p->text);
	p->section = SECTION_INTERFACE;
	return 0;
}

static int
next_char(struct parser *p)
{
	if (p->chunk_pos == p->chunk_len) {
		p->chunk_pos = 0;
		p->chunk_len = fread(p->chunk, 1, sizeof(p->chunk), p->in);
		if (p->chunk_len == 0)
			return EOF;
	}
	return (unsigned char)p->chunk[p->chunk_pos++];
}

static int
put_char(struct parser *p, size_t at, char c)
{
	size_t cap = p->text_cap ? 2 * p->text_cap : 1024;
	char *grown;

	if (at == p->text_cap) {
		grown = malloc(cap);
		if (!grown)
			return fail(p, -ENOMEM, p->line, "out of memory");
		if (p->text) {
			memcpy(grown, p->text, p->text_cap);
			sodium_memzero(p->text, p->text_cap);
			free(p->text);
		}
		p->text = grown;
		p->text_cap = cap;
	}
	p->text[at] = c;
	return 0;
}

/* 1: text holds the next line; 0: end of file. */
static int
next_line(struct parser *p)
{
	bool comment = false;
	size_t raw = 0;
	size_t len = 0;
	int c, rc;

	p->line++;
	while ((c = next_char(p)) != EOF && c != '\n') {
		if (c == '\0')
			return fail(p, -EINVAL, p->line, "the line holds a NUL byte");
		if (++raw > LINE_MAX_LEN)
			return fail(p, -EINVAL, p->line, "the line is longer than %d bytes",
				LINE_MAX_LEN);
		comment |= c == '#';
		if (!comment && !isspace(c) && (rc = put_char(p, len++, (char)c)))
			return rc;
	}
	if (c == EOF && ferror(p->in))
		return fail(p, -EIO, p->line, "cannot be read");
	rc = put_char(p, len, '\0');
	if (rc)
		return rc;
	return c != EOF || raw > 0;
}

static int
parse_lines(struct parser *p)
{
	int rc;

	while ((rc = next_line(p)) > 0) {
		if (p->text[0] == '[')
			rc = begin_section(p);
		else if (p->text[0])
			rc = parse_assignment(p);
		if (rc < 0)
			return rc;
	}
	return rc ? rc : end_section(p);
}

struct key_place {
	const uint8_t *key;
	uint32_t line;
};

static int
compare_places(const void *a, const void *b)
{
	const struct key_place *x = a;
	const struct key_place *y = b;
	int diff = memcmp(x->key, y->key, WG_KEY_LEN);

	return diff ? diff : (x->line > y->line) - (x->line < y->line);
}

static int
check_duplicates(struct parser *p)
{
	size_t n = p->u->n_peers;
	struct key_place *places;
	int rc = 0;

	if (n < 2)
		return 0;
	places = calloc(n, sizeof(*places));
	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		places[i] = (struct key_place){p->u->peers[i].public_key, p->key_lines[i]};
	qsort(places, n, sizeof(*places), compare_places);
	for (size_t i = 1; i < n && !rc; i++)
		if (memcmp(places[i - 1].key, places[i].key, WG_KEY_LEN) == 0)
			rc = fail(p, -EINVAL, places[i].line, "PublicKey: the same as in line %u",
				places[i - 1].line);
	free(places);
	return rc;
}

/* What the file leaves out has its default: the device becomes what the file says. */
static void
init_update(struct wg_update *u)
{
	wg_update_init(u);
	u->has_private_key = true;
	u->has_listen_port = true;
	u->has_fwmark = true;
	u->replace_peers = true;
}

int
tg_config_parse(FILE *in, const char *name, struct wg_update *u, char error[TG_ERROR_LEN])
{
	struct parser *p;
	int rc = -ENOMEM;

	init_update(u);
	error[0] = '\0';
	p = calloc(1, sizeof(*p));
	if (!p)
		goto out;
	p->in = in;
	p->name = name;
	p->error = error;
	p->u = u;
	/* Secrets pass through the chunk, which is wiped, and not through the stream's own buffer.
	 */
	setvbuf(in, NULL, _IONBF, 0);
	rc = parse_lines(p);
	if (!rc)
		rc = check_duplicates(p);
	free(p->key_lines);
	if (p->text)
		sodium_memzero(p->text, p->text_cap);
	free(p->text);
	sodium_memzero(p, sizeof(*p));
	free(p);
out:
	if (rc == -ENOMEM)
		snprintf(error, TG_ERROR_LEN, "%s: out of memory", name);
	if (rc)
		wg_update_free(u);
	return rc;
}
