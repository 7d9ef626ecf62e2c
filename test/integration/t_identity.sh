#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Keys change at run time, on either side, and the next packet makes a handshake under the new one.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
psk=$(wg genpsk)
dev=$(site_dev 1)

# One packet each way, at once: no time for a repeated handshake, which comes after 5 s.
quick() {
	in_ns "$1" ping -n -c 1 -W 3 "$2"
}

site_1_knows() {
	wg set "$dev" peer "$2" remove peer "$1" allowed-ips 0.0.0.0/0,::/0 endpoint "$TG_GW4" \
		preshared-key <(printf '%s\n' "$psk")
}

gateway_changes_key() {
	public_key gw >"$TG_DIR/old.pub"
	new_key gw
	wg set "$TG_TUN" private-key "$TG_DIR/gw.key" \
		peer "$(public_key site1)" preshared-key <(printf '%s\n' "$psk")
	site_1_knows "$(public_key gw)" "$(cat "$TG_DIR/old.pub")"
}

site_1_changes_key() {
	public_key site1 >"$TG_DIR/old.pub"
	new_key site1
	wg set "$dev" private-key "$TG_DIR/site1.key"
	wg set "$TG_TUN" peer "$(cat "$TG_DIR/old.pub")" remove peer "$(public_key site1)" \
		endpoint 192.0.2.11:51820 preshared-key <(printf '%s\n' "$psk") \
		allowed-ips 10.99.0.11/32,10.20.1.0/24,fd99::11/128,fd20:1::/64
}

clear_keys() {
	wg set "$TG_TUN" private-key /dev/null peer "$(public_key site1)" preshared-key /dev/null
	expect_equal 'private key' '(none)' "$(wg show "$TG_TUN" private-key)"
	expect_equal 'preshared key' '(none)' "$(peer_field 1 2)"
}

# A private key whose public key is a peer's: that peer would be oneself.
become_site_1() {
	wg set "$TG_TUN" private-key "$TG_DIR/site1.key"
	expect_equal peers "$(public_key site2)" "$(wg show "$TG_TUN" peers)"
	wg set "$TG_TUN" peer "$(public_key site1)"
	expect_equal peers "$(public_key site2)" "$(wg show "$TG_TUN" peers)"
}

step 'a session with site 1' site_first
step 'the gateway changes its key' gateway_changes_key
step 'the next packet makes a handshake (site 1 speaks)' quick site1 10.10.0.2
step 'and goes back' quick lan 10.20.1.1
step 'site 1 changes its key' site_1_changes_key
step 'the next packet makes a handshake (the gateway speaks)' quick lan 10.20.1.1
step 'and goes back' quick site1 10.10.0.2
step 'keys are cleared' clear_keys
step 'without a key nothing passes' refuse in_ns lan ping -n -c 1 -W 1 10.20.1.1
step 'a peer with the own key goes' become_site_1
step 'the gateway ends tidily' stop_gateway
