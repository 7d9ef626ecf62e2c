# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What every scenario starts from: namespaces, processes, steps, and an end that leaves nothing
# behind. All names carry $TG_RUN, so that runs do not meet. Sourced, never run.
set -euo pipefail
umask 077

TG_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TG_BIN=${TG_BIN:-$TG_ROOT/build/app/tinguard}
TG_RUN=${TG_RUN:-$$}
TG_TUN=${TG_TUN:-tg$TG_RUN}
TG_PREFIX=${TG_PREFIX:-tinguard-$TG_RUN}
TG_DIR=${TG_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/tinguard-$TG_RUN.XXXXXX")}
TG_UAPI=/var/run/wireguard
TG_STEP=start
declare -A TG_PIDS=()
TG_NS=()

# The end ------------------------------------------------------------------------------------

forget_files() {
	rm -rf "$TG_DIR" "/var/run/dpdk/$TG_PREFIX"
	rm -f "$TG_UAPI/$TG_TUN.sock" "$TG_UAPI/wg$TG_RUN"s*.sock
	rmdir "$TG_UAPI" 2>/dev/null || true
}

kill_all() {
	local pid
	for pid in "${TG_PIDS[@]}"; do
		kill -TERM "$pid" 2>/dev/null || continue
		poll_until 5 gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	TG_PIDS=()
}

show_logs() {
	local log
	for log in "$TG_DIR"/*.log; do
		[ -s "$log" ] || continue
		printf -- '--- %s\n' "${log##*/}"
		tail -n 40 "$log"
	done
}

cleanup() {
	local rc=$? name
	trap - EXIT INT TERM
	set +e
	kill_all
	if [ "$rc" -ne 0 ]; then
		printf 'FAIL %s\n' "$TG_STEP"
		show_logs
	fi
	for name in "${TG_NS[@]}"; do
		ip netns del "$name"
	done
	forget_files
	exit "$rc"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# let_be: ends the script and leaves all running; adopt, in a later one, takes it over.
let_be() {
	trap - EXIT INT TERM
	exit 0
}

adopt() {
	local pid name
	while read -r name; do
		TG_NS+=("$name")
	done < <(ip netns list | awk -v run="tg-$TG_RUN-" 'index($1, run) == 1 { print $1 }')
	[ -e "$TG_DIR/pids" ] || return 0
	while read -r pid; do
		[[ $(ip netns identify "$pid" 2>/dev/null) != "tg-$TG_RUN-"* ]] || TG_PIDS[$pid]=$pid
	done <"$TG_DIR/pids"
}

# Steps --------------------------------------------------------------------------------------

# step TEXT COMMAND...: the scenario ends when the command fails. Its output is shown only then.
# Not to be called in a condition: the shell would ignore failures inside COMMAND.
step() {
	TG_STEP=$1
	shift
	"$@" >"$TG_DIR/step.log" 2>&1
	printf 'ok   %s\n' "$TG_STEP"
	: >"$TG_DIR/step.log"
	TG_STEP="after: $TG_STEP"
}

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# refuse COMMAND...: succeeds when the command fails.
refuse() {
	if "$@"; then
		fail "succeeded, and should not have: $*"
	fi
}

# poll_until SECONDS COMMAND...: repeats the command until it succeeds or the time is over.
poll_until() {
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= end)); then
			fail "in vain: $*"
			return 1
		fi
		sleep 0.05
	done
}

expect_equal() {
	[ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"
}

expect_match() {
	[[ $3 =~ $2 ]] || fail "$1: expected to match '$2', found '$3'"
}

# Namespaces and processes -------------------------------------------------------------------

ns() {
	printf 'tg-%s-%s' "$TG_RUN" "$1"
}

in_ns() {
	ip netns exec "tg-$TG_RUN-$1" "${@:2}"
}

make_ns() {
	local name
	name=$(ns "$1")
	ip netns add "$name"
	TG_NS+=("$name")
	in_ns "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	ip -n "$name" link set lo up
}

# join NS1 DEV1 NS2 DEV2: a veth pair that hands over whole packets with their checksums made.
join() {
	ip -n "$(ns "$1")" link add "$2" type veth peer name "$4" netns "$(ns "$3")"
	in_ns "$1" ethtool -K "$2" tx off rx off gso off tso off gro off >/dev/null
	in_ns "$3" ethtool -K "$4" tx off rx off gso off tso off gro off >/dev/null
	ip -n "$(ns "$1")" link set "$2" up
	ip -n "$(ns "$3")" link set "$4" up
}

# spawn NAME NS COMMAND...: in the background; its output goes to NAME.log, its pid is kept.
spawn() {
	: >"$TG_DIR/$1.log"
	ip netns exec "tg-$TG_RUN-$2" env --default-signal=INT "${@:3}" \
		>"$TG_DIR/$1.log" 2>&1 </dev/null &
	TG_PIDS[$1]=$!
	printf '%s\n' $! >>"$TG_DIR/pids"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# until_gone PID: it has devices and memory to give back to the kernel, which takes a busy machine long.
until_gone() {
	poll_until 60 gone "$1"
}

# stop NAME [SIGNAL]: ends what spawn started; the exit status is in $TG_STATUS.
stop() {
	local pid=${TG_PIDS[$1]}
	kill -"${2:-TERM}" "$pid"
	until_gone "$pid"
	TG_STATUS=0
	wait "$pid" || TG_STATUS=$?
	unset "TG_PIDS[$1]"
}

new_key() {
	wg genkey >"$TG_DIR/$1.key"
	wg pubkey <"$TG_DIR/$1.key" >"$TG_DIR/$1.pub"
}

public_key() {
	cat "$TG_DIR/$1.pub"
}

# shellcheck source=test/integration/topology.sh
source "$TG_ROOT/test/integration/topology.sh"
# shellcheck source=test/integration/checks.sh
source "$TG_ROOT/test/integration/checks.sh"
