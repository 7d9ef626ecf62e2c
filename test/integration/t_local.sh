#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The gateway's own traffic: what is for its addresses goes to the twins, what the twins send goes
# out of the ports, and services of the gateway are reached through the tunnel.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
listen gw 5201

is_reachable() {
	grep -q 'lladdr.*\(REACHABLE\|DELAY\|STALE\)' <(ip -n "$(ns gw)" neigh show "$1")
}

step 'LAN to gateway' pings lan 10.10.0.1
step 'LAN to gateway, IPv6' pings lan fd10::1
step 'gateway to LAN' pings gw 10.10.0.2
step 'gateway to LAN, IPv6' pings gw fd10::2
step 'WAN to gateway, outside the tunnel' pings site1 192.0.2.1
step 'WAN to gateway, outside the tunnel, IPv6' pings site1 2001:db8::1
step 'the kernel knows its neighbours' is_reachable 10.10.0.2
step 'TCP to the gateway over the LAN' iperf lan 10.10.0.1 5201 -t 1
step 'a session with site 1' site_first
step 'TCP to the gateway through the tunnel' iperf site1 10.99.0.1 5201 -t 1
step 'TCP from the gateway through the tunnel' iperf site1 10.99.0.1 5201 -t 1 -R
step 'the gateway ends tidily' stop_gateway
