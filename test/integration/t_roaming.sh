#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A site's outer address, port and family change under a session: the gateway follows whoever
# proves to hold the keys, even when the inner packet is then refused.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
site1=$(ns site1)
dev=$(site_dev 1)

# wireguard-go sends from the old address until it is told the endpoint again.
move_address() {
	ip -n "$site1" addr del 192.0.2.11/24 dev eth0
	ip -n "$site1" addr add 192.0.2.31/24 dev eth0
	wg set "$dev" peer "$(public_key gw)" endpoint "$TG_GW4"
}

# 10.77.0.1 is in nobody's allowed IPs.
speak_refused() {
	in_ns site1 ping -n -c 1 -W 1 -I 10.77.0.1 10.10.0.2
}

step 'a session from 192.0.2.11' site_first
step 'endpoint 192.0.2.11' endpoint_is 1 192.0.2.11:51820
handshake=$(peer_field 1 5)

step 'the address changes' move_address
step 'site 1 speaks' pings site1 10.10.0.2
step 'endpoint 192.0.2.31' endpoint_is 1 192.0.2.31:51820
step 'LAN to site 1' pings lan 10.20.1.1

step 'the port changes' wg set "$dev" listen-port 51999
step 'site 1 speaks' pings site1 10.10.0.2
step 'endpoint port 51999' endpoint_is 1 192.0.2.31:51999
step 'LAN to site 1' pings lan 10.20.1.1

step 'the family changes' wg set "$dev" peer "$(public_key gw)" endpoint "$TG_GW6"
step 'site 1 speaks' pings site1 10.10.0.2
step 'endpoint [2001:db8::11]' endpoint_is 1 '[2001:db8::11]:51999'
step 'LAN to site 1' pings lan 10.20.1.1

step 'back to IPv4' wg set "$dev" peer "$(public_key gw)" endpoint "$TG_GW4"
step 'an inner address of nobody' ip -n "$site1" addr add 10.77.0.1/32 dev lo
step 'its packets are refused' refuse speak_refused
step 'but the endpoint follows' endpoint_is 1 192.0.2.31:51999
step 'all that in one session' expect_equal 'latest handshake' "$handshake" "$(peer_field 1 5)"
step 'the gateway ends tidily' stop_gateway
