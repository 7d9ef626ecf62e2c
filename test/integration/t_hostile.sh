#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Hostile packets at the port: each is counted and freed, none is answered, nobody is harmed.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
make_ns mallory
join wan mallory mallory eth0
ip -n "$(ns wan)" link set mallory master br0
ip -n "$(ns mallory)" addr add 192.0.2.66/24 dev eth0
ip -n "$(ns mallory)" addr add 2001:db8::66/64 dev eth0 nodad
for dev in gateway mallory br0; do
	ip -n "$(ns wan)" link set "$dev" mtu 9000
done
ip -n "$(ns mallory)" link set eth0 mtu 9000
ip -n "$(ns gw)" link set veth1 mtu 9000

attack() {
	in_ns mallory python3 "$TG_ROOT/test/integration/hostile.py" "$1" --dev eth0 \
		--gateway-mac "$(cat_gw "/sys/class/net/${TG_TUN}p1/address")" \
		--gateway-key "$(public_key gw)" --pcap "$TG_DIR/session.pcap"
}

cat_gw() {
	in_ns gw cat "$1"
}

# Site 1's own messages: a handshake, some data.
record() {
	capture site1 eth0 'ip and udp dst port 51820 and src host 192.0.2.11'
	site_first
	end_capture
	mv "$TG_DIR/capture.pcap" "$TG_DIR/session.pcap"
}

nobody_harmed() {
	gateway_runs
	pings lan 10.20.1.1
	pings site2 fd10::2
	endpoint_is 1 192.0.2.11:51820
	expect_equal 'latest handshake of site 1' "$handshake" "$(peer_field 1 5)"
}

gateway_runs() {
	! gone "${TG_PIDS[gw]}"
}

# counted KEY...: each of these reasons was counted since the last time.
declare -A seen=()
counted() {
	local key now
	for key in "$@"; do
		now=$(stat "$key")
		[ "$now" -gt "${seen[$key]:-0}" ] || fail "not counted: $key"
		seen[$key]=$now
	done
}

# ICMP errors, which the kernel would send for a port that nobody listens on.
answers='src port 51820 or icmp[icmptype] == icmp-unreach or (icmp6 and ip6[40] < 128)'

# assault KIND KEY...: sends that kind, which is counted under each of the keys.
assault() {
	capture mallory eth0 "$answers"
	step "$1: sent" attack "$1"
	step "$1: counted (${*:2})" counted "${@:2}"
	step "$1: not answered" expect_captured 0
	step "$1: nobody is harmed" nobody_harmed
}

step 'a session is recorded' record
step 'a session with site 2' pings lan 10.20.2.1
handshake=$(peer_field 1 5)
assault messages wg_short wg_type no_session
assault forged bad_tag
capture lan eth0 'icmp and src 10.99.0.11'
step 'replayed: sent' attack replayed
step 'replayed: counted (replay)' counted replay
step 'replayed: nothing reaches the LAN' expect_captured 0
assault replayed replay
# Linux may complain of what is not for WireGuard, such as half a datagram.
answers='src port 51820'
assault ip wg_udp_length
assault frames not_for_us
step 'the gateway ends tidily' stop_gateway
