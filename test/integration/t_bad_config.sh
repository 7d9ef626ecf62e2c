#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A configuration that is wrong is refused whole: file, line and value are named, nothing is left.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
new_key site1
new_key site2
key=$(public_key site1)
key2=$(public_key site2)

# refused LINE VALUE TEXT: the file is TEXT; the message names LINE of it and VALUE.
refused() {
	printf '%b' "$3" >"$TG_DIR/gw.conf"
	launch_gateway
	stop_refused
	expect_match message "gw\.conf:$1" "$(cat "$TG_DIR/gw.log")"
	grep -qF -- "$2" "$TG_DIR/gw.log" || fail "'$2' is not named in: $(cat "$TG_DIR/gw.log")"
}

# refused_secret LINE KEY SECRET TEXT: as above, but the value is nobody's business.
refused_secret() {
	refused "$1" "$2" "$4"
	refuse grep -qF -- "$3" "$TG_DIR/gw.log"
}

interface="[Interface]\nPrivateKey = $(cat "$TG_DIR/gw.key")\nListenPort = 51820\n"
peer="${interface}[Peer]\nPublicKey = $key\n"

step 'unknown key' refused 4 Colour "${interface}Colour = green\n"
step 'unknown section' refused 4 '[Pear]' "${interface}[Pear]\n"
step 'key before any section' refused 1 'before the first section' 'ListenPort = 51820\n'
step 'key of the other section' refused 4 Endpoint "${interface}Endpoint = 192.0.2.7:1\n"
step 'no equals sign' refused 4 'KEY = VALUE' "${interface}ListenPort 51820\n"
step 'no value' refused 3 ListenPort "${interface%ListenPort*}ListenPort =\n"
step 'private key: not base64' refused_secret 2 PrivateKey 'not*a*key' \
	'[Interface]\nPrivateKey = not*a*key\n'
step 'public key: a character short' refused 5 "${key#?}" "${interface}[Peer]\nPublicKey = ${key#?}\n"
step 'public key: a character more' refused 5 "${key}A" "${interface}[Peer]\nPublicKey = ${key}A\n"
step 'preshared key: words' refused_secret 6 PresharedKey opensesame \
	"${peer}PresharedKey = opensesame\n"
step 'port: too large' refused 3 65536 "${interface%ListenPort*}ListenPort = 65536\n"
step 'port: negative' refused 3 -1 "${interface%ListenPort*}ListenPort = -1\n"
step 'port: with a tail' refused 3 51820x "${interface%ListenPort*}ListenPort = 51820x\n"
step 'fwmark' refused 4 0xzz "${interface}FwMark = 0xzz\n"
step 'allowed IPs: IPv4 length' refused 6 10.0.0.0/33 "${peer}AllowedIPs = 10.0.0.0/33\n"
step 'allowed IPs: IPv6 length' refused 6 fd00::/129 "${peer}AllowedIPs = fd00::/129\n"
step 'allowed IPs: octet' refused 6 10.0.0.256/32 "${peer}AllowedIPs = 10.0.0.256/32\n"
step 'allowed IPs: second of a list' refused 6 10.1/x "${peer}AllowedIPs = 10.0.0.0/8, 10.1/x\n"
step 'endpoint: no port' refused 6 192.0.2.7 "${peer}Endpoint = 192.0.2.7\n"
step 'endpoint: port 0x1' refused 6 192.0.2.7:0x1 "${peer}Endpoint = 192.0.2.7:0x1\n"
step 'endpoint: open bracket' refused 6 '[2001:db8::1:51820' \
	"${peer}Endpoint = [2001:db8::1:51820\n"
step 'keepalive' refused 6 65536 "${peer}PersistentKeepalive = 65536\n"
step 'weight 0' refused 6 "\`0'" "${peer}Weight = 0\n"
step 'weight: word' refused 6 heavy "${peer}Weight = heavy\n"
step 'peer without a key' refused 4 PublicKey "${interface}[Peer]\nAllowedIPs = 10.0.0.0/8\n"
step 'the same peer twice' refused 7 'line 5' "${peer}[Peer]\nPublicKey = $key\n"
step 'an error in the second peer' refused 8 10.2.0.0/64 \
	"${peer}[Peer]\nPublicKey = $key2\nAllowedIPs = 10.2.0.0/64\n"

no_such_file() {
	rm "$TG_DIR/gw.conf"
	launch_gateway
	stop_refused
	grep -qF "$TG_DIR/gw.conf" "$TG_DIR/gw.log"
}

# not_taken TEXT [OPTION...]: the file is right, and cannot be had.
not_taken() {
	printf '%b[Peer]\nPublicKey = %s\n' "$peer" "$key2" >"$TG_DIR/gw.conf"
	launch_gateway "${@:2}"
	stop_refused
	grep -qF -- "gw.conf: $1" "$TG_DIR/gw.log" || fail "'$1' is not in: $(cat "$TG_DIR/gw.log")"
}

port_is_open() {
	in_ns gw ss -Hlun 'sport = :51820' | grep -q 51820
}

port_is_taken() {
	spawn other gw python3 "$TG_ROOT/test/integration/datagrams.py" receive 0.0.0.0 51820
	poll_until 10 port_is_open
	not_taken 'ListenPort 51820: Address already in use'
	stop other
}

# Comments, blanks and case are free, as wg(8) says.
accepted() {
	printf '# a comment\n\n [interface] # more\nprivatekey=%s\nLISTENPORT\t=  51820\n' \
		"$(cat "$TG_DIR/gw.key")" >"$TG_DIR/gw.conf"
	printf '[PEER]\nPublicKey = %s\nAllowedIPs = 10.1.0.0/16,10.2.0.0/16\nAllowedIPs = fd00::1\n' \
		"$key" >>"$TG_DIR/gw.conf"
	printf 'PersistentKeepalive = off\nWeight = 3\n' >>"$TG_DIR/gw.conf"
	start_gateway
	expect_equal 'allowed ips' '10.1.0.0/16,10.2.0.0/16,fd00::1/128' \
		"$(peer_field 1 4 | tr ',' '\n' | sort | paste -sd, -)"
}

step 'a port that another has' port_is_taken
step 'more peers than there is room for' not_taken 'more peers than --max-peers 1' --max-peers 1
step 'no such file' no_such_file
step 'a file that is right' accepted
step 'the gateway ends tidily' stop_gateway
