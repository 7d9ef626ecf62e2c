#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A site behind a router: the route's next hop is resolved by the kernel, and routes may change.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
router=$(ns router)
make_ns router
join wan router router eth0
ip -n "$(ns wan)" link set router master br0
ip -n "$router" addr add 192.0.2.254/24 dev eth0
ip -n "$router" addr add 192.0.2.253/24 dev eth0
ip -n "$router" addr add 2001:db8::254/64 dev eth0 nodad
in_ns router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

# Site 2 moves behind the router, to 198.51.100.12 and 2001:db8:1::12.
move_site_2() {
	ip -n "$(ns wan)" link del site2
	join router site2 site2 eth0
	ip -n "$router" addr add 198.51.100.1/24 dev site2
	ip -n "$router" addr add 2001:db8:1::1/64 dev site2 nodad
	ip -n "$(ns site2)" addr add 198.51.100.12/24 dev eth0
	ip -n "$(ns site2)" addr add 2001:db8:1::12/64 dev eth0 nodad
	ip -n "$(ns site2)" route add default via 198.51.100.1
	ip -n "$(ns site2)" route add default via 2001:db8:1::1
}

endpoint() {
	wg set "$TG_TUN" peer "$(public_key site2)" endpoint "$1"
}

route() {
	ip -n "$(ns gw)" route "$@" dev "${TG_TUN}p1"
}

step 'a session with site 2 on the link' pings lan 10.20.2.1
step 'site 2 moves behind a router' move_site_2
step 'a route by a next hop' route add 198.51.100.0/24 via 192.0.2.254
step 'the new endpoint' endpoint 198.51.100.12:51820
step 'LAN to site 2' poll_until 20 pings lan 10.20.2.1
step 'the next hop changes' route replace 198.51.100.0/24 via 192.0.2.253
step 'LAN to site 2' pings lan 10.20.2.1
step 'site 2 to LAN' pings site2 10.10.0.2
step 'the route goes' route del 198.51.100.0/24
step 'nothing passes' refuse in_ns lan ping -n -c 2 -i 0.1 -W 1 10.20.2.1
step 'a default route' route add default via 192.0.2.253
step 'LAN to site 2' poll_until 20 pings lan 10.20.2.1
step 'an IPv6 route' ip -n "$(ns gw)" -6 route add 2001:db8:1::/64 via 2001:db8::254 \
	dev "${TG_TUN}p1"
step 'the new endpoint, IPv6' endpoint '[2001:db8:1::12]:51820'
step 'LAN to site 2 over IPv6' poll_until 20 pings lan fd20:2::1
step 'the gateway ends tidily' stop_gateway
