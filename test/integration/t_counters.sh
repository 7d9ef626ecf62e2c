#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What `wg show` counts: both ends agree to the byte, and ten pings are what ten pings weigh.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
add_peer 1
start_gateway

# Of the site's only peer.
site_transfer() {
	wg show "$(site_dev 1)" transfer | cut -f "$1"
}

both_agree() {
	[ "$(peer_field 1 6)" = "$(site_transfer 3)" ] && [ "$(peer_field 1 7)" = "$(site_transfer 2)" ]
}

# 84 bytes are padded to 96, with 32 of WireGuard's. A keepalive of 32 may come in between.
grew_by_ten_pings() {
	local more=$(($2 - $1 - 10 * 128))
	[[ $more =~ ^(0|32|64)$ ]] || fail "$(($2 - $1)) bytes more"
}

ten_pings() {
	in_ns site1 ping -q -n -c 10 -i 0.05 -W 7 10.10.0.2
}

step 'no handshake yet' expect_equal 'latest handshake' 0 "$(peer_field 1 5)"
step 'nothing received' expect_equal received 0 "$(peer_field 1 6)"
step 'nothing sent' expect_equal sent 0 "$(peer_field 1 7)"
start=$(date +%s)
start_site 1 "Endpoint = $TG_GW4"
step 'a session with site 1' site_first
step 'the handshake is dated' \
	test "$(peer_field 1 5)" -ge "$start" -a "$(peer_field 1 5)" -le "$(date +%s)"
step 'both ends agree' poll_until 15 both_agree
received=$(peer_field 1 6)
sent=$(peer_field 1 7)
step 'ten pings' ten_pings
step 'both ends agree' poll_until 15 both_agree
step 'received: ten pings' grew_by_ten_pings "$received" "$(peer_field 1 6)"
step 'sent: ten pings' grew_by_ten_pings "$sent" "$(peer_field 1 7)"
step 'the gateway ends tidily' stop_gateway
