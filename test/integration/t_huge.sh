#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Configurations that do not fit into one message: many allowed IPs, many peers, and both.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
start_gateway

# configuration PEERS NETS_A NETS_B V6: each peer has NETS_A * NETS_B networks of IPv4, or twice that.
configuration() {
	python3 - "$@" "$(cat "$TG_DIR/gw.key")" <<-'END'
		import base64, os, sys
		peers, nets_a, nets_b, v6 = map(int, sys.argv[1:5])
		print(f"[Interface]\nPrivateKey = {sys.argv[5]}")
		for peer in range(peers):
		    print(f"[Peer]\nPublicKey = {base64.b64encode(os.urandom(32)).decode()}")
		    for a in range(nets_a):
		        for b in range(nets_b):
		            print(f"AllowedIPs = {1 + a + peer}.{b}.0.0/16")
		            if v6:
		                print(f"AllowedIPs = {1 + a + peer:x}::{b:x}/128")
	END
}

# has PEERS NETWORKS_EACH
has() {
	wg show "$TG_TUN" allowed-ips | awk -v peers="$1" -v nets="$2" '
		{ networks = $2 == "(none)" ? 0 : NF - 1 }
		networks != nets { print "a peer has " networks; exit 1 }
		END { if (NR != peers) { print NR " peers"; exit 1 } }'
	wg showconf "$TG_TUN" >/dev/null
}

load() {
	configuration "$@" >"$TG_DIR/huge.conf"
	wg setconf "$TG_TUN" "$TG_DIR/huge.conf"
}

many_in_one_argument() {
	local list
	list=$(printf ',abcd::%x' $(seq 197))
	wg setconf "$TG_TUN" "$TG_DIR/gw.conf"
	new_key site1
	new_key site2
	wg set "$TG_TUN" peer "$(public_key site1)"
	wg set "$TG_TUN" peer "$(public_key site2)" allowed-ips "${list#,}"
	expect_equal 'networks of site 1' '(none)' "$(peer_field 1 4)"
	expect_equal 'networks of site 2' 197 "$(peer_field 2 4 | tr , '\n' | wc -l)"
}

step '65280 networks of one peer' load 1 255 256 0
step 'all are there' has 1 65280
step '65280 networks of each family' load 1 255 256 1
step 'all are there' has 1 130560
step '40 peers of 52 networks' load 40 1 52 0
step 'all are there' has 40 52
step '30 peers without networks' load 30 0 0 0
step 'all are there' has 30 0
step '197 networks in one argument' many_in_one_argument
step 'another device is refused' refuse wg show doesnotexist
step 'the gateway ends tidily' stop_gateway
