#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Under a flood of handshakes that have to be opened: cookies, both ways, and data that do not notice.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
make_ns mallory
join wan mallory mallory eth0
ip -n "$(ns wan)" link set mallory master br0
ip -n "$(ns mallory)" addr add 192.0.2.66/24 dev eth0

# flood NAME ADDRESS: of handshakes for the key NAME.
flood() {
	spawn flood mallory python3 "$TG_ROOT/test/integration/flood.py" "$2" "$(public_key "$1")" 60
}

end_flood() {
	kill -TERM "${TG_PIDS[flood]}"
	wait "${TG_PIDS[flood]}" || true
	unset 'TG_PIDS[flood]'
}

more_than() {
	[ "$(stat "$1")" -gt "$2" ]
}

site_logged() {
	grep -q "$2" "$TG_DIR/site$1.log"
}

# scenario TEXT LCORES [OPTION...]
scenario() {
	printf '%s\n' "-- $1"
	TG_LCORES=$2
	start_gateway "${@:3}"
	start_site 2
	step 'a session with site 2' pings lan 10.20.2.1
	gateway_under_load
	site_2_under_load
	step 'the gateway ends tidily' stop_gateway
	stop site1
	stop site2
}

gateway_under_load() {
	flood gw 192.0.2.1
	step 'the gateway is under load' poll_until 20 more_than UNDER_LOAD 1000
	start_site 1 "Endpoint = $TG_GW4" 'PersistentKeepalive = 1'
	step 'site 1 is asked for a cookie' poll_until 20 site_logged 1 'Receiving cookie response'
	step 'with it, site 1 gets a session' poll_until 30 has_handshake 1
	step 'site 1 can be reached' pings lan 10.20.1.1
	step 'data of site 2 pass meanwhile' pings lan 10.20.2.1
	end_flood
}

# A peer that is removed and added again has no session: one that the gateway has to ask for.
site_2_under_load() {
	local accepted
	accepted=$(stat accepted)
	flood site2 192.0.2.12
	step 'site 2 is under load' poll_until 20 site_logged 2 'Sending cookie response for denied'
	wg set "$TG_TUN" peer "$(public_key site2)" remove
	wg set "$TG_TUN" peer "$(public_key site2)" endpoint 192.0.2.12:51820 \
		persistent-keepalive 1 \
		allowed-ips 10.99.0.12/32,10.20.2.0/24,fd99::12/128,fd20:2::/64
	step 'with a cookie the gateway gets a session with it' poll_until 40 has_handshake 2
	step 'the cookie was taken, then the response' more_than accepted $((accepted + 1))
	end_flood
	step 'site 2 can be reached' pings lan 10.20.2.1
}

add_usual_peers
scenario 'the main lcore does handshakes' 0@0,1@1
scenario 'an lcore for handshakes' 0@0,1@1,2@0 --handshake-lcores 2
