#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Outer packets in fragments: the kernel reassembles them and the gateway takes them from there; one that
# is no WireGuard message is not answered.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
site1=$(ns site1)
dev=$(site_dev 1)

# big COUNT: datagrams of 1300 bytes from site 1 to the LAN, in outer packets larger than its link's MTU.
big() {
	in_ns site1 python3 "$TG_ROOT/test/integration/datagrams.py" send 10.10.0.2 7000 "$1" 1300
}

received() {
	[ "$(wc -l <"$TG_DIR/receiver.log")" -eq "$1" ]
}

# Larger than the link too, but garbage, to the listening port.
garbage() {
	in_ns site1 python3 -c "
import socket
s = socket.socket(socket.$1, socket.SOCK_DGRAM)
s.settimeout(1)
s.connect(('$2', 51820))
s.send(bytes(1400))
try:
    s.recv(100)
except socket.timeout:
    raise SystemExit(0)
except ConnectionRefusedError:
    pass
raise SystemExit(1)"
}

spawn receiver lan python3 "$TG_ROOT/test/integration/datagrams.py" receive 10.10.0.2 7000
poll_until 10 hears lan 7000
step 'a session with site 1' site_first
step 'the link of site 1 gets a small MTU' ip -n "$site1" link set eth0 mtu 1300
step '20 datagrams, outer IPv4' big 20
step 'all arrive' poll_until 10 received 20
step 'garbage in fragments is not answered, IPv4' garbage AF_INET 192.0.2.1
step 'the site changes to outer IPv6' wg set "$dev" peer "$(public_key gw)" endpoint "$TG_GW6"
step '20 datagrams, outer IPv6' big 20
step 'all arrive' poll_until 10 received 40
step 'garbage in fragments is not answered, IPv6' garbage AF_INET6 2001:db8::1
step 'the gateway ends tidily' stop_gateway
