#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Preshared keys: the right one works in both roles, a wrong one lets nothing through.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

key=$(wg genpsk)
other=$(wg genpsk)
make_network
add_peer 1 "PresharedKey = $key"
add_peer 2 "PresharedKey = $key" 'Endpoint = 192.0.2.12:51820'
start_gateway
start_site 1 "Endpoint = $TG_GW4" "PresharedKey = $key"
start_site 2 "PresharedKey = $other"

site_2_takes() {
	wg set "$(site_dev 2)" peer "$(public_key gw)" preshared-key <(printf '%s\n' "$1")
}

step 'the gateway answers a handshake with the key' site_first
step 'the key is shown' expect_equal 'preshared key' "$key" "$(peer_field 1 2)"
step 'another key: nothing passes' refuse in_ns lan ping -n -c 2 -W 1 10.20.2.1
step 'another key: no handshake' refuse has_handshake 2
step 'site 2 gets the right key' site_2_takes "$key"
step 'the gateway makes a handshake with it' pings lan 10.20.2.1
step 'the gateway ends tidily' stop_gateway
