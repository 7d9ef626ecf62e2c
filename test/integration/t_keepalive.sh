#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Persistent keepalive, theirs and ours. No other traffic is sent.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
add_peer 1
add_peer 2 'Endpoint = 192.0.2.12:51820'
start_gateway
start_site 1 "Endpoint = $TG_GW4" 'PersistentKeepalive = 1'
start_site 2

more_than() {
	[ "$(peer_field "$1" "$2")" -gt "$3" ]
}

step 'site 1 comes up by its keepalive' poll_until 10 has_handshake 1
received=$(peer_field 1 6)
step 'its keepalives are counted' poll_until 10 more_than 1 6 "$((received + 64))"

step 'the gateway has nothing to say to site 2' refuse has_handshake 2
step 'keepalive to site 2 every second' \
	wg set "$TG_TUN" peer "$(public_key site2)" persistent-keepalive 1
step 'one is sent at once' poll_until 5 has_handshake 2
sent=$(peer_field 2 7)
step 'and one every second' poll_until 10 more_than 2 7 "$((sent + 64))"
step 'the interval is shown' expect_equal 'keepalive' 1 "$(peer_field 2 8)"
step 'keepalive off' wg set "$TG_TUN" peer "$(public_key site2)" persistent-keepalive off
step 'is shown' expect_equal 'keepalive' off "$(peer_field 2 8)"
step 'the gateway ends tidily' stop_gateway
