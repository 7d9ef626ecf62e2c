#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The gateway's outer source address: the one it was spoken to by, for as long as it has that, else
# what the route says. A site follows whatever address it is answered from.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

TG_VDEVS+=(--vdev 'net_af_packet2,iface=veth2')
make_network
join wan gateway2 gw veth2
silence_port veth2
ip -n "$(ns wan)" link set gateway2 master br0
add_usual_peers
start_gateway
start_usual_sites
gw=$(ns gw)
dev=$(site_dev 1)
port=${TG_TUN}p1
ip -n "$gw" addr add 192.0.2.2/24 dev "$port"
ip -n "$gw" addr add 2001:db8::2/64 dev "$port" nodad
ip -n "$gw" addr add 203.0.113.1/32 dev lo
in_ns gw sysctl -qw net.ipv4.conf.all.arp_ignore=1
ip -n "$gw" link set "${TG_TUN}p2" up
ip -n "$gw" addr add 192.0.2.3/24 dev "${TG_TUN}p2" noprefixroute
ip -n "$(ns site1)" route add 203.0.113.1 via 192.0.2.1

speak_to() {
	wg set "$dev" peer "$(public_key gw)" endpoint "$1"
	pings site1 10.10.0.2
	pings lan 10.20.1.1
}

answers_from() {
	expect_equal endpoint "$1" "$(wg show "$dev" endpoints | cut -f 2)"
}

# What was on its way from the old address moves the site back.
speaks_and_is_answered() {
	speak_to "$1"
	answers_from "$1"
}

remove() {
	ip -n "$gw" addr del "$1" dev "$port"
}

for to in 192.0.2.1 192.0.2.2 '[2001:db8::1]' '[2001:db8::2]' 192.0.2.2 203.0.113.1; do
	step "site 1 speaks to $to and is answered from there" \
		poll_until 20 speaks_and_is_answered "$to:51820"
done

step 'site 1 speaks to 192.0.2.2' poll_until 20 speaks_and_is_answered 192.0.2.2:51820
step 'that address goes' remove 192.0.2.2/24
step 'LAN to site 1' pings lan 10.20.1.1
step 'from the address that is left' answers_from 192.0.2.1:51820
step 'site 1 speaks to 2001:db8::2' poll_until 20 speaks_and_is_answered '[2001:db8::2]:51820'
step 'that address goes' remove 2001:db8::2/64
step 'LAN to site 1' pings lan 10.20.1.1
step 'from the address that is left' answers_from '[2001:db8::1]:51820'

# A second uplink to the same network.
by_the_second_port() {
	ip -n "$gw" route add 192.0.2.11/32 dev "${TG_TUN}p2" src 192.0.2.3
}

step 'site 1 speaks to 192.0.2.1' poll_until 20 speaks_and_is_answered 192.0.2.1:51820
step 'a route by another port takes precedence' by_the_second_port
step 'LAN to site 1' pings lan 10.20.1.1
step 'from the address of that route' answers_from 192.0.2.3:51820
step 'the gateway ends tidily' stop_gateway
