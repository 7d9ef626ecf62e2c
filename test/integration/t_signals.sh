#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# SIGTERM and SIGINT under traffic; a new start after each, also after a kill that left the socket. The
# end when somebody deletes one of its devices. SIGHUP, SIGPIPE, and no standard files.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_usual_network

traffic() {
	spawn flood site1 ping -n -f -s 1392 10.10.0.2
	poll_until 10 more_than_a_megabyte
}

more_than_a_megabyte() {
	[ "$(peer_field 1 6)" -gt 1000000 ]
}

# The site's session ends with the gateway: it begins anew.
restart() {
	stop flood
	stop site1
	start_gateway
	start_site 1 "Endpoint = $TG_GW4"
}

killed() {
	stop gw KILL
	test -e "$TG_UAPI/$TG_TUN.sock"
}

# without DEVICE MESSAGE: of no use any more, so it ends, and says why.
without() {
	ip -n "$(ns gw)" link del "$1"
	until_gone "${TG_PIDS[gw]}"
	stop_refused
	grep -qx "tinguard: $2" "$TG_DIR/gw.log"
	check_mbufs
}

# What is said goes into a pipe that nobody reads any more.
unread() {
	mkfifo "$TG_DIR/pipe"
	cat "$TG_DIR/pipe" >/dev/null &
	TG_PIDS[reader]=$!
	spawn gw gw bash -c 'exec "$@" >"$0" 2>&1' "$TG_DIR/pipe" "$TG_BIN" --no-huge -m 512 --no-pci \
		--lcores "$TG_LCORES" --file-prefix "$TG_PREFIX" "${TG_VDEVS[@]}" -- \
		--tunnel "$TG_TUN" --poll adaptive
	poll_until 30 wg show "$TG_TUN"
	kill "${TG_PIDS[reader]}"
	wait "${TG_PIDS[reader]}" || true
	unset 'TG_PIDS[reader]'
	ip -n "$(ns gw)" link set "${TG_TUN}p0" mtu 9000
	sleep 0.5
	wg show "$TG_TUN"
	stop gw
	expect_equal 'exit status' 0 "$TG_STATUS"
	check_nothing_left
}

# launch_by COMMAND...: the command becomes, or starts, a gateway that needs no configuration.
launch_by() {
	spawn gw gw "$@" "$TG_BIN" --no-huge -m 512 --no-pci --lcores "$TG_LCORES" \
		--file-prefix "$TG_PREFIX" "${TG_VDEVS[@]}" -- --tunnel "$TG_TUN" --poll adaptive
	poll_until 30 grep -q '^tinguard: ready' "$TG_DIR/gw.log"
}

# A service has no terminal: who sends this wants files to be read again, and no end.
hangup_of_a_service() {
	launch_by setsid
	kill -HUP "${TG_PIDS[gw]}"
	poll_until 10 grep -q '^tinguard: SIGHUP: goes on' "$TG_DIR/gw.log"
	wg show "$TG_TUN"
	stop_gateway
}

# on_a_terminal [COMMAND...]: whose end is that of the process `terminal'.
on_a_terminal() {
	launch_by python3 -c 'import os, pty, sys
log = os.dup(1)
if pty.fork()[0] == 0:
	os.dup2(log, 1)
	os.execvp(sys.argv[1], sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))' "$@"
	TG_PIDS[terminal]=${TG_PIDS[gw]}
	TG_PIDS[gw]=$(pgrep -P "${TG_PIDS[terminal]}")
}

terminal_goes() {
	on_a_terminal
	stop terminal KILL
	until_gone "${TG_PIDS[gw]}"
	unset 'TG_PIDS[gw]'
	check_mbufs
	check_nothing_left
}

# By the kernel, by its shell, and by the kernel again when that has ended.
terminal_goes_on_and_on() {
	on_a_terminal
	while kill -HUP "${TG_PIDS[gw]}" 2>/dev/null; do
		:
	done
	unset 'TG_PIDS[gw]'
	wait "${TG_PIDS[terminal]}"
	unset 'TG_PIDS[terminal]'
	check_mbufs
	check_nothing_left
}

terminal_goes_without_us() {
	on_a_terminal nohup
	stop terminal KILL
	sleep 1
	wg show "$TG_TUN"
	kill "${TG_PIDS[gw]}"
	until_gone "${TG_PIDS[gw]}"
	unset 'TG_PIDS[gw]'
	check_nothing_left
}

# As some that start daemons do: a table or a device in their place would be written to.
closed() {
	spawn gw gw bash -c 'exec "$@" <&- >&- 2>&-' bash "$TG_BIN" --no-huge -m 512 --no-pci \
		--lcores "$TG_LCORES" --file-prefix "$TG_PREFIX" "${TG_VDEVS[@]}" -- \
		--tunnel "$TG_TUN" --poll adaptive
	poll_until 30 wg show "$TG_TUN"
	for fd in 0 1 2; do
		expect_equal "descriptor $fd" /dev/null "$(readlink "/proc/${TG_PIDS[gw]}/fd/$fd")"
	done
	stop gw
	expect_equal 'exit status' 0 "$TG_STATUS"
	check_nothing_left
}

step 'a session' site_first
traffic
step 'SIGTERM under traffic' stop_gateway TERM
restart
step 'a session after a new start' site_first
traffic
step 'SIGINT under traffic' stop_gateway INT
restart
step 'a session after a new start' site_first
traffic
step 'SIGKILL leaves the socket' killed
restart
step 'a session after a new start' site_first
traffic
step 'a twin is deleted under traffic' without "${TG_TUN}p0" 'the twin of port 0 was deleted'
restart
step 'a session after a new start' site_first
traffic
step 'the tunnel device is deleted under traffic' without "$TG_TUN" 'the tunnel device was deleted'
restart
step 'a session after a new start' site_first
step 'the gateway ends tidily' stop_gateway
step 'SIGHUP to a service' hangup_of_a_service
step 'the terminal goes' terminal_goes
step 'the terminal goes, and says so again and again' terminal_goes_on_and_on
step 'the terminal goes, after nohup' terminal_goes_without_us
step 'nobody reads what it says' unread
step 'standard files are closed' closed
