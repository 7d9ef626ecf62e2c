#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Measures for scripts/experiment: every scenario in every mode, in turns, into
# $EXP_DIR/data/RUN/SCENARIO/MODE. The network is that of test/integration/topology.sh with 17
# sites, each a wireguard-go of its own: they are cheap while little goes to each. Between them and
# the gateway is a wire of 20 ms: TCP over none has no window to speak of, and loses a lot at any
# queue. CPU 1 is for the gateway's worker alone, CPU 0 for everything else.
# shellcheck source=test/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"

PEERS=16
PROBED=17 # the peer that only the probe goes to
CPU_OF_REST=0
DELAY_MS=20
DELAY_BIN=${TG_BIN%/app/tinguard}/test/experiment/tinguard-delay

declare -A MODES=(
	[fifo]='--queue fifo'
	[dequeue]='--encrypt-at dequeue'
	[enqueue]='--encrypt-at enqueue'
)
MODE_ORDER=(fifo dequeue enqueue)

# The network ----------------------------------------------------------------------------------

# Real-time priority, or what comes next where that is not allowed.
PROMPT=(chrt -f 1)
if ! "${PROMPT[@]}" true 2>/dev/null; then
	PROMPT=(nice -n -15)
	printf 'no real-time priority here: the probe waits for the load, which counts as the gateway'\''s\n'
fi

# all_nice NAME N: each thread of it.
all_nice() {
	local task
	for task in "/proc/${TG_PIDS[$1]}/task"/*; do
		renice -n "$2" -p "${task##*/}" >/dev/null 2>&1 || true
	done
}

# promptly NAME: what the probe goes through outside the gateway does not wait for the load on its
# CPU. Its own share of that is a few percent.
promptly() {
	chrt -a -f -p 1 "${TG_PIDS[$1]}" 2>/dev/null || all_nice "$1" -15
}

make_wire() {
	local wan
	wan=$(ns wan)
	ip -n "$wan" link set gateway nomaster
	join wan far wan bridged
	ip -n "$wan" link set bridged master br0
	in_ns wan sysctl -qw net.ipv6.conf.gateway.disable_ipv6=1 net.ipv6.conf.far.disable_ipv6=1
	spawn delay wan "$DELAY_BIN" gateway far "$DELAY_MS"
	promptly delay
}

# receive_elsewhere NS DEV: else the kernel receives what the gateway sends on the worker's CPU, when
# ksoftirqd gets it.
receive_elsewhere() {
	in_ns "$1" sh -ec "for q in /sys/class/net/$2/queues/rx-*; do
		printf %x $((1 << CPU_OF_REST)) >\$q/rps_cpus
	done" 2>/dev/null ||
		printf 'no RPS here: %s of %s is received on any CPU, also the worker'\''s\n' "$2" "$1"
}

# serve NAME PORT: an iperf3 server that reports in JSON.
serve() {
	spawn "iperf-$1-$2" "$1" iperf3 -s -J -p "$2"
	poll_until 10 listens "$1" "$2"
}

make_sites() {
	local n
	make_network
	make_wire
	receive_elsewhere lan eth0
	receive_elsewhere wan gateway
	# A window that only some implementations have, where the queue reorders most.
	add_peer 1 'Endpoint = 192.0.2.11:51820' 'ReplayWindow = 1023'
	for ((n = 2; n <= PROBED; n++)); do
		add_peer "$n" "Endpoint = 192.0.2.1$n:51820"
	done
	for ((n = 1; n <= PROBED; n++)); do
		start_site "$n"
		serve "site$n" 5201
		serve "site$n" 5202
	done
	promptly "site$PROBED"
}

# The worker shall not wait for others that happen to run on its CPU.
hurry() {
	all_nice gw -20
}

# gateway OPTION...: with a session to each site.
gateway() {
	local n pids=()
	taskset -pc 0-1 $$ >/dev/null
	start_gateway "$@"
	taskset -pc "$CPU_OF_REST" $$ >/dev/null
	hurry
	ip -n "$(ns gw)" route add 10.20.0.0/16 dev "$TG_TUN"
	# The way to the LAN host is not to be found while packets wait.
	in_ns lan ping -n -q -c 1 -W 7 10.10.0.1 >/dev/null
	[ "$scenario" != session ] || return 0
	for ((n = 1; n <= PROBED; n++)); do
		in_ns lan ping -n -q -c 2 -i 0.2 -W 7 "10.20.$n.1" >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
}

# Load and probe -------------------------------------------------------------------------------

# flow NAME ADDRESS PORT [OPTION...]: from the LAN, in the background; NAME.json is the report.
flow() {
	in_ns lan timeout $((EXP_SECONDS + 20)) iperf3 -J --get-server-output --connect-timeout 5000 \
		-i 0.2 -c "$2" -p "$3" -t $((EXP_SECONDS + 3)) "${@:4}" >"$out/$1.json" &
	load+=($!)
}

