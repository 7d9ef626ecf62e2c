#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# AllowedIPs choose the peer by the longest prefix when sending, and are the only sources accepted.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
one=$(public_key site1)
two=$(public_key site2)

# Only site 2 answers to this one of site 1's addresses.
ip -n "$(ns site2)" addr add 10.20.1.200/32 dev lo
ip -n "$(ns site2)" addr add fd20:1::200/128 dev lo
# Site 1 pretends to be site 2.
ip -n "$(ns site1)" addr add 10.20.2.1/32 dev lo

all_of_two=10.99.0.12/32,10.20.2.0/24,fd99::12/128,fd20:2::/64

spoof() {
	in_ns site1 ping -n -c 3 -i 0.05 -W 1 -I 10.20.2.1 10.10.0.2
}

step 'a session with site 1' site_first
step 'a session with site 2' pings lan 10.20.2.1
step '10.20.1.200 belongs to site 1' refuse in_ns lan ping -n -c 1 -W 1 10.20.1.200

step 'a longer prefix for site 2' \
	wg set "$TG_TUN" peer "$two" allowed-ips "$all_of_two,10.20.1.128/25,fd20:1::200/128"
step '10.20.1.200 belongs to site 2' pings lan 10.20.1.200
step 'fd20:1::200 belongs to site 2' pings lan fd20:1::200
step '10.20.1.1 belongs to site 1' pings lan 10.20.1.1
step 'fd20:1::1 belongs to site 1' pings lan fd20:1::1

step 'the longer prefix goes' wg set "$TG_TUN" peer "$two" allowed-ips "$all_of_two"
step '10.20.1.200 belongs to site 1 again' refuse in_ns lan ping -n -c 1 -W 1 10.20.1.200

step 'the same prefix for site 2' \
	wg set "$TG_TUN" peer "$two" allowed-ips "$all_of_two,10.20.1.0/24"
step 'it moved' pings lan 10.20.1.200
step 'site 1 has it no more' refuse grep -q 10.20.1.0/24 <(wg show "$TG_TUN" dump | grep "^$one")
step 'and may not use it' refuse in_ns site1 ping -n -c 1 -W 1 -I 10.20.1.1 10.10.0.2

capture lan eth0 'icmp and src 10.20.2.1'
step 'site 1 sends as site 2' refuse spoof
step 'none of that reached the LAN' expect_captured 0
step 'site 2 is not harmed' pings site2 10.10.0.2
step 'the gateway ends tidily' stop_gateway
