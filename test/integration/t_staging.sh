#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What comes before there is a session waits, and is delivered in order when the session is up.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
add_usual_peers
# Nobody is there.
add_peer 3 'Endpoint = 192.0.2.99:51820'
start_gateway
start_site 1
start_site 2

# burst N: numbered datagrams from the LAN to site 2, back to back.
burst() {
	in_ns lan python3 "$TG_ROOT/test/integration/datagrams.py" send 10.20.2.1 7000 "$1"
}


spawn receiver site2 python3 "$TG_ROOT/test/integration/datagrams.py" receive 10.20.2.1 7000
poll_until 10 hears site2 7000

all_in_order() {
	poll_until 15 expect_last "$(($1 - 1))"
	diff <(seq 0 $(($1 - 1))) "$TG_DIR/receiver.log"
}

expect_last() {
	[ "$(tail -n 1 "$TG_DIR/receiver.log")" = "$1" ]
}

# tins QUEUE STATE: packets that wait in such tins, a line each.
tins() {
	"$TG_ROOT/scripts/tinguard-tins" --file-prefix "$TG_PREFIX" |
		awk -v q="$1" -v s="$2" '$1 == q && $3 == s { print $7 }'
}

waits() {
	[ "$(tins tx0_staging closed)" = "$1" ] && [ "$(stat backlog_packets)" = "$1" ]
}

# While the LAN host resolves its next hop its own kernel may reorder.
step 'the LAN host knows the gateway' pings lan 10.10.0.1
step 'pings to a peer that does not answer' refuse in_ns lan ping -n -c 3 -i 0.2 -W 1 10.99.0.13
step 'wait in its closed tin, and are counted' waits 3
step 'site 2 has no session' refuse has_handshake 2
capture site2 eth0 'udp dst port 51820 and udp[8:4] == 0x01000000'
step '100 datagrams at once' burst 100
step 'all arrive, in order' all_in_order 100
step 'after one initiation' expect_captured 1
step 'the session is there' has_handshake 2

# Site 1 has not spoken, so the gateway does not know where it is.
step 'site 1 has no endpoint' expect_equal endpoint '(none)' "$(peer_field 1 3)"
step 'a ping to it waits' refuse in_ns lan ping -n -c 1 -W 1 10.20.1.1
step 'site 1 learns of the gateway' \
	wg set "$(site_dev 1)" peer "$(public_key gw)" endpoint "$TG_GW4"
step 'site 1 speaks and is answered' site_first
step 'the gateway ends tidily' stop_gateway
