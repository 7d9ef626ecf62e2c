#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The Linux kernel's own WireGuard while addresses, ports, keys and peers change on either side.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=test/integration/kernel_vm.sh
source "$(dirname "$0")/kernel_vm.sh"

start_kernel_network
psk=$(wg genpsk)

to_and_from() {
	vm_pings "$1" 10.10.0.2
	pings lan "10.20.$1.1"
}

gateway_sets() {
	wg set "$TG_TUN" peer "$(public_key "site$1")" "${@:2}"
}

site_sets() {
	in_vm "$1" wg set "wg$1" peer "$(public_key gw)" "${@:2}"
}

move_address() {
	vm 'ip addr del 192.0.2.11/24 dev eth0 && ip addr add 192.0.2.31/24 dev eth0'
}

move_back() {
	vm 'ip addr del 192.0.2.31/24 dev eth0 && ip addr add 192.0.2.11/24 dev eth0'
}

forget_peer() {
	gateway_sets 2 remove
	refuse in_ns lan ping -n -c 1 -W 1 10.20.2.1
}

# A new peer to the gateway, an old one to the kernel.
remember_peer() {
	wg addconf "$TG_TUN" <(gateway_peer 2 'Endpoint = 192.0.2.11:51822')
	pings lan 10.20.2.1
}

new_identity() {
	new_key gw
	wg set "$TG_TUN" private-key "$TG_DIR/gw.key"
	vm_configure 1 "Endpoint = $TG_GW4"
	vm_configure 2
}

more_than() {
	[ "$(peer_field "$1" "$2")" -gt "$3" ]
}

heard_keepalives() {
	[ "$(vm_log "$1" 'Receiving keepalive packet')" -ge "$2" ]
}

step 'a session from 192.0.2.11' to_and_from 1
step 'the address changes' move_address
step 'site 1 speaks' vm_pings 1 10.10.0.2
step 'endpoint 192.0.2.31' endpoint_is 1 192.0.2.31:51821
step 'LAN to site 1' pings lan 10.20.1.1
step 'the port changes' in_vm 1 wg set wg1 listen-port 51999
step 'site 1 speaks' vm_pings 1 10.10.0.2
step 'endpoint port 51999' endpoint_is 1 192.0.2.31:51999
step 'LAN to site 1' pings lan 10.20.1.1
step 'all that in one session' expect_equal responses 1 "$(vm_log 1 'Receiving handshake response')"
step 'the address of old' move_back

step 'a session with site 2' pings lan 10.20.2.1
step 'the gateway forgets site 2' forget_peer
step 'and knows it again: it initiates' remember_peer
step 'the kernel is content' vm_content

step 'the gateway has a preshared key' gateway_sets 1 preshared-key <(printf '%s\n' "$psk")
step 'site 1 begins anew without it' vm_configure 1 "Endpoint = $TG_GW4"
step 'nothing passes' refuse in_vm 1 ping -n -c 2 -W 1 10.10.0.2
step 'as the response is under the wrong key' vm_logged 1 1 'Invalid handshake response'
step 'site 1 begins anew with it' vm_configure 1 "Endpoint = $TG_GW4" "PresharedKey = $psk"
step 'both ways' to_and_from 1
step 'no longer' gateway_sets 1 preshared-key /dev/null

step 'the gateway has another private key' new_identity
step 'a session with site 1' to_and_from 1
step 'a session with site 2' pings lan 10.20.2.1

received=$(peer_field 1 6)
step 'site 1 keeps alive every second' site_sets 1 persistent-keepalive 1
step 'its keepalives are counted' poll_until 10 more_than 1 6 "$((received + 64))"
heard=$(vm_log 2 'Receiving keepalive packet')
step 'the gateway keeps site 2 alive every second' gateway_sets 2 persistent-keepalive 1
step 'the kernel hears it' poll_until 10 heard_keepalives 2 "$((heard + 3))"
step 'the gateway ends tidily' stop_gateway
