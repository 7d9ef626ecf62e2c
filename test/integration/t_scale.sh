#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The benchmark of many peers works: 2000 of them beside traffic. No time is asserted.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

bench() {
	env -u TG_RUN -u TG_TUN -u TG_PREFIX -u TG_DIR TG_BIN="$(realpath "$TG_BIN")" \
		"$TG_ROOT/scripts/bench-scale" --quick --json "$TG_DIR/records"
}

# has NAME: the record is there, with a number and a unit.
has() {
	python3 -c '
import json, sys
(record,) = [r for r in json.load(open(sys.argv[1])) if r["name"] == sys.argv[2]]
assert record["value"] >= 0 and record["unit"]' "$TG_DIR/records" "$1"
}

step 'it runs' bench
for name in load_file_s syncconf_one_changed_s gap_idle_us gap_syncconf_us gap_beyond_noise_us; do
	step "record $name" has "scale_$name"
done
