#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A session of 260 s survives two rekeys (after 120 s and 240 s), in both roles of the gateway.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network

# 10 packets a second for 260 s; one or two may fall into a change of keys.
spawn_pings() {
	spawn "steady$1" lan ping -n -i 0.1 -c 2600 -W 2 "10.20.$1.1"
}

steady() {
	local back
	poll_until 300 gone "${TG_PIDS[steady$1]}"
	back=$(sed -n 's/^2600 packets transmitted, \([0-9]*\) received.*/\1/p' "$TG_DIR/steady$1.log")
	[ "$back" -ge 2598 ] || fail "$back of 2600 came back"
}

# The site's log knows: 3 handshakes or more were completed.
handshakes() {
	local count
	count=$(grep -c "$2" "$TG_DIR/site$1.log")
	[ "$count" -ge 3 ] || fail "$count: $2"
}

step 'site 1 is the initiator' site_first
step 'the gateway is the initiator to site 2' pings lan 10.20.2.1
spawn_pings 1
spawn_pings 2
step '260 s of packets from and to site 1' steady 1
step '260 s of packets from and to site 2' steady 2
step 'three handshakes of site 1' handshakes 1 'Received handshake response'
step 'three handshakes of site 2' handshakes 2 'Received handshake initiation'
step 'the gateway ends tidily' stop_gateway
