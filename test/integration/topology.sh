# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what it sets is for the scenarios
#
# The network of the scenarios:
#
#   lan 10.10.0.2, fd10::2                              site1 192.0.2.11, 2001:db8::11
#        │                                                │   tunnel 10.99.0.11, fd99::11
#   port 0 10.10.0.1, fd10::1   ┌─────────┐               │   behind it 10.20.1.1, fd20:1::1
#        └──────────────────────┤ gateway ├──── bridge ───┤
#                               └─────────┘               │
#             port 1 192.0.2.1, 2001:db8::1             site2 192.0.2.12, 2001:db8::12
#             tunnel 10.99.0.1, fd99::1                       the same with 2
#
# The gateway is tinguard on two net_af_packet ports, the sites are wireguard-go. Sourced by lib.sh.

TG_LCORES=${TG_LCORES:-0@0,1@1}
TG_MIB=${TG_MIB:-512}
TG_VDEVS=(--vdev 'net_af_packet0,iface=veth0' --vdev 'net_af_packet1,iface=veth1')
TG_GW4=192.0.2.1:51820
TG_GW6='[2001:db8::1]:51820'

# A port that DPDK reads is seen by the kernel too; only the twin may answer, so here the kernel
# answers no ARP, knows no IPv6, and drops IPv4 for coming from where no route points to.
silence_port() {
	in_ns gw sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1" "net.ipv4.conf.$1.rp_filter=1"
	ip -n "$(ns gw)" link set "$1" arp off
}

make_network() {
	make_ns gw
	make_ns lan
	make_ns wan
	join lan eth0 gw veth0
	join wan gateway gw veth1
	silence_port veth0
	silence_port veth1
	ip -n "$(ns wan)" link add br0 type bridge mcast_snooping 0
	ip -n "$(ns wan)" link set br0 up
	ip -n "$(ns wan)" link set gateway master br0
	address_lan
	new_key gw
	gateway_interface >"$TG_DIR/gw.conf"
}

# The path MTU of the tunnel is set by hand: 1500 less 80.
address_lan() {
	local lan
	lan=$(ns lan)
	ip -n "$lan" addr add 10.10.0.2/24 dev eth0
	ip -n "$lan" addr add fd10::2/64 dev eth0 nodad
	ip -n "$lan" route add 10.20.0.0/16 via 10.10.0.1 mtu 1420
	ip -n "$lan" route add 10.99.0.0/24 via 10.10.0.1 mtu 1420
	ip -n "$lan" route add fd20::/16 via fd10::1 mtu 1420
	ip -n "$lan" route add fd99::/64 via fd10::1 mtu 1420
}

# Gateway ------------------------------------------------------------------------------------

gateway_interface() {
	printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n' "$(cat "$TG_DIR/gw.key")"
}