# tcp NAME SITE PORT [OPTION...]
tcp() {
	flow "$1" "10.20.$2.1" "${@:3}" -C cubic
}

greedy_peers() {
	local n
	for ((n = 1; n <= $1; n++)); do
		tcp "tcp$n" "$n" 5201
	done
}

# probe NAME SECONDS SITE: a line for each that came back.
probe() {
	in_ns lan "${PROMPT[@]}" ping -n -i 0.005 -c $(($2 * 200)) -W 2 "10.20.$3.1" >"$out/$1.txt" || true
}

# record SITE: what comes to the site's port, the headers of it.
record() {
	spawn record "$1" tcpdump -Z root --immediate-mode -U -n -s 96 -i eth0 -w "$TG_DIR/record.pcap" \
		'udp and src 192.0.2.1'
	poll_until 10 grep -q 'listening on' "$TG_DIR/record.log"
}

# end_record: how far the counters of messages were behind the newest.
end_record() {
	stop record INT
	"$TG_ROOT/test/experiment/behind.py" "$TG_DIR/record.pcap" >"$out/behind.json"
	rm "$TG_DIR/record.pcap"
}

# under_load COMMAND...: the command starts the load; the probe runs in the middle of it.
under_load() {
	load=()
	probe idle 2 "$PROBED"
	"$@"
	sleep 2
	probe probe "$EXP_SECONDS" "$PROBED"
	wait "${load[@]}" || true
}

# Scenarios ------------------------------------------------------------------------------------

# 8 flows to one peer. What comes there shows how far the queue has reordered it.
link() {
	gateway --shape "1=$1mbit" "${@:2}"
	record site1
	under_load tcp tcp1 1 5201 -P 8
	end_record
}

link10() { link 10 "$@"; }
link50() { link 50 "$@"; }
link200() { link 200 "$@"; }

# A flow to each of 16 peers, and a cipher that takes twice the time of all the rest.
cpu() {
	gateway --crypto-delay "$EXP_DELAY" "$@"
	under_load greedy_peers "$PEERS"
}

calm() {
	gateway --shape 1=50mbit "$@"
	under_load greedy_peers "$PEERS"
}

# The same, but peer 16 is sent UDP at ten times the rate.
with_flood() {
	greedy_peers $((PEERS - 1))
	flow flood "10.99.0.1$PEERS" 5201 -u -b 500M -l 1360
}

flood() {
	gateway --shape 1=50mbit "$@"
	record "site$PEERS"
	under_load with_flood
	end_record
}

# Best effort, bulk, video and voice, up and down at once.
four_classes_each_way() {
	local class
	for class in 0 8 40 46; do
		tcp "down$class" $((class % 7 + 1)) 5201 --dscp "$class"
		tcp "up$class" $((class % 7 + 1)) 5202 --dscp "$class" -R
	done
}

rrul() {
	gateway --shape 0=50mbit --shape 1=50mbit "$@"
	under_load four_classes_each_way
}

# 100 packets at once to a peer without a session.
session() {
	gateway "$@"
	in_ns lan ping -n -l 100 -c 100 -W 7 10.20.1.1 >"$out/probe.txt" || true
}

# All of it ------------------------------------------------------------------------------------

measure() {
	out=$EXP_DIR/data/$run/$scenario/$mode
	mkdir -p "$out"
	# shellcheck disable=SC2086 # options
	"$scenario" ${MODES[$mode]}
	stop_gateway
	cp "$TG_DIR/gw.log" "$out/gw.log"
	printf '%s: run %s, %s, %s\n' "$(date +%T)" "$run" "$scenario" "$mode"
}

# The cycles that the cipher has to take so that it takes twice what the rest does for a packet.
calibrate() {
	local hz
	run=0 mode=enqueue scenario=cpu EXP_DELAY=0
	measure
	hz=$(awk '/MHz/ { print $4 * 1000000; exit }' /proc/cpuinfo)
	EXP_DELAY=$(awk -v hz="$hz" -v s=$((EXP_SECONDS + 3)) \
		'/sealed/ { n += $3 + $5 } END { printf "%d", 2 * hz * s / n }' "$out/gw.log")
	printf '%s\n' "$EXP_DELAY" >"$EXP_DIR/data/delay"
	printf 'the cipher is slowed by %s cycles for each packet in scenario cpu\n' "$EXP_DELAY"
}

taskset -pc "$CPU_OF_REST" $$ >/dev/null
make_sites
[[ " $EXP_SCENARIOS " != *' cpu '* || -n $EXP_DELAY ]] || calibrate
for ((run = 1; run <= EXP_RUNS; run++)); do
	for scenario in $EXP_SCENARIOS; do
		for mode in "${MODE_ORDER[@]}"; do
			measure
		done
	done
done
