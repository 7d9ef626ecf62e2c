#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Encrypting behind the port's queue: every way, a burst before the session, and a shaped port.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

# All of 100 pings that were sent at once to a peer without a session.
burst_before_session() {
	in_ns lan ping -n -l 100 -c 100 -W 7 10.20.2.1 | grep -q ' 0% packet loss'
}

nothing_wasted() {
	grep -q '^wasted: 0 packets' "$TG_DIR/gw.log"
}

make_network
add_usual_peers
start_gateway --encrypt-at dequeue --shape 1=50mbit
start_usual_sites
step 'LAN to gateway' pings lan 10.10.0.1
step 'a burst before the session' burst_before_session
every_path
listen site1 5201
step 'TCP LAN to site through a shaped port' iperf lan 10.20.1.1 5201 -t 3 -P 4
step 'the gateway ends tidily' stop_gateway
step 'nothing was encrypted and then dropped' nothing_wasted
