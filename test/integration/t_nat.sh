#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A site behind a NAT that forgets after two seconds: its persistent keepalive keeps it reachable.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
add_peer 1
start_gateway
make_ns router
join wan router router eth0
ip -n "$(ns wan)" link set router master br0
make_ns site1
join router inside site1 eth0
ip -n "$(ns router)" addr add 192.0.2.254/24 dev eth0
ip -n "$(ns router)" addr add 192.168.1.1/24 dev inside
ip -n "$(ns site1)" addr add 192.168.1.100/24 dev eth0
ip -n "$(ns site1)" addr add 10.20.1.1/32 dev lo
ip -n "$(ns site1)" addr add fd20:1::1/128 dev lo
ip -n "$(ns site1)" route add default via 192.168.1.1

translate() {
	in_ns router nft 'table ip nat {
		chain post {
			type nat hook postrouting priority srcnat
			oifname eth0 masquerade
		}
		chain forget { type filter hook prerouting priority filter; ct state new accept; }
	}'
	in_ns router sysctl -qw net.ipv4.ip_forward=1 \
		net.netfilter.nf_conntrack_udp_timeout=2 \
		net.netfilter.nf_conntrack_udp_timeout_stream=2
}

step 'a router translates addresses' translate
start_site 1 "Endpoint = $TG_GW4" 'PersistentKeepalive = 1'
step 'site 1 to LAN' pings site1 10.10.0.2
step 'LAN to site 1' pings lan 10.20.1.1
step 'the gateway sees the router' expect_match endpoint '^192\.0\.2\.254:' "$(peer_field 1 3)"
step 'four seconds without traffic' sleep 4
step 'LAN to site 1' pings lan 10.20.1.1
step 'keepalive off' wg set "$(site_dev 1)" peer "$(public_key gw)" persistent-keepalive off
step 'four seconds without traffic' sleep 4
step 'the router has forgotten' refuse in_ns lan ping -n -c 1 -W 1 10.20.1.1
step 'until site 1 speaks' pings site1 10.10.0.2
step 'LAN to site 1' pings lan 10.20.1.1
step 'the gateway ends tidily' stop_gateway
