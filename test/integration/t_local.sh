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

# As a server answers a DISCOVER: to an address that the gateway has not yet, in a frame to its MAC.
offer() {
	in_ns lan python3 - "$(in_ns gw cat "/sys/class/net/${TG_TUN}p0/address")" <<-'END'
		import socket, struct, sys
		mac = bytes.fromhex(sys.argv[1].replace(":", ""))
		bootp = b"\2\1\6\0" + bytes(24) + mac + bytes(202)
		udp = struct.pack("!4H", 67, 68, 8 + len(bootp), 0) + bootp
		ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
		ip += socket.inet_aton("10.20.1.77") + socket.inet_aton("10.20.2.77")
		total = sum(struct.unpack("!10H", ip))
		total = ~(total % 0xFFFF) & 0xFFFF
		sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		sock.bind(("eth0", 0))
		sock.send(mac + sock.getsockname()[4] + b"\x08\0" + ip[:10] + struct.pack("!H", total) + ip[12:] + udp)
	END
	sleep 0.5
}

capture gw "${TG_TUN}p0" 'udp dst port 68'
step 'a DHCP server offers an address that a route leads away from' offer
step 'the twin hears it' expect_captured 1
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
