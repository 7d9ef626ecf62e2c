#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The Linux kernel's own WireGuard as both sites: sessions in both roles, sizes, families, streams.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=test/integration/kernel_vm.sh
source "$(dirname "$0")/kernel_vm.sh"

start_kernel_network

both_ways() {
	vm_pings "$1" 10.10.0.2
	vm_pings "$1" fd10::2
	pings lan "10.20.$1.1"
	pings lan "fd20:$1::1"
}

full_size() {
	vm_pings "$1" 10.10.0.2 -s 1392 -M 'do'
	vm_pings "$1" fd10::2 -s 1372
	pings lan "10.20.$1.1" -s 1392 -M 'do'
	pings lan "fd20:$1::1" -s 1372
}

vm_listens() {
	in_vm 1 'netstat -ltn | grep :5201'
}

endpoint_is_v6() {
	in_vm 1 wg set wg1 peer "$(public_key gw)" endpoint "$TG_GW6"
	both_ways 1
	endpoint_is 1 '[2001:db8::11]:51821'
}

# iperf3 answers a datagram from the address of the tunnel.
streams() {
	step "$1: TCP to the kernel" iperf lan 10.20.1.1 5201 -t 2
	step "$1: TCP from the kernel, IPv6" iperf lan fd20:1::1 5201 -t 2 -R
	step "$1: UDP to the kernel, IPv6" iperf lan fd99::11 5201 -t 2 -u -b 10M -l 1300
	step "$1: UDP from the kernel" iperf lan 10.99.0.11 5201 -t 2 -u -b 10M -l 1300 -R
}

step 'the kernel initiates: both ways, IPv4 and IPv6' both_ways 1
step 'it sent one initiation' expect_equal initiations 1 "$(vm_log 1 'Sending handshake initiation')"
step 'packets of 1420 bytes' full_size 1
step 'the gateway initiates: none of the first packets is lost' pings lan 10.20.2.1
step 'the kernel got one initiation' \
	expect_equal initiations 1 "$(vm_log 2 'Receiving handshake initiation')"
step 'both ways, IPv4 and IPv6' both_ways 2
step 'packets of 1420 bytes' full_size 2
step 'site 1 to site 2, both in the kernel' vm_pings 1 10.20.2.1
step 'the kernel serves iperf3' in_vm 1 iperf3 -s -D
step 'and listens' poll_until 20 vm_listens
streams 'outer IPv4'
step 'outer IPv6: both ways, IPv4 and IPv6' endpoint_is_v6
step 'outer IPv6: packets of 1420 bytes' full_size 1
streams 'outer IPv6'
step 'all that in one session' expect_equal responses 1 "$(vm_log 1 'Receiving handshake response')"
step 'both ends count the same for site 1' vm_counters 1
step 'both ends count the same for site 2' vm_counters 2
step 'the kernel is content' vm_content
step 'the gateway ends tidily' stop_gateway
