#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A port shaped below its link: the rate holds, peers share it by weight, RateLimit holds, and a ping does
# not wait behind a download, as it does in a FIFO. Only ratios within this run are judged.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

rate=20 # Mbit/s at the port to the sites

make_network
add_peer 1 'Weight = 1'
add_peer 2 'Endpoint = 192.0.2.12:51820' 'Weight = 3'
listen lan 5201
listen lan 5202

# download SITE PORT SECONDS: Mbit/s from the LAN to the site, over the shaped port.
download() {
	in_ns "site$1" iperf3 -J -c 10.10.0.2 -p "$2" -R -t "$3" -O 1 >"$TG_DIR/download$1.json"
	python3 -c '
import json, sys
print(json.load(open(sys.argv[1]))["end"]["sum_received"]["bits_per_second"] / 1e6)' \
		"$TG_DIR/download$1.json"
}

# between LOW VALUE HIGH
between() {
	printf '%s, to be from %s to %s\n' "$2" "$1" "$3"
	awk -v low="$1" -v value="$2" -v high="$3" 'BEGIN { exit !(value >= low && value <= high) }'
}

# The mean round trip of pings to site 2, in ms, while site 1 downloads.
ping_beside_download() {
	local load
	download 1 5201 4 >/dev/null &
	load=$!
	sleep 2
	in_ns lan ping -n -q -c 15 -i 0.1 10.20.2.1 >"$TG_DIR/ping.out"
	wait "$load"
	awk -F/ '/^rtt/ { print $5 }' "$TG_DIR/ping.out"
}

ping_into() {
	ping_beside_download >"$TG_DIR/$1"
}

both_at_once() {
	download 1 5201 5 >"$TG_DIR/rate1" &
	download 2 5202 5 >"$TG_DIR/rate2"
	wait $!
	awk '{ r[NR] = $1 } END { print r[2] / r[1] }' "$TG_DIR/rate1" "$TG_DIR/rate2"
}

limit_site_1() {
	local key
	key=$(public_key site1 | base64 -d | od -An -v -tx1 | tr -d ' \n')
	printf 'set=1\npublic_key=%s\nupdate_only=true\nrate_limit=%s\n\n' "$key" "$1" |
		python3 "$TG_ROOT/test/integration/uapi.py" "/var/run/wireguard/$TG_TUN.sock" |
		grep -q '^errno=0'
}

start_gateway --shape 1=${rate}mbit --queue fifo
start_usual_sites
step 'sessions' site_first
step 'a ping through a FIFO' ping_into fifo
step 'the gateway ends tidily' stop_gateway
stop site1
stop site2

start_gateway --shape 1=${rate}mbit
start_usual_sites
step 'sessions' site_first
step 'a ping through FQ-CoDel' ping_into fq
step 'waits less than a third as long' \
	between 0 "$(cat "$TG_DIR/fq")" "$(awk '{ print $1 / 3 }' "$TG_DIR/fifo")"
# TCP payload is 1368 of 1514 + 24 bytes; and the machine may be slow.
step 'the shaped rate' between $((rate * 6 / 10)) "$(download 1 5201 4)" $((rate * 95 / 100))
step 'weights 1 and 3' between 2 "$(both_at_once)" 4.5
step 'RateLimit of site 1' limit_site_1 5mbit
step 'holds' between 2 "$(download 1 5201 4)" 5
step 'the gateway ends tidily' stop_gateway
