#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A tunnel inside the tunnel, from site to site; an endpoint that the tunnel itself leads to; and a
# routing loop between the gateway and a site, which the hop limit ends.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
new_key inner1
new_key inner2

inner_dev() {
	printf 'wg%ss%s' "$TG_RUN" "$((4 + $1))"
}

# inner N OTHER: site N's end of the inner tunnel, 10.88.0.N.
inner() {
	local dev space
	dev=$(inner_dev "$1")
	space=$(ns "site$1")
	spawn "inner$1" "site$1" wireguard-go -f "$dev"
	poll_until 10 wg show "$dev"
	wg set "$dev" private-key "$TG_DIR/inner$1.key" listen-port 5555 \
		peer "$(public_key "inner$2")" allowed-ips "10.88.0.$2/32" \
		endpoint "10.20.$2.1:5555"
	ip -n "$space" addr add "10.88.0.$1/24" dev "$dev"
	ip -n "$space" link set "$dev" mtu 1340 up
}

both_inner() {
	inner 1 2
	inner 2 1
}

endpoint() {
	wg set "$TG_TUN" peer "$(public_key site2)" endpoint "$1"
}

# While site 2 says nothing: a router solicitation of its own would tell where it is.
leads_nowhere() {
	local before after
	kill -STOP "${TG_PIDS[site2]}"
	endpoint 10.20.2.1:51820
	before=$(stat no_endpoint)
	in_ns lan ping -n -c 2 -i 0.1 -W 1 10.20.2.1 || true
	after=$(stat no_endpoint)
	kill -CONT "${TG_PIDS[site2]}"
	test "$((after - before))" -ge 2 || fail "no_endpoint: $before, then $after"
}

# Site 1 forwards; what it gets for 10.20.1.77 it sends back into the tunnel.
make_loop() {
	in_ns site1 sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
		"net.ipv4.conf.$(site_dev 1).rp_filter=0" net.ipv4.conf.all.send_redirects=0
	ip -n "$(ns site1)" route add 10.20.1.77/32 dev "$(site_dev 1)"
	wg set "$TG_TUN" peer "$(public_key site1)" \
		allowed-ips 10.99.0.11/32,10.20.1.0/24,10.10.0.2/32,fd99::11/128,fd20:1::/64
}

loops() {
	capture site1 "$(site_dev 1)" "icmp and dst 10.20.1.77 and icmp[0] = 8"
	in_ns lan ping -n -c 1 -W 2 -t 32 10.20.1.77 || true
	end_capture
	tcpdump -n -r "$TG_DIR/capture.pcap" >"$TG_DIR/captured" 2>/dev/null
	expect_match 'times seen' '^([2-9]|[12][0-9]|3[01])$' "$(wc -l <"$TG_DIR/captured")"
}

step 'a session with site 1' site_first
step 'a session with site 2' pings lan 10.20.2.1
step 'a tunnel from site to site inside' both_inner
step 'ping through both' pings site1 10.88.0.2
step 'packets of 1340 bytes' pings site2 10.88.0.1 -s 1312 -M 'do'
listen site2 5202
step 'TCP through both' iperf site1 10.88.0.2 5202 -t 2

step 'an endpoint inside the tunnel leads nowhere' leads_nowhere
step 'and harms nobody' pings lan 10.20.1.1
step 'the endpoint is mended' endpoint 192.0.2.12:51820
step 'LAN to site 2' pings lan 10.20.2.1

step 'a routing loop' make_loop
step 'ends by the hop limit' loops
step 'and harms nobody' pings lan 10.20.2.1
step 'the gateway ends tidily' stop_gateway
