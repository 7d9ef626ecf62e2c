/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration file: wg(8)'s grammar and our own keys, parsed into a wg_update. Nothing is
 * applied here, so a bad file changes nothing.
 *
 * Our own keys in [Peer] are those of peer_options.h.
 */
#ifndef TG_CONFIG_H
#define TG_CONFIG_H

#include <stdio.h>

#include "error.h"
#include "update.h"

/*
 * Reads in (name is for messages) to its end; nothing may have been read from it yet. Endpoints may
 * be host names: blocks while they are resolved. 0, or -EINVAL/-ENOMEM/-EIO with a message in error
 * that names file, line and value, never a secret: "gw.conf:12: AllowedIPs: `10.0.0.0/33' is not a
 * prefix". u is initialised here, and on failure freed.
 */
int tg_config_parse(FILE *in, const char *name, struct wg_update *u, char error[TG_ERROR_LEN]);

#endif
