#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# With --user: no thread is root's or can do more than it has to, and all goes on as before.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

USER_ID=$(id -u nobody)
GROUP_ID=$(id -g nobody)
NET_ADMIN=$((1 << 12))
BIND_SERVICE=$((1 << 10))

# threads FIELD: of /proc/PID/task/*/status, but the main one.
threads() {
	local pid=${TG_PIDS[gw]} task
	for task in /proc/"$pid"/task/*; do
		[ "${task##*/}" = "$pid" ] || awk -v field="$1:" '$1 == field' "$task/status"
	done | sort -u
}

main_thread() {
	awk -v field="$1:" '$1 == field' "/proc/${TG_PIDS[gw]}/status"
}

# expect_threads FIELD VALUE...: of the main thread and of all others.
expect_threads() {
	local value
	value=$(printf '%s:' "$1"
		printf '\t%s' "${@:2}")
	expect_equal "main thread" "$value" "$(main_thread "$1")"
	expect_equal "other threads" "$value" "$(threads "$1")"
}

# Lcore, interrupts, telemetry, the channel to other processes.
there_are_threads() {
	[ "$(find "/proc/${TG_PIDS[gw]}/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 4 ]
}

ids_are() {
	there_are_threads
	expect_threads Uid "$1" "$1" "$1" "$1"
	expect_threads Gid "$2" "$2" "$2" "$2"
}

# capability sets are 16 hexadecimal digits.
capabilities_are_few() {
	local kept none
	kept=$(printf '%016x' $((NET_ADMIN | BIND_SERVICE)))
	none=$(printf '%016x' 0)
	for set in CapEff CapPrm; do
		expect_equal "main thread $set" "$set:	$kept" "$(main_thread "$set")"
		expect_equal "other threads $set" "$set:	$none" "$(threads "$set")"
	done
	expect_threads CapInh "$none"
	expect_threads CapAmb "$none"
}

nothing_is_gained() {
	expect_threads NoNewPrivs 1
	expect_equal 'core dumps' 0 "$(awk '/^Max core file size/ { print $5 }' "/proc/${TG_PIDS[gw]}/limits")"
	# A process that cannot be dumped has its files in /proc owned by root.
	expect_equal 'owner of /proc/PID/environ' 0 "$(stat_owner "/proc/${TG_PIDS[gw]}/environ")"
}

stat_owner() {
	command stat -c %u "$1"
}

peer_by_wg() {
	wg set "$TG_TUN" peer "$(public_key site1)" allowed-ips 10.99.0.11/32
	refuse pings lan 10.20.1.1 -W 1
	wg set "$TG_TUN" peer "$(public_key site1)" \
		allowed-ips 10.99.0.11/32,10.20.1.0/24,fd99::11/128,fd20:1::/64
	pings lan 10.20.1.1
}

low_port_by_wg() {
	wg set "$TG_TUN" listen-port 500
	expect_equal 'port' 500 "$(wg show "$TG_TUN" listen-port)"
	wg set "$TG_TUN" listen-port 51820
}

neighbours_by_rtnetlink() {
	ip -n "$(ns gw)" neigh flush dev "${TG_TUN}p0"
	pings site1 10.10.0.2
}

mtu_by_ip() {
	ip -n "$(ns gw)" link set "${TG_TUN}p0" mtu 1400
	poll_until 3 port_mtu_is 1400
	ip -n "$(ns gw)" link set "${TG_TUN}p0" mtu 1500
	poll_until 3 port_mtu_is 1500
}

port_mtu_is() {
	ip -n "$(ns gw)" link show veth0 | grep -q "mtu $1 "
}

routes_by_ip() {
	ip -n "$(ns gw)" route del 10.20.1.0/24 dev "$TG_TUN"
	refuse pings lan 10.20.1.1 -W 1
	ip -n "$(ns gw)" route add 10.20.1.0/24 dev "$TG_TUN"
	pings lan 10.20.1.1
}

is_refused() {
	launch_gateway --user "$1"
	stop_refused
	grep -q "^tinguard: --user: \`$1' $2" "$TG_DIR/gw.log"
}

make_network
add_usual_peers
start_gateway
step 'without --user: root, with two capabilities in one thread' ids_are 0 0
step 'capabilities' capabilities_are_few
step 'nothing is to be gained' nothing_is_gained
step 'the gateway ends tidily' stop_gateway

step 'a user that is not there' is_refused nosuchuser 'is not a user of this system'
step 'a group that is not there' is_refused nobody:nosuchgroup 'names a group that this system has not'
step 'root' is_refused root 'is root'
step 'no name' is_refused ':nogroup' 'is not NAME or NAME:GROUP'

start_gateway --user nobody
start_usual_sites
step 'all threads are the user' ids_are "$USER_ID" "$GROUP_ID"
step 'capabilities of the user' capabilities_are_few
step 'nothing is to be gained by the user' nothing_is_gained
every_path
step 'wg set' peer_by_wg
step 'wg set listen-port below 1024' low_port_by_wg
step 'neighbours' neighbours_by_rtnetlink
step 'ip link set mtu' mtu_by_ip
step 'ip route' routes_by_ip
step 'telemetry answers' stat in
step 'the gateway ends tidily as that user' stop_gateway

launch_gateway --user nobody:daemon
GROUP_ID=$(getent group daemon | cut -d: -f3)
step 'the same once more, with a group' ids_are "$USER_ID" "$GROUP_ID"
step 'telemetry answers again' stat in
step 'the gateway ends tidily again' stop_gateway
