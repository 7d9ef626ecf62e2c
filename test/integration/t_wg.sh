#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# wg set, setconf, syncconf and showconf while a session carries traffic.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network
step 'a session with site 1' site_first
step 'a session with site 2' pings lan 10.20.2.1
new_key site3
three=$(public_key site3)
handshakes() {
	wg show "$TG_TUN" latest-handshakes | sort
}
before=$(handshakes)

# 300 pings, 10 ms apart, through all that is done to the other peers.
spawn steady lan ping -n -c 300 -i 0.01 -W 2 10.20.1.1
steady=${TG_PIDS[steady]}

add_and_remove() {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		wg set "$TG_TUN" peer "$three" allowed-ips "10.20.3.0/24,fd20:3::/64" \
			endpoint 192.0.2.13:51820 persistent-keepalive "$i"
		expect_match dump "192.0.2.13:51820.*10.20.3.0/24.*$i" \
			"$(wg show "$TG_TUN" dump | grep "^$three")"
		wg set "$TG_TUN" peer "$three" remove
		refuse grep -q "$three" <(wg show "$TG_TUN" dump)
	done
}

sync_same() {
	wg syncconf "$TG_TUN" "$TG_DIR/gw.conf"
	wg syncconf "$TG_TUN" <(cat "$TG_DIR/gw.conf" && printf '[Peer]\nPublicKey = %s\n' "$three")
	grep -q "$three" <(wg show "$TG_TUN" peers)
	wg syncconf "$TG_TUN" "$TG_DIR/gw.conf"
	refuse grep -q "$three" <(wg show "$TG_TUN" peers)
}

steady_lost_none() {
	poll_until 20 gone "$steady"
	grep -q ' 0% packet loss' "$TG_DIR/steady.log" || {
		tail -n 3 "$TG_DIR/steady.log"
		return 1
	}
}

show_conf() {
	local conf key
	conf=$(wg showconf "$TG_TUN")
	key=$(cat "$TG_DIR/gw.key")
	expect_match showconf 'ListenPort = 51820' "$conf"
	expect_match showconf "PrivateKey = ${key//+/\\+}" "$conf"
	expect_match showconf 'Endpoint = 192.0.2.12:51820' "$conf"
}

own_key() {
	wg set "$TG_TUN" peer "$(public_key gw)" allowed-ips 10.66.0.0/16
	expect_equal peers 2 "$(wg show "$TG_TUN" peers | wc -l)"
}

new_identity() {
	wg genkey >"$TG_DIR/gw.key"
	wg pubkey <"$TG_DIR/gw.key" >"$TG_DIR/gw.pub"
	wg set "$TG_TUN" private-key "$TG_DIR/gw.key"
	expect_equal 'public key' "$(public_key gw)" "$(wg show "$TG_TUN" public-key)"
	wg setconf "$(site_dev 1)" <(site_conf 1 "Endpoint = $TG_GW4")
}

new_port() {
	wg set "$TG_TUN" listen-port 51821
	expect_equal port 51821 "$(wg show "$TG_TUN" listen-port)"
	wg set "$(site_dev 1)" peer "$(public_key gw)" endpoint 192.0.2.1:51821
}

new_configuration() {
	gateway_interface | sed s/51820/51821/
	gateway_peer 1
}

step 'wg show names the tunnel' grep -qw "$TG_TUN" <(wg show interfaces)
step 'peers come and go' add_and_remove
step 'syncconf' sync_same
step 'no session was disturbed' expect_equal handshakes "$before" "$(handshakes)"
step 'no ping was lost' steady_lost_none
step 'showconf' show_conf
step 'its own key as a peer is ignored' own_key
step 'fwmark' wg set "$TG_TUN" fwmark 0x1234
step 'is shown' expect_equal fwmark 0x1234 "$(wg show "$TG_TUN" fwmark)"
step 'fwmark off' wg set "$TG_TUN" fwmark off
step 'another private key' new_identity
step 'site 1 gets a session under it' pings site1 10.10.0.2
step 'another port' new_port
step 'site 1 finds it' pings site1 10.10.0.2
step 'setconf' wg setconf "$TG_TUN" <(new_configuration)
step 'only site 1 is left' expect_equal peers "$(public_key site1)" "$(wg show "$TG_TUN" peers)"
step 'site 1 begins anew' wg setconf "$(site_dev 1)" \
	<(site_conf 1 'Endpoint = 192.0.2.1:51821')
step 'and gets a new session' pings site1 10.10.0.2
step 'the gateway ends tidily' stop_gateway
