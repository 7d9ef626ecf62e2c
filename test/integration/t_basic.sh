#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every way through the gateway with one worker, and what `wg show` says of it.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
every_path

# 5 pings of 1420 bytes passed each way, next to the small ones.
transfer_counted() {
	[ "$(peer_field "$1" 6)" -gt 7000 ]
	[ "$(peer_field "$1" 7)" -gt 7000 ]
}

dump_is_right() {
	expect_equal 'endpoint of site 1' 192.0.2.11:51820 "$(peer_field 1 3)"
	expect_equal 'endpoint of site 2' 192.0.2.12:51820 "$(peer_field 2 3)"
	expect_equal 'allowed ips of site 2' '10.20.2.0/24,10.99.0.12/32,fd20:2::/64,fd99::12/128' \
		"$(peer_field 2 4 | tr ',' '\n' | sort | paste -sd, -)"
	expect_equal 'preshared key of site 1' '(none)' "$(peer_field 1 2)"
	expect_equal 'keepalive of site 1' off "$(peer_field 1 8)"
}

step 'latest handshake of site 1 is set' has_handshake 1
step 'latest handshake of site 2 is set' has_handshake 2
step 'transfer counters of site 1' transfer_counted 1
step 'transfer counters of site 2' transfer_counted 2
step 'wg show dump' dump_is_right
step 'the gateway ends tidily' stop_gateway
