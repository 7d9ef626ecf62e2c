#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Keys are in guarded memory while they are in use, and nowhere after that.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

# look KEY [guarded]: at all memory of the gateway; see secrets.py.
look() {
	python3 "$TG_ROOT/test/integration/secrets.py" "${TG_PIDS[gw]}" "$TG_DIR/$1.key" "${@:2}"
}

shown() {
	wg show "$TG_TUN" dump >"$TG_DIR/dump"
	grep -q "$(cat "$TG_DIR/gw.key")" "$TG_DIR/dump"
	grep -q "$(cat "$TG_DIR/psk1.key")" "$TG_DIR/dump"
}

other_private_key() {
	new_key other
	wg set "$TG_TUN" private-key "$TG_DIR/other.key"
	wg set "$TG_TUN" peer "$(public_key site1)" preshared-key "$TG_DIR/psk2.key"
}

sites_follow() {
	wg set "$(site_dev 1)" peer "$(public_key gw)" remove
	wg set "$(site_dev 1)" peer "$(public_key other)" preshared-key "$TG_DIR/psk2.key" \
		endpoint "$TG_GW4" allowed-ips 0.0.0.0/0,::/0
}

hex() {
	base64 -d "$TG_DIR/$1.key" | od -An -v -tx1 | tr -d ' \n'
}

refused_operation() {
	printf 'set=1\nprivate_key=%s\npublic_key=%s\npreshared_key=%s\nno_such_key=1\n\n' \
		"$(hex psk3)" "$(hex psk2)" "$(hex psk3)" |
		python3 "$TG_ROOT/test/integration/uapi.py" "$TG_UAPI/$TG_TUN.sock" >"$TG_DIR/answer"
	grep -qx 'errno=-22' "$TG_DIR/answer"
}

make_network
wg genpsk >"$TG_DIR/psk1.key"
wg genpsk >"$TG_DIR/psk2.key"
wg genpsk >"$TG_DIR/psk3.key"
add_peer 1 "PresharedKey = $(cat "$TG_DIR/psk1.key")"
start_gateway
start_site 1 "PresharedKey = $(cat "$TG_DIR/psk1.key")" "Endpoint = $TG_GW4"
step 'a session' site_first
step 'private key' look gw guarded
step 'preshared key' look psk1 guarded
step 'wg shows both' shown
step 'other keys' other_private_key
step 'a session under them' sites_follow
step 'pings' pings site1 10.10.0.2
step 'private key is nowhere' look gw
step 'preshared key is nowhere' look psk1
step 'other private key' look other guarded
step 'other preshared key' look psk2 guarded
step 'an operation that is refused' refused_operation
step 'its key is nowhere' look psk3
step 'the gateway ends tidily' stop_gateway
