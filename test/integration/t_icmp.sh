#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What cannot be forwarded is answered, from the address on the side that it came from.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
gw=$(ns gw)

# told NS TEXT ADDRESS [OPTION...]: the ping fails, and says TEXT.
told() {
	in_ns "$1" ping -n -c 1 -W 20 "${@:4}" "$3" >"$TG_DIR/ping.out" && fail 'it was answered'
	grep -q "$2" "$TG_DIR/ping.out" || {
		cat "$TG_DIR/ping.out"
		return 1
	}
}

# Silence, not an error.
untold() {
	refuse in_ns "$1" ping -n -c 1 -W 1 "$2" >"$TG_DIR/ping.out"
	refuse grep -q '^From' "$TG_DIR/ping.out"
}

step 'a session with site 1' site_first
step 'a session with site 2' pings lan 10.20.2.1

step 'LAN, TTL' told lan 'From 10.10.0.1 .*Time to live exceeded' 10.20.1.1 -t 1
step 'LAN, hop limit' told lan 'From fd10::1 .*Hop limit' fd20:1::1 -t 1
step 'site, TTL' told site1 'From 10.99.0.1 .*Time to live exceeded' 10.10.0.2 -t 1
step 'site, hop limit' told site1 'From fd99::1 .*Hop limit' fd10::2 -t 1
step 'site to site, TTL' told site1 'From 10.99.0.1 .*Time to live exceeded' 10.20.2.1 -t 1
step 'one hop more arrives' pings lan 10.20.1.1 -t 2

step 'LAN, no route' told lan 'From 10.10.0.1 .*Destination Net Unreachable' 10.20.3.1
step 'LAN, no route, IPv6' told lan 'From fd10::1 .*unreachable: No route' fd20:3::1
step 'site, no route' told site1 'From 10.99.0.1 .*Destination Net Unreachable' 10.20.3.1

ip -n "$gw" route add 10.20.4.0/24 dev "$TG_TUN"
ip -n "$gw" route add fd20:4::/64 dev "$TG_TUN"
step 'LAN, no peer' told lan 'From 10.10.0.1 .*Destination Host Unreachable' 10.20.4.1
step 'LAN, no peer, IPv6' told lan 'From fd10::1 .*Address unreachable' fd20:4::1
step 'site, no peer' told site1 'From 10.99.0.1 .*Destination Host Unreachable' 10.20.4.1
step 'the gateway itself, no peer' told gw 'Destination Host Unreachable' 10.20.4.1
step 'the gateway itself, no peer, IPv6' told gw 'Address unreachable' fd20:4::1

ip -n "$gw" route add unreachable 10.20.5.0/24
ip -n "$gw" route add prohibit 10.20.6.0/24
ip -n "$gw" route add blackhole 10.20.7.0/24
step 'unreachable route' told lan 'From 10.10.0.1 .*Destination Host Unreachable' 10.20.5.1
step 'prohibit route' told lan 'From 10.10.0.1 .*Packet filtered' 10.20.6.1
step 'blackhole route' untold lan 10.20.7.1

new_key nobody
ip -n "$gw" route add 10.20.8.0/24 dev "$TG_TUN"
wg set "$TG_TUN" peer "$(public_key nobody)" allowed-ips 10.20.8.0/24
step 'a peer without endpoint' told lan 'From 10.10.0.1 .*Host Unreachable' 10.20.8.1
step 'the gateway itself, a peer without endpoint' told gw 'Destination Host Unreachable' 10.20.8.1
step 'a LAN host that is not there' told site1 'From 10.99.0.1 .*Host Unreachable' 10.10.0.99
step 'a LAN host that is not there, IPv6' told site1 'From fd99::1 .*Address unreachable' fd10::99

# As in the kernel's netns.sh: a peer goes, and the LAN is told from the LAN's side.
wg set "$TG_TUN" peer "$(public_key site2)" remove
step 'a peer that was removed' told lan 'From 10.10.0.1 .*Host Unreachable' 10.20.2.1

flood() {
	in_ns lan ping -n -q -f -l 1000 -c 1000 -W 1 -t 1 10.20.1.1 || true
}

step 'a flood that dies of its TTL' flood
step 'is answered' test "$(stat icmp_sent)" -gt 50
step 'but not beyond the limit' test "$(stat icmp_limited)" -gt 0
# The port may have had no room for a moment.
step 'traffic goes on' poll_until 20 pings lan 10.20.1.1
step 'the gateway ends tidily' stop_gateway
