#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# With the Linux kernel's own WireGuard, a session of 250 s survives two rekeys in both roles.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=test/integration/kernel_vm.sh
source "$(dirname "$0")/kernel_vm.sh"

start_kernel_network

site_first() {
	vm_pings 1 10.10.0.2
	pings lan 10.20.1.1
}

# 4 packets a second for 250 s; one or two may fall into a change of keys.
spawn_pings() {
	spawn "steady$1" lan ping -n -i 0.25 -c 1000 -W 2 "10.20.$1.1"
}

steady() {
	local back
	poll_until 300 gone "${TG_PIDS[steady$1]}"
	back=$(sed -n 's/^1000 packets transmitted, \([0-9]*\) received.*/\1/p' "$TG_DIR/steady$1.log")
	[ "$back" -ge 998 ] || fail "$back of 1000 came back"
}

step 'the kernel is the initiator of site 1' site_first
step 'the gateway is the initiator to site 2' pings lan 10.20.2.1
spawn_pings 1
spawn_pings 2
step '250 s of packets from and to site 1' steady 1
step '250 s of packets from and to site 2' steady 2
step 'three handshakes of site 1' vm_logged 3 1 'Receiving handshake response'
step 'three handshakes of site 2' vm_logged 3 2 'Receiving handshake initiation'
step 'both ends count the same for site 1' vm_counters 1
step 'both ends count the same for site 2' vm_counters 2
step 'the kernel is content' vm_content
step 'the gateway ends tidily' stop_gateway
