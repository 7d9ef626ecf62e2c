#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The benchmark of whole processes works; what it measures is not looked at.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

every_rate_is_above_zero() {
	python3 - "$TG_DIR/bench.json" <<-'END'
		import json, sys
		records = json.load(open(sys.argv[1]))
		assert len(records) == 6 and all(r["value"] > 0 for r in records), records
	END
}

bench() {
	env -u TG_RUN -u TG_DIR -u TG_TUN -u TG_PREFIX TG_BIN="$TG_BIN" \
		"$TG_ROOT/scripts/bench-process" --quick --json "$TG_DIR/bench.json"
}

step 'two processes seal and open' bench
step 'each rate has been measured' every_rate_is_above_zero
