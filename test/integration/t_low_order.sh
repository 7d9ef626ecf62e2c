#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A public key of low order would make a secret that everybody knows: to such a peer nothing is sent.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network

# The points of small order of Curve25519 and their other encodings.
points=(
	AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
	AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
	4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=
	X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=
	7P///////////////////////////////////////38=
	7f///////////////////////////////////////38=
	7v///////////////////////////////////////38=
)

add_all() {
	local point i=0
	for point in "${points[@]}"; do
		wg set "$TG_TUN" peer "$point" persistent-keepalive 1 \
			endpoint 192.0.2.12:1111 allowed-ips "10.66.$((i++)).0/24"
	done
}

poke_all() {
	local i
	ip -n "$(ns gw)" route add 10.66.0.0/16 dev "$TG_TUN"
	ip -n "$(ns lan)" route add 10.66.0.0/16 via 10.10.0.1
	for i in 0 1 2 3 4 5 6; do
		in_ns lan ping -n -c 1 -W 0.3 "10.66.$i.1" || true
	done
}

step 'site 2 has a session' pings lan 10.20.2.1
capture site2 eth0 'udp dst port 1111'
step 'seven peers with keys of low order' add_all
step 'packets for each' poke_all
step 'two keepalive intervals' sleep 2
step 'nothing was sent' expect_captured 0
step 'site 2 is not harmed' pings lan 10.20.2.1
step 'the gateway ends tidily' stop_gateway
