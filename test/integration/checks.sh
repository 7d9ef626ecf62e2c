# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What scenarios ask of the network and of the gateway. Sourced by lib.sh.

# pings NS ADDRESS [OPTION...]: five of five come back; time enough for one repeated handshake. They
# are sent at once. When some are back, ping waits for the last one no longer than the interval.
pings() {
	in_ns "$1" ping -n -c 5 -l 5 -i 7 -W 7 "${@:3}" "$2" >"$TG_DIR/ping.out" || true
	grep -q ' 0% packet loss' "$TG_DIR/ping.out" || {
		cat "$TG_DIR/ping.out"
		return 1
	}
}

# every_path: each way through the gateway, IPv4 and IPv6 inside.
every_path() {
	step 'LAN to site 1, IPv4 (site initiates)' site_first
	step 'LAN to site 1, IPv6' pings lan fd20:1::1
	step 'LAN to site 2, IPv4 (gateway initiates)' pings lan 10.20.2.1
	step 'LAN to site 2, IPv6' pings lan fd20:2::1
	step 'site 1 to LAN, IPv6' pings site1 fd10::2
	step 'site 2 to LAN, IPv4' pings site2 10.10.0.2
	step 'site 1 to site 2, IPv4' pings site1 10.20.2.1
	step 'site 2 to site 1, IPv6' pings site2 fd20:1::1
	step 'gateway to site 1, IPv4' pings gw 10.20.1.1
	step 'gateway to site 2, IPv6' pings gw fd20:2::1
	step 'site 1 to gateway, IPv6' pings site1 fd99::1
	step 'site 2 to gateway, IPv4' pings site2 10.99.0.1
	step 'LAN to site 1, packets of 1420 bytes' pings lan 10.20.1.1 -s 1392 -M 'do'
	step 'site 2 to LAN, packets of 1420 bytes, IPv6' pings site2 fd10::2 -s 1372
}

# The site has the only endpoint: it speaks first, then it can be reached.
site_first() {
	pings site1 10.10.0.2
	pings lan 10.20.1.1
}

# peer_field N COLUMN: of site N in `wg show dump` at the gateway; see wg(8) for the columns.
# 2 preshared key, 3 endpoint, 4 allowed ips, 5 latest handshake, 6 received, 7 sent, 8 keepalive
peer_field() {
	wg show "$TG_TUN" dump | awk -v key="$(public_key "site$1")" -v column="$2" \
		'$1 == key { print $column; found = 1 } END { exit !found }'
}

has_handshake() {
	[ "$(peer_field "$1" 5)" -gt 0 ]
}

endpoint_is() {
	[ "$(peer_field "$1" 3)" = "$2" ]
}

# listen NS PORT: an iperf3 server that ends with the scenario.
listen() {
	spawn "iperf-$1-$2" "$1" iperf3 -s -p "$2" --forceflush
	poll_until 10 listens "$1" "$2"
}

listens() {
	in_ns "$1" ss -Hltn "sport = :$2" | grep -q LISTEN
}

# hears NS PORT: somebody takes datagrams there.
hears() {
	in_ns "$1" ss -Hlun "sport = :$2" | grep -q ":$2"
}

# iperf NS ADDRESS PORT [OPTION...]: prints Mbit/s as the receiver saw it; more than 1 must pass.
iperf() {
	in_ns "$1" iperf3 -J --connect-timeout 5000 -c "$2" -p "$3" "${@:4}" >"$TG_DIR/iperf.out" || {
		cat "$TG_DIR/iperf.out"
		return 1
	}
	python3 - "$TG_DIR/iperf.out" <<-'END'
		import json, sys
		report = json.load(open(sys.argv[1]))
		end = report["end"]
		total = end.get("sum_received") or end.get("sum") or sys.exit(json.dumps(report))
		rate = total["bits_per_second"] / 1e6
		lost = "lost_percent" in total and f", {total['lost_percent']:.1f} % lost" or ""
		print(f"{rate:.0f} Mbit/s{lost}")
		sys.exit(rate < 1)
	END
}

# capture NS DEV FILTER: until expect_captured; one at a time.
capture() {
	rm -f "$TG_DIR/capture.pcap"
	spawn tcpdump "$1" tcpdump -Z root --immediate-mode -U -n -i "$2" -w "$TG_DIR/capture.pcap" "$3"
	poll_until 10 grep -q 'listening on' "$TG_DIR/tcpdump.log"
}

end_capture() {
	stop tcpdump INT
}

# expect_captured COUNT: ends the capture, which must hold so many packets.
expect_captured() {
	end_capture
	tcpdump -n -r "$TG_DIR/capture.pcap" >"$TG_DIR/captured" 2>/dev/null
	expect_equal 'packets captured' "$1" "$(wc -l <"$TG_DIR/captured")" || {
		head "$TG_DIR/captured"
		return 1
	}
}

# stat NAME: one number of /tinguard/stats.
stat() {
	"$TG_ROOT/scripts/tinguard-tins" --file-prefix "$TG_PREFIX" --stat "$1"
}
