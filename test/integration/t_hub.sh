#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# From site to site with several crypto stages: a flow is sealed where its session was opened, also
# when it had to wait for the other session first.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

TG_LCORES=0@0,1@1,2@0,3@1
make_network
add_usual_peers
start_gateway --rx-lcores 3 --crypto-lcores 1,2 --tx-lcores 3
start_usual_sites

# fan FROM COUNT: datagrams to site 2, each of another flow.
fan() {
	in_ns "$1" python3 "$TG_ROOT/test/integration/datagrams.py" fan 10.20.2.1 7000 "$2"
}

received() {
	[ "$(wc -l <"$TG_DIR/receiver.log")" -eq "$1" ]
}

spawn receiver site2 python3 "$TG_ROOT/test/integration/datagrams.py" receive 10.20.2.1 7000
poll_until 10 hears site2 7000

step 'site 1 has a session' pings site1 10.10.0.2
step 'site 2 has none' refuse has_handshake 2
step '20 flows from site 1 to site 2' fan site1 20
step 'all arrive' poll_until 15 received 20
step '200 flows from the LAN to site 2' fan lan 200
step 'all arrive' poll_until 15 received 220
step 'the gateway ends tidily' stop_gateway
