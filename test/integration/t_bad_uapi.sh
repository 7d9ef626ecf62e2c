#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What is wrong on the UAPI socket gets an errno and changes nothing.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
add_usual_peers
start_gateway
key=$(public_key site1 | base64 -d | od -An -v -tx1 | tr -d ' \n')

uapi() {
	printf '%b' "$1" | python3 "$TG_ROOT/test/integration/uapi.py" "$TG_UAPI/$TG_TUN.sock"
}

state() {
	uapi 'get=1\n\n' | grep -v -e handshake -e bytes | sort
}

# refused TEXT: the answer is an errno other than 0, and the state is as before.
refused() {
	local answer
	answer=$(uapi "set=1\n$1\n\n")
	expect_match answer '^errno=-?[1-9][0-9]*$' "$answer"
	expect_equal state "$before" "$(state)"
}

# cut_short TEXT: the connection ends in the middle; there may be no answer, and no change.
cut_short() {
	uapi "$1" || true
	expect_equal state "$before" "$(state)"
}

twice() {
	expect_equal 'two operations' 2 "$(uapi 'get=1\n\nget=1\n\n' | grep -c 'errno=0')"
}

before=$(state)
step 'get' expect_match state 'errno=0' "$before"
step 'two operations on one connection' twice
step 'unknown key' refused 'colour=green'
step 'no equals sign' refused 'listen_port'
step 'empty value' refused 'listen_port='
step 'port' refused 'listen_port=65536'
step 'port with a tail' refused 'listen_port=1x'
step 'private key: short' refused "private_key=${key#??}"
step 'private key: not hex' refused "private_key=zz${key#??}"
step 'fwmark' refused 'fwmark=x'
step 'replace_peers' refused 'replace_peers=maybe'
step 'public key: long' refused "public_key=${key}00"
step 'peer key before any peer' refused 'allowed_ip=10.0.0.0/8'
step 'preshared key' refused "public_key=$key\npreshared_key=00"
step 'allowed IP: length' refused "public_key=$key\nallowed_ip=10.0.0.0/33"
step 'allowed IP: no length' refused "public_key=$key\nallowed_ip=10.0.0.0/"
step 'allowed IP: address' refused "public_key=$key\nallowed_ip=10.0.0/8"
step 'endpoint: no port' refused "public_key=$key\nendpoint=192.0.2.7"
step 'endpoint: bracket' refused "public_key=$key\nendpoint=[2001:db8::1:1"
step 'endpoint: name' refused "public_key=$key\nendpoint=example.org:1"
step 'keepalive' refused "public_key=$key\npersistent_keepalive_interval=65536"
step 'remove' refused "public_key=$key\nremove=false"
step 'protocol version' refused "public_key=$key\nprotocol_version=2"
step 'a good line before a bad one' refused 'listen_port=1234\ncolour=green'
step 'a good peer before a bad one' \
	refused "public_key=${key#??}aa\nallowed_ip=10.9.0.0/16\npublic_key=zz"
step 'neither get nor set' cut_short 'put=1\n\n'
step 'garbage' cut_short '\x01\x02\xff\xfe\n\n'
step 'cut in a key' cut_short 'set=1\nlisten_po'
step 'cut before the blank line' cut_short 'set=1\nlisten_port=1234\n'
step 'a line without end' cut_short "set=1\n$(printf 'a%.0s' $(seq 20000))"
step 'it still answers' uapi 'get=1\n\n'
step 'the gateway ends tidily' stop_gateway
