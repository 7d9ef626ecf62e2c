#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The command line: what cannot work is refused by name, before anything is made.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
ports=("${TG_VDEVS[@]}")

# refused VALUE LCORES [OPTION...]: the message names VALUE.
refused() {
	TG_LCORES=$2
	launch_gateway "${@:3}"
	stop_refused
	grep -qF -- "$1" "$TG_DIR/gw.log" || fail "'$1' is not named in: $(cat "$TG_DIR/gw.log")"
}

help() {
	in_ns gw "$TG_BIN" --help >"$TG_DIR/help"
	grep -q -- --lcores "$TG_DIR/help"
	grep -q -- --crypto-lcores "$TG_DIR/help"
	grep -q -- --config "$TG_DIR/help"
}

before_eals_end() {
	refuse in_ns gw "$TG_BIN" --no-pci --config "$TG_DIR/gw.conf" >"$TG_DIR/error" 2>&1
	grep -q "^tinguard: .*own options stand behind" "$TG_DIR/error"
}

# Where there is no memory for EAL, and nothing is to be taken from one that runs.
version() {
	expect_match version '^tinguard [0-9]+\.[0-9]+\.[0-9]+$' "$(in_ns gw "$TG_BIN" "$@" 2>&1)"
}

# refused_first VALUE OPTION...: by nobody else, and before EAL says anything.
refused_first() {
	expect_equal message "tinguard: $1" "$(in_ns gw "$TG_BIN" "${@:2}" 2>&1)"
}

stray() {
	TG_VDEVS=(stray)
	refused stray 0@0,1@1
}

without_ports() {
	TG_VDEVS=()
	refused port 0@0,1@1
}

# little_memory MIB MESSAGE [OPTION...]: what it was to be had for, how much, and what to change.
little_memory() {
	TG_MIB=$1
	refused "$2" 0@0,1@1 "${@:3}"
}

step '--help shows both parts' help
step '--version' version --version
step '--version behind --' version -- --version
step 'unknown option, without EAL' refused_first 'unknown option: --colour' -- --colour green
step 'letters, without EAL' refused_first 'unknown option: -x' -- --mss-clamp -xyz
step 'an option of ours among those of EAL' before_eals_end
step 'an argument among those of EAL' stray
TG_VDEVS=("${ports[@]}")
step 'no worker' refused worker 0@0
step 'lcore that EAL does not have' refused 7 0@0,1@1 --rx-lcores 7 --crypto-lcores 1 --tx-lcores 1
step 'the main lcore as a worker' refused 0 0@0,1@1 --rx-lcores 0 --crypto-lcores 1 --tx-lcores 1
step 'no crypto lcore' refused crypto 0@0,1@1 --rx-lcores 1 --tx-lcores 1
step 'handshakes on an lcore of packets' refused handshake 0@0,1@1,2@1 \
	--handshake-lcores 1 --rx-lcores 1 --crypto-lcores 2 --tx-lcores 2
step 'handshakes leave no worker' refused handshake 0@0,1@1 --handshake-lcores 1
step 'lcore list: words' refused some 0@0,1@1 --rx-lcores some --crypto-lcores 1 --tx-lcores 1
step 'unknown option' refused --colour 0@0,1@1 --colour green
step 'poll mode' refused lazy 0@0,1@1 --poll lazy
step 'tunnel name: too long' refused tunnel-of-love-1 0@0,1@1 --tunnel tunnel-of-love-1
step 'tunnel name: slash' refused a/b 0@0,1@1 --tunnel a/b
step 'argument left over' refused more 0@0,1@1 more
step 'too little memory for packet buffers' little_memory 64 \
	'packet buffers take 111 MiB or more, and of DPDK'\''s memory, 64 MiB'
step 'too little memory for queues' little_memory 64 \
	'stages, queues and rings take 68 MiB or more' --mbufs 4096 --flows 524288
step 'too little memory for what waits of many peers' little_memory 28 \
	'stages, queues and rings take 10 MiB or more' --mbufs 4096 --max-peers 1048576
TG_MIB=512
step 'no port' without_ports
