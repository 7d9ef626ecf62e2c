#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A link of MTU 9000: site 1, over IPv6, has a tunnel of 8920, site 2, over IPv4, one of 1420.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

# Rings whose frames hold 9014 bytes, four of them to nine pages.
TG_VDEVS=(--vdev 'net_af_packet0,iface=veth0,framesz=9216,blocksz=36864'
	--vdev 'net_af_packet1,iface=veth1,framesz=9216,blocksz=36864')

mtu() {
	ip -n "$(ns "$1")" link set "$2" mtu "$3"
}

large_links() {
	mtu lan eth0 9000
	mtu gw veth0 9000
	mtu wan gateway 9000
	mtu gw veth1 9000
}

large_devices() {
	mtu gw "${TG_TUN}p0" 9000
	mtu gw "${TG_TUN}p1" 9000
	mtu gw "$TG_TUN" 8920
	mtu wan site1 9000
	mtu site1 eth0 9000
	mtu site1 "$(site_dev 1)" 8920
	ip -n "$(ns lan)" route add 10.20.1.0/24 via 10.10.0.1 mtu 8920
	ip -n "$(ns lan)" route add fd20:1::/64 via fd10::1 mtu 8920
}

lost_for_room() {
	[ "$(stat no_room)" -gt 0 ]
}

too_large_for_a_buffer() {
	mtu gw "$TG_TUN" 12000
	refuse in_ns gw ping -n -c 2 -i 0.2 -W 1 -s 11000 -M 'do' 10.20.1.1
	mtu gw "$TG_TUN" 8920
	poll_until 3 lost_for_room
}

larger_than_buffers_is_said() {
	mtu gw "${TG_TUN}p0" 12000
	poll_until 3 grep -q 'port 0: MTU 12000 is more than --mtu 9000' "$TG_DIR/gw.log"
	mtu gw "${TG_TUN}p0" 9000
}

make_network
large_links
add_peer 1
add_peer 2 'Endpoint = 192.0.2.12:51820'
start_gateway --mtu 9000 --mbufs 16384
start_site 1 "Endpoint = $TG_GW6"
start_site 2
step 'devices of MTU 9000' large_devices
listen lan 5201

every_path
step 'LAN to site 1, 8828 bytes' pings lan 10.20.1.1 -s 8800 -M 'do'
step 'LAN to site 1, 8920 bytes, IPv6' pings lan fd20:1::1 -s 8872 -M 'do'
step 'site 1 to LAN, 8920 bytes' pings site1 10.10.0.2 -s 8892 -M 'do'
step 'gateway to site 1, 8920 bytes' pings gw 10.20.1.1 -s 8892 -M 'do'
step 'TCP site 1 to LAN' iperf site1 10.10.0.2 5201 -t 2
step 'TCP LAN to site 1, IPv6' iperf site1 fd10::2 5201 -t 2 -R
step 'TCP site 2 to LAN' iperf site2 10.10.0.2 5201 -t 2
step 'TCP LAN to site 2' iperf site2 10.10.0.2 5201 -t 2 -R
step 'packets for the tunnel that no buffer holds are counted' too_large_for_a_buffer
step 'an MTU above --mtu is reported' larger_than_buffers_is_said
step 'LAN to site 1 after that' pings lan 10.20.1.1 -s 8800 -M 'do'
step 'the gateway ends tidily' stop_gateway
