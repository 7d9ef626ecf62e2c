#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `ip link set DEV down` takes the tunnel down: no handshake, no data, no keepalive, no session; and a
# twin: what comes in by its port is not heard.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
add_peer 1
add_peer 2 'Endpoint = 192.0.2.12:51820' 'PersistentKeepalive = 1'
make_site 1
make_site 2
capture wan gateway 'udp src port 51820 and src 192.0.2.1'
TG_STEP='the gateway starts'
launch_gateway
gw=$(ns gw)
ip -n "$gw" link set "${TG_TUN}p1" up
ip -n "$gw" addr add 192.0.2.1/24 dev "${TG_TUN}p1"
start_site 2
start_site 1 "Endpoint = $TG_GW4"

address_gateway_but_uplink() {
	ip -n "$gw" addr del 192.0.2.1/24 dev "${TG_TUN}p1"
	address_gateway
}

tunnel() {
	ip -n "$gw" link set "$TG_TUN" "$1"
}

site_1_speaks() {
	in_ns site1 ping -n -c 2 -i 0.2 -W 1 10.10.0.2
}

step 'the tunnel has not been up' refuse has_handshake 2
step 'site 1 is not answered' refuse site_1_speaks
step 'two keepalive intervals' sleep 2
step 'nothing was sent' expect_captured 0
step 'the tunnel comes up' address_gateway_but_uplink
step 'site 2 is spoken to' poll_until 10 has_handshake 2
step 'site 1 to LAN' pings site1 10.10.0.2
step 'LAN to site 2' pings lan 10.20.2.1

capture wan gateway 'udp src port 51820 and src 192.0.2.1'
step 'the tunnel goes down' tunnel down
step 'site 1 is not answered' refuse site_1_speaks
step 'two keepalive intervals' sleep 2
step 'nothing was sent' expect_captured 0
step 'the tunnel comes up' tunnel up
step 'site 2 is spoken to' poll_until 10 pings site2 10.99.0.1
step 'site 1 to gateway' poll_until 20 pings site1 10.99.0.1
step 'its route is set anew' ip -n "$gw" route add 10.20.2.0/24 dev "$TG_TUN"
step 'LAN to site 2' pings lan 10.20.2.1

capture site2 "$(site_dev 2)" 'icmp and src 10.10.0.2'
step 'the twin of port 0 goes down' ip -n "$gw" link set "${TG_TUN}p0" down
step 'LAN to site 2 is not answered' refuse in_ns lan ping -n -c 2 -i 0.2 -W 1 10.20.2.1
step 'nothing reached site 2' expect_captured 0
step 'what came in is counted' test "$(stat twin_down)" -ge 2
step 'the twin comes up' ip -n "$gw" link set "${TG_TUN}p0" up
step 'LAN to site 2' pings lan 10.20.2.1
step 'the gateway ends tidily' stop_gateway
