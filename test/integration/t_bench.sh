#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The benchmark of whole processes works; what it measures is not looked at.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

# On a machine of more than four cores there are those of one, and of as many crypto lcores as it has.
every_rate_is_above_zero() {
	python3 - "$TG_DIR/bench.json" <<-'END'
		import json, sys
		records = json.load(open(sys.argv[1]))
		parts = "pair_sealed", "pair_opened", "seal"
		wanted = {f"process_{part}_512{bits}" for part in parts for bits in ("", "_bits")}
		assert len(records) in (6, 11) and all(r["value"] > 0 for r in records), records
		assert wanted <= {r["name"] for r in records}, records
		for r in records:
		    assert (r["goal"] is None) == (r["met"] is None), r
	END
}

# Which CPUs get what on machines that this may not be; and what is a share.
cores_are_chosen() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$TG_ROOT/test/bench" python3 - <<-'END'
		from process import by_core, pair, scaling, share

		def alone(cpu):
		    return [cpu]

		def threads_of_4_cores(cpu):
		    return [cpu % 4, cpu % 4 + 4]

		def counts(n):
		    return [int(m[0]) for m in scaling(list(range(n)), False)]

		assert by_core({7, 2, 11}, alone) == ([2, 7, 11], 3)
		assert by_core(set(range(8)), threads_of_4_cores) == ([0, 1, 2, 3, 4, 5, 6, 7], 4)
		assert by_core({2, 3, 6, 7}, threads_of_4_cores) == ([2, 3, 6, 7], 2)
		assert pair([5]) == ("0@5,1@5", "0@5,1@5")
		assert pair([2, 7, 11]) == ("0@2,1@2", "0@2,1@7")

		assert counts(3) == []
		assert counts(5) == [1, 2]
		assert counts(16) == list(range(1, 11))
		assert counts(64) == list(range(1, 13))
		assert [int(m[0]) for m in scaling(list(range(16)), True)] == [1, 10]
		one, _, three, four = scaling([2, 4, 6, 8, 10, 12, 14, 16], False)
		assert one == ("1", "0@2,1@4,2@6,3@8", "2", "3", "1", "0@2,1@2", "1")
		assert three[2:5] == ("2", "3,4,5", "1")
		assert four == ("4", "0@2,1@4,2@6,3@8,4@10,5@12,6@14,7@16", "2,3", "4,5,6,7", "1",
		                "0@2,1@2,2@2", "1,2")

		assert share(4, 7.2e6, 2e6, 0)["ratio"] == 0.9
		assert share(4, 7.2e6, 2e6, 0)["met"] is True
		assert share(4, 7.1e6, 2e6, 0.1)["met"] is False
		limited = share(4, 7.1e6, 2e6, 0.11)
		assert limited["goal"] is None and limited["met"] is None, limited
		assert share(4, 1, 1, 0, "_x")["name"] == "process_share_of_4_crypto_lcores_x"
	END
}

# Those of one program and of whole processes, in one file and one table.
merged() {
	TG_BUILD=$build env -u TG_RUN -u TG_DIR -u TG_TUN -u TG_PREFIX -u TG_BIN \
		"$TG_ROOT/scripts/bench" --quick --json "$TG_DIR/merged.json" bench_fq process \
		>"$TG_DIR/merged"
	python3 - "$TG_DIR/merged.json" "$TG_DIR/merged" <<-'END'
		import json, sys
		records = json.load(open(sys.argv[1]))
		names = {r["name"] for r in records}
		assert {"fq_1000", "process_seal_512"} <= names and len(names) == len(records), records
		goals = [r for r in records if r["goal"]]
		met = sum(r["met"] for r in goals)
		lines = open(sys.argv[2]).read().splitlines()
		assert f"-- goals: {met} of {len(goals)} met" in lines, lines
		assert sum(line.startswith(("met  ", "MISS ")) for line in lines) == len(goals), lines
	END
}

bench() {
	env -u TG_RUN -u TG_DIR -u TG_TUN -u TG_PREFIX TG_BIN="$TG_BIN" \
		"$TG_ROOT/scripts/bench-process" --quick --json "$TG_DIR/bench.json"
}

step 'each core has one thing to do' cores_are_chosen
step 'two processes seal and open' bench
step 'each rate has been measured' every_rate_is_above_zero
# It builds: only where scripts/test has done so.
build=$TG_ROOT/build
if [ "$TG_BIN" -ef "$build/app/tinguard" ]; then
	step 'scripts/bench merges records' merged
fi
