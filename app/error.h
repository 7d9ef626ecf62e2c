/* SPDX-License-Identifier: BSD-3-Clause */
/* Where set-up code writes what is wrong, for the operator: one line without a newline. */
#ifndef TG_ERROR_H
#define TG_ERROR_H

#define TG_ERROR_LEN 256

#endif
