#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Packets that are larger than the way on: path MTU discovery, fragments, and MSS clamping.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
gw=$(ns gw)
lan=$(ns lan)

# Here the LAN host has to find out by itself.
ip -n "$lan" route replace 10.20.0.0/16 via 10.10.0.1
ip -n "$lan" route replace fd20::/16 via fd10::1
ip -n "$lan" route replace 10.99.0.0/24 via 10.10.0.1

forget() {
	ip -n "$(ns "$1")" route flush cache
	ip -n "$(ns "$1")" -6 route flush cache
}

# too_big NS MTU ADDRESS BYTES: a ping with so many bytes of payload fails and tells the MTU, which
# the kernel then has for that address.
too_big() {
	in_ns "$1" ping -n -c 1 -W 2 -M 'do' -s "$4" "$3" >"$TG_DIR/ping.out" && fail 'it was answered'
	grep -q "mtu *= *$2\b" "$TG_DIR/ping.out" || {
		cat "$TG_DIR/ping.out"
		return 1
	}
	ip -n "$(ns "$1")" route get "$3" | tee "$TG_DIR/route"
	grep -q "mtu $2\b" "$TG_DIR/route"
}

step 'a session with site 1' site_first
step 'LAN to site, 1500 bytes' too_big lan 1420 10.20.1.1 1472
step '1420 bytes pass' pings lan 10.20.1.1 -s 1392 -M 'do'
step 'LAN to site, 1500 bytes, IPv6' too_big lan 1420 fd20:1::1 1452
step '1420 bytes pass, IPv6' pings lan fd20:1::1 -s 1372 -M 'do'

forget lan
step '1500 bytes without DF pass, in fragments' pings lan 10.20.1.1 -s 1472 -M dont
step 'five were cut' expect_equal fragments 10 "$(stat fragments)"

step 'the MTU of the tunnel changes' ip -n "$gw" link set "$TG_TUN" mtu 1380
step 'LAN to site, 1420 bytes' poll_until 5 too_big lan 1380 10.20.1.1 1392
step '1380 bytes pass' pings lan 10.20.1.1 -s 1352 -M 'do'

# The site is reached over IPv4: 1500 less 60.
forget lan
step 'a tunnel MTU that the uplink cannot carry' ip -n "$gw" link set "$TG_TUN" mtu 1500
step 'LAN to site, 1500 bytes' poll_until 5 too_big lan 1440 10.20.1.1 1472
step 'the gateway itself, 1500 bytes' too_big gw 1440 10.20.1.1 1472
forget gw
step 'the gateway itself, without DF' pings gw 10.20.1.1 -s 1472 -M dont
step 'the gateway itself, 1500 bytes, IPv6' too_big gw 1440 fd20:1::1 1452
step 'the tunnel MTU as it was' ip -n "$gw" link set "$TG_TUN" mtu 1420

lan_mtu() {
	ip -n "$lan" link set eth0 mtu "$1"
	ip -n "$gw" link set "${TG_TUN}p0" mtu "$1"
}

step 'the MTU of the LAN changes' lan_mtu 1300
step 'site to LAN, 1420 bytes' poll_until 5 too_big site1 1300 10.10.0.2 1392
step 'site to LAN, 1420 bytes, IPv6' too_big site1 1300 fd10::2 1372
step '1300 bytes pass' pings site1 10.10.0.2 -s 1272 -M 'do'
forget site1
step '1420 bytes without DF pass' pings site1 10.10.0.2 -s 1392 -M dont
step 'the MTU of the LAN as it was' lan_mtu 1500
step 'the gateway ends tidily' stop_gateway

# SYN and SYN-ACK, as they come to NS. The site's device has an MTU of 1500 now.
mss_at() {
	capture "$1" "$2" "tcp[tcpflags] & tcp-syn != 0 and dst $3"
	iperf lan 10.20.2.1 5201 -t 1
	end_capture
	tcpdump -n -r "$TG_DIR/capture.pcap" 2>/dev/null | tee "$TG_DIR/captured"
	[ -s "$TG_DIR/captured" ]
	refuse grep -v "mss $4," "$TG_DIR/captured"
}

# Nobody knows the way to a site yet when the first packet comes.
start_over() {
	start_gateway
	ip -n "$gw" link set "$TG_TUN" mtu 1500
	forget "$1"
}

start_over lan
step 'LAN to site, the first packet of all' too_big lan 1440 10.20.2.1 1472
step 'the gateway ends tidily' stop_gateway
start_over gw
step 'the gateway itself, the first packet of all' too_big gw 1440 10.20.2.1 1472
step 'the gateway ends tidily' stop_gateway

dev=$(site_dev 2)
ip -n "$(ns site2)" link set "$dev" mtu 1500
start_gateway --mss-clamp
forget lan
step 'a session with site 2' pings lan 10.20.2.1
listen site2 5201
step 'the SYN at the site' mss_at site2 "$dev" 10.20.2.1 1380
step 'the SYN-ACK in the LAN' mss_at lan eth0 10.10.0.2 1380
step 'the gateway ends tidily' stop_gateway
