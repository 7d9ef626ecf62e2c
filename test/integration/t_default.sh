#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The default route leads into the tunnel, and the peer is reached beside it by a longer one.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
gw=$(ns gw)
ip -n "$(ns site2)" addr add 203.0.113.7/32 dev lo
ip -n "$(ns site2)" addr add 2001:db8:7::7/128 dev lo
ip -n "$(ns lan)" route add default via 10.10.0.1 mtu 1420
ip -n "$(ns lan)" -6 route add default via fd10::1 mtu 1420

all_to_site_2() {
	wg set "$TG_TUN" peer "$(public_key site2)" \
		allowed-ips 0.0.0.0/0,::/0
	ip -n "$gw" route add default dev "$TG_TUN"
	ip -n "$gw" -6 route add default dev "$TG_TUN"
}

step 'a session with site 1' site_first
step 'there is no way to 203.0.113.7' refuse in_ns lan ping -n -c 1 -W 1 203.0.113.7
step 'the default route leads to site 2' all_to_site_2
step 'LAN to 203.0.113.7' pings lan 203.0.113.7
step 'LAN to 2001:db8:7::7' pings lan 2001:db8:7::7
step 'site 1 has its own networks still' pings lan 10.20.1.1
step 'gateway to 203.0.113.7' pings gw 203.0.113.7
step 'gateway to 203.0.113.7, bound to the tunnel' pings gw 203.0.113.7 -I "$TG_TUN"
step 'gateway to 2001:db8:7::7' pings gw 2001:db8:7::7
step 'the gateway ends tidily' stop_gateway
