#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# TCP and UDP through the tunnel: both ways, in parallel, over IPv6, with two peers at once.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
step 'a session with site 1' site_first
listen lan 5201
listen lan 5202
listen site2 5201

two_peers_at_once() {
	local first
	(iperf site1 10.10.0.2 5201 -t 3) >"$TG_DIR/first.out" &
	first=$!
	in_ns site2 iperf3 -c 10.10.0.2 -p 5202 -t 3
	wait "$first"
}

step 'TCP site to LAN' iperf site1 10.10.0.2 5201 -t 2
step 'TCP LAN to site' iperf site1 10.10.0.2 5201 -t 2 -R
step 'TCP, 8 connections' iperf site1 10.10.0.2 5201 -t 2 -P 8
step 'TCP, 8 connections back' iperf site1 10.10.0.2 5201 -t 2 -P 8 -R
step 'TCP, 50 connections' iperf site1 10.10.0.2 5201 -t 2 -P 50
step 'TCP over IPv6' iperf site1 fd10::2 5201 -t 2
step 'TCP over IPv6 back' iperf site1 fd10::2 5201 -t 2 -R
step 'UDP, 20 Mbit/s' iperf site1 10.10.0.2 5201 -t 2 -u -b 20M -l 1300
step 'UDP, 20 Mbit/s back' iperf site1 10.10.0.2 5201 -t 2 -u -b 20M -l 1300 -R
step 'UDP as fast as it goes' iperf site1 10.10.0.2 5201 -t 1 -u -b 0 -l 1300
step 'UDP as fast as it goes, IPv6, back' iperf site1 fd10::2 5201 -t 1 -u -b 0 -l 1300 -R
step 'TCP site to site' iperf site1 10.20.2.1 5201 -t 2
step 'two peers at once' two_peers_at_once
step 'the gateway ends tidily' stop_gateway
