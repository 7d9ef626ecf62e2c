#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/experiment works: a short run of two scenarios in each mode, and what comes of it. No
# number is looked at.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

run_it() {
	TG_BIN=$TG_BIN "$TG_ROOT/scripts/experiment" --quick --delay 50000 "$TG_DIR/out" cpu session
}

look_at_it() {
	expect_equal 'runs' 6 "$(find "$TG_DIR/out/data/1" -name gw.log | wc -l)"
	python3 - "$TG_DIR/out/results.json" <<-'END'
		import json, sys
		names = set()
		for record in json.load(open(sys.argv[1])):
		    assert set(record) == {"name", "value", "unit", "goal", "met"}, record
		    names.add(record["name"])
		assert "exp_cpu_probe_p99_over_idle" in names, names
	END
}

refuse_it() {
	refuse "$TG_ROOT/scripts/experiment" "$TG_DIR/out" cpu
	refuse "$TG_ROOT/scripts/experiment" "$TG_DIR/new" no_such_scenario
	refuse "$TG_ROOT/scripts/experiment" --runs 0 "$TG_DIR/new"
	refuse test -e "$TG_DIR/new"
}

step 'two scenarios in three modes' run_it
step 'table and JSON' look_at_it
step 'bad arguments change nothing' refuse_it