# gateway_peer N [LINE...]: site N as a [Peer] section of the gateway's file, with more lines.
gateway_peer() {
	printf '\n[Peer]\nPublicKey = %s\n' "$(public_key "site$1")"
	printf 'AllowedIPs = 10.99.0.1%s/32, 10.20.%s.0/24, fd99::1%s/128, fd20:%s::/64\n' \
		"$1" "$1" "$1" "$1"
	if [ $# -gt 1 ]; then
		printf '%s\n' "${@:2}"
	fi
}

# add_peer N [LINE...]: makes site N's key where it has none, and appends it to the gateway's file.
add_peer() {
	[ -e "$TG_DIR/site$1.key" ] || new_key "site$1"
	gateway_peer "$@" >>"$TG_DIR/gw.conf"
}

gateway_ready() {
	grep -q '^tinguard: ready' "$TG_DIR/gw.log" || gone "${TG_PIDS[gw]}"
}

launch_gateway() {
	spawn gw gw "$TG_BIN" --no-huge -m "$TG_MIB" --no-pci --lcores "$TG_LCORES" \
		--file-prefix "$TG_PREFIX" "${TG_VDEVS[@]}" -- \
		--config "$TG_DIR/gw.conf" --tunnel "$TG_TUN" --poll adaptive "$@"
	poll_until 120 gateway_ready
}

# start_gateway [OPTION...]: returns when it is ready and has its addresses and routes.
start_gateway() {
	TG_STEP='the gateway starts'
	launch_gateway "$@"
	grep -q '^tinguard: ready' "$TG_DIR/gw.log"
	address_gateway
}

address_gateway() {
	local gw n
	gw=$(ns gw)
	ip -n "$gw" link set "${TG_TUN}p0" up
	ip -n "$gw" link set "${TG_TUN}p1" up
	ip -n "$gw" link set "$TG_TUN" up
	ip -n "$gw" addr add 10.10.0.1/24 dev "${TG_TUN}p0"
	ip -n "$gw" addr add fd10::1/64 dev "${TG_TUN}p0" nodad
	ip -n "$gw" addr add 192.0.2.1/24 dev "${TG_TUN}p1"
	ip -n "$gw" addr add 2001:db8::1/64 dev "${TG_TUN}p1" nodad
	ip -n "$gw" addr add 10.99.0.1/24 dev "$TG_TUN"
	ip -n "$gw" addr add fd99::1/64 dev "$TG_TUN" nodad
	for n in 1 2; do
		ip -n "$gw" route add "10.20.$n.0/24" dev "$TG_TUN"
		ip -n "$gw" route add "fd20:$n::/64" dev "$TG_TUN"
	done
}

# stop_gateway [SIGNAL]: exit status 0, every mbuf back in the pool, no device and socket left.
stop_gateway() {
	stop gw "$@"
	expect_equal 'exit status' 0 "$TG_STATUS"
	check_mbufs
	check_nothing_left
}

# stop_refused: the gateway has ended by itself, with a status other than 0 and without a signal.
stop_refused() {
	gone "${TG_PIDS[gw]}" || fail 'it runs'
	TG_STATUS=0
	wait "${TG_PIDS[gw]}" || TG_STATUS=$?
	unset 'TG_PIDS[gw]'
	expect_match 'exit status' '^([1-9]|[1-9][0-9]|1[01][0-9])$' "$TG_STATUS"
	check_nothing_left
}

check_mbufs() {
	local line
	line=$(grep -E 'mbufs: total [0-9]+ free [0-9]+' "$TG_DIR/gw.log")
	[[ $line =~ total\ ([0-9]+)\ free\ ([0-9]+) ]]
	expect_equal 'free mbufs at exit' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
}

check_nothing_left() {
	refuse test -e "$TG_UAPI/$TG_TUN.sock"
	expect_equal 'devices left' '' "$(ip -n "$(ns gw)" -o link | grep -o "${TG_TUN}p\?[0-9]*" || true)"
}

# Sites --------------------------------------------------------------------------------------

site_dev() {
	printf 'wg%ss%s' "$TG_RUN" "$1"
}

# site_conf N [LINE...]: the gateway as site N's only peer, with more lines.
site_conf() {
	printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n' "$(cat "$TG_DIR/site$1.key")"
	printf '[Peer]\nPublicKey = %s\nAllowedIPs = 0.0.0.0/0, ::/0\n' "$(public_key gw)"
	if [ $# -gt 1 ]; then
		printf '%s\n' "${@:2}"
	fi
}

make_site() {
	local name=site$1
	make_ns "$name"
	join wan "$name" "$name" eth0
	ip -n "$(ns wan)" link set "$name" master br0
	ip -n "$(ns "$name")" addr add "192.0.2.1$1/24" dev eth0
	ip -n "$(ns "$name")" addr add "2001:db8::1$1/64" dev eth0 nodad
	ip -n "$(ns "$name")" addr add "10.20.$1.1/32" dev lo
	ip -n "$(ns "$name")" addr add "fd20:$1::1/128" dev lo
}

# start_site N [LINE...]: a wireguard-go peer in a namespace of its own on the bridge. Where the
# gateway is to be spoken to first, start that before: wireguard-go repeats only after 5 s.
start_site() {
	local name=site$1 dev
	TG_STEP="$name starts"
	dev=$(site_dev "$1")
	[ -e "/var/run/netns/$(ns "$name")" ] || make_site "$1"
	spawn "$name" "$name" env LOG_LEVEL=verbose wireguard-go -f "$dev"
	poll_until 10 wg show "$dev"
	site_conf "$@" >"$TG_DIR/$name.conf"
	wg setconf "$dev" "$TG_DIR/$name.conf"
	address_site "$1" "$dev"
}

address_site() {
	local space
	space=$(ns "site$1")
	ip -n "$space" addr add "10.99.0.1$1/24" dev "$2"
	ip -n "$space" addr add "fd99::1$1/64" dev "$2" nodad
	ip -n "$space" link set "$2" mtu 1420 up
	ip -n "$space" route add 10.10.0.0/24 dev "$2"
	ip -n "$space" route add 10.20.0.0/16 dev "$2"
	ip -n "$space" route add fd10::/64 dev "$2"
	ip -n "$space" route add fd20::/16 dev "$2"
}

# Site 1 knows where the gateway is; the gateway knows where site 2 is.
add_usual_peers() {
	add_peer 1
	add_peer 2 'Endpoint = 192.0.2.12:51820'
}

start_usual_sites() {
	start_site 1 "Endpoint = $TG_GW4"
	start_site 2
}

# start_usual_network: all of the above.
start_usual_network() {
	make_network
	add_usual_peers
	start_gateway
	start_usual_sites
}
