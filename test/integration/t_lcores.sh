#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every way through the gateway with 1, 2, 3 and 6 workers, and with lists given by hand.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
add_usual_peers

# Pages of eight parts are all of them, each once; so is the answer without a number where it fits.
stats_come_by_the_page() {
	printf '/tinguard/stats%s\n' '' ,0 ,8 ,16 ,24 | dpdk-telemetry.py -f "$TG_PREFIX" >"$TG_DIR/stats"
	python3 - "$TG_DIR/stats" <<-'END'
		import json, sys
		answers = [json.loads(line)["/tinguard/stats"] for line in open(sys.argv[1]) if '"parts"' in line]
		counts = {answer.pop("parts") for answer in answers}
		whole, *pages = [list(answer) for answer in answers]
		assert sum(pages, []) == whole, (whole, pages)
		assert counts == {len(whole)}, (counts, whole)
		assert [len(page) for page in pages[:2]] == [8, 8], pages
		assert {"rx0", "crypto3", "handshakes", "cipher", "crypto3_queue", "tx0_port1"} <= set(whole), whole
	END
}

# run_map TEXT LCORES [OPTION...]
run_map() {
	printf '%s\n' "-- $1"
	TG_LCORES=$2
	start_gateway "${@:3}"
	start_usual_sites
	every_path
	step 'TCP site to LAN' iperf site1 10.10.0.2 5201 -t 1
	step 'TCP LAN to site' iperf site1 10.10.0.2 5201 -t 1 -R
	[[ $1 != '6 workers' ]] || step 'statistics by the page' stats_come_by_the_page
	step "the gateway ends tidily ($1)" stop_gateway
	stop site1
	stop site2
}

listen lan 5201
run_map '1 worker' 0@0,1@1
run_map '2 workers' 0@0,1@1,2@1
run_map '3 workers' 0@0,1@1,2@0,3@1
run_map '6 workers' 0@0,1@1,2@0,3@1,4@0,5@1,6@0
run_map '3 workers by hand' 0@0,1@1,2@0,3@1 --rx-lcores 3 --crypto-lcores 1,2 --tx-lcores 3
TG_VDEVS=(--vdev 'net_af_packet0,iface=veth0,qpairs=2' --vdev 'net_af_packet1,iface=veth1,qpairs=2')
run_map 'two TX lcores' 0@0,1@1,2@0,3@1 --rx-lcores 1 --crypto-lcores 1 --tx-lcores 2,3
run_map 'two lcores for handshakes' 0@0,1@1,2@0,3@1 --handshake-lcores 2,3
