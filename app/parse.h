/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The values that configuration files and UAPI share: keys, endpoints, prefixes and numbers.
 *
 * Every function returns NULL and stores the result, or returns a static text that completes the
 * sentence "`VALUE' ..." and leaves the result alone. So the caller decides whether the value,
 * which may be a secret, is named. Values are NUL-terminated and hold no white space.
 */
#ifndef TG_PARSE_H
#define TG_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint.h"
#include "lpm.h"
#include "messages.h"

/* 44 characters of base64; 64 characters of hexadecimal, either case. */
const char *tg_parse_key_base64(const char *value, uint8_t key[WG_KEY_LEN]);
const char *tg_parse_key_hex(const char *value, uint8_t key[WG_KEY_LEN]);

/* A.B.C.D:PORT or [V6]:PORT, port 1 to 65535. */
const char *tg_parse_endpoint(const char *value, struct wg_endpoint *endpoint);
/* The same, or NAME:PORT, which asks the system's resolver: blocks. */
const char *tg_resolve_endpoint(const char *value, struct wg_endpoint *endpoint);

/* ADDRESS[/LENGTH]; without a length the address alone. Host bits are cleared. */
const char *tg_parse_prefix(const char *value, struct lpm_prefix *prefix);

/* 0 to 65535, host order. */
const char *tg_parse_port(const char *value, uint16_t *port);
/* off or 0 to 65535 s. */
const char *tg_parse_keepalive(const char *value, uint16_t *seconds);
/* off, decimal or 0x hexadecimal, 32 bits. */
const char *tg_parse_fwmark(const char *value, uint32_t *fwmark);
/* 1 to WG_WEIGHT_MAX. */
const char *tg_parse_weight(const char *value, uint16_t *weight);
/* A number of bit/s, alone or with bit, kbit, mbit or gbit (powers of 1000), to 1000 gbit; off. In
 * bytes per s, 0 for off. */
const char *tg_parse_rate(const char *value, uint64_t *rate);
/* on or off, 1 or 0. */
const char *tg_parse_switch(const char *value, bool *on);
/* 1 to WG_REPLAY_WINDOW. */
const char *tg_parse_replay_window(const char *value, uint16_t *window);

#endif
