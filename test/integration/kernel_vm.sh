# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Sites in a virtual machine under QEMU's software emulation: Debian's kernel with its own
# WireGuard, for where the kernel at hand has none. The kernel's package is unpacked, not installed;
# the download stays in $VM_CACHE. Sourced after lib.sh.
#
# The machine is 192.0.2.11 and 2001:db8::11 on the bridge; each site is a name space in it. Its
# second serial line is a shell: a line in, the output and "status N" back.

VM_CACHE=${VM_CACHE:-$TG_ROOT/build/kernel-vm}
VM_MODULES=(drivers/net/wireguard drivers/net/ethernet/intel/e1000 net/ipv4/udp_tunnel.ko
	net/ipv6/ip6_udp_tunnel.ko lib/crypto arch/x86/crypto)
VM_TOOLS=(bash wg ip ping iperf3)

# Fetching -----------------------------------------------------------------------------------

# need_vm: succeeds at once, saying why, when QEMU or the kernel is not to be had.
need_vm() {
	if ! fetch_all >"$TG_DIR/fetch.log" 2>&1; then
		tail -n 3 "$TG_DIR/fetch.log"
		printf 'skipped: no qemu-system-x86, linux-image-amd64 or busybox-static from apt\n'
		exit 0
	fi
}

fetch_all() {
	command -v qemu-system-x86_64 || apt_get install -y qemu-system-x86 || return 1
	local package
	package=$(apt-cache depends linux-image-amd64 |
		sed -n 's/.*Depends: \(linux-image-[0-9.-]*-amd64\)$/\1/p')
	[ -n "$package" ] && fetch busybox-static && fetch "$package" &&
		unpack busybox-static ./bin/busybox &&
		unpack "$package" './boot/vmlinuz-*' "${VM_MODULES[@]/#/./lib/modules/*/kernel/}" &&
		"$TG_DIR/root/bin/busybox" depmod -b "$TG_DIR/root" "${package#linux-image-}"
}

apt_get() {
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 --no-install-recommends "$@"
}

fetch() {
	mkdir -p "$VM_CACHE/new"
	[ -z "$(ls "$VM_CACHE/$1"_*.deb)" ] || return 0
	(cd "$VM_CACHE/new" && apt_get download "$1" && mv "$1"_*.deb ..)
}

# unpack PACKAGE PATTERN...: those of its files.
unpack() {
	mkdir -p "$TG_DIR/root"
	dpkg-deb --fsys-tarfile "$VM_CACHE/$1"_*.deb | tar -C "$TG_DIR/root" -x --wildcards "${@:2}"
}

# The tools are the host's, with their libraries.
make_initrd() {
	local root=$TG_DIR/root tools
	mapfile -t tools < <(type -P "${VM_TOOLS[@]}")
	printf '%s\n' "${tools[@]}" "$(ldd "${tools[@]}" | grep -o '/[^ :]* ')" | sort -u |
		xargs cp -L --parents -t "$root"
	mkdir -p "$root"/{dev,proc,sys,tmp,run/netns,var/run/wireguard}
	vm_init >"$root/init"
	chmod 755 "$root/init"
	mv "$root"/boot/vmlinuz-* "$TG_DIR/vmlinuz"
	(cd "$root" && find . | bin/busybox cpio -o -H newc 2>"$TG_DIR/cpio.log") >"$TG_DIR/initrd"
}

vm_init() {
	cat <<-'END'
		#!/usr/bin/bash
		/bin/busybox --install -s /bin
		export PATH=/usr/bin:/usr/sbin:/bin WG_COLOR_MODE=never
		mount -t devtmpfs devtmpfs /dev
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t debugfs debugfs /sys/kernel/debug
		modprobe e1000
		modprobe wireguard
		ip link set lo up
		ip addr add 192.0.2.11/24 dev eth0
		ip addr add 2001:db8::11/64 dev eth0 nodad
		ip link set eth0 up
		sysctl -qw net.core.message_cost=0
		echo 'module wireguard +p' >/sys/kernel/debug/dynamic_debug/control
		exec </dev/ttyS1 >/dev/ttyS1 2>&1
		stty raw -echo
		echo status 0
		while IFS= read -r line; do
			(eval "$line") </dev/null
			echo "status $?"
		done
	END
}

# Running ------------------------------------------------------------------------------------

# boot_vm: on the bridge, as an Ethernet card without offloads at this end.
boot_vm() {
	local wan
	wan=$(ns wan)
	TG_STEP='the virtual machine starts'
	make_initrd
	ip -n "$wan" tuntap add vm0 mode tap
	ip -n "$wan" link set vm0 master br0 up
	mkfifo "$TG_DIR/vm.in" "$TG_DIR/vm.out"
	spawn vm wan qemu-system-x86_64 -accel tcg -cpu max -m 256 -nodefaults -nographic -no-reboot \
		-kernel "$TG_DIR/vmlinuz" -initrd "$TG_DIR/initrd" \
		-append 'console=ttyS0 quiet panic=-1' -serial stdio -serial "pipe:$TG_DIR/vm" \
		-netdev tap,id=wan,ifname=vm0,script=no,downscript=no -device e1000,netdev=wan
	exec {VM_IN}<>"$TG_DIR/vm.in" {VM_OUT}<>"$TG_DIR/vm.out"
	vm_answer 120
	poll_until 20 vm 'grep 1 /sys/class/net/eth0/carrier'
}

# vm COMMAND: one line of bash; its output and status.
vm() {
	printf '%s\n' "$1" >&"$VM_IN"
	vm_answer 60
}

vm_answer() {
	local line
	while IFS= read -r -t "$1" line <&"$VM_OUT"; do
		if [[ $line == 'status '* ]]; then
			return "${line#status }"
		fi
		printf '%s\n' "$line"
	done
	fail 'the virtual machine does not answer'
}

# in_vm N COMMAND...: at site N.
in_vm() {
	vm "ip netns exec site$1 ${*:2}"
}

# vm_pings N ADDRESS [OPTION...]: as pings, from site N.
vm_pings() {
	in_vm "$1" "ping -n -c 5 -l 5 -i 7 -W 7 ${*:3} $2" >"$TG_DIR/ping.out" || true
	grep -q ' 0% packet loss' "$TG_DIR/ping.out" || {
		cat "$TG_DIR/ping.out"
		return 1
	}
}

# start_vm_site N [LINE...]: as start_site, but in the virtual machine, on port 5182N of its address.
start_vm_site() {
	# shellcheck disable=SC2034 # lib.sh prints it
	TG_STEP="site $1 starts in the virtual machine"
	vm "$(vm_addresses "$1")"
	vm_configure "$@"
}

vm_configure() {
	local conf
	conf=$(site_conf "$@" | sed "/^ListenPort/s/0\$/$1/")
	vm "printf %s $(printf %q "$conf") >/tmp/conf && ip netns exec site$1 wg setconf wg$1 /tmp/conf"
}

# As in the kernel's own tests, the outer packets stay in the name space that the device was made in.
vm_addresses() {
	sed "s/@/$1/g" <<-'END' | tr '\n' ';'
		set -e
		ip netns add site@
		ip link add wg@ type wireguard
		ip link set wg@ netns site@
		ip -n site@ link set lo up
		ip -n site@ addr add 10.20.@.1/32 dev lo
		ip -n site@ addr add fd20:@::1/128 dev lo
		ip -n site@ addr add 10.99.0.1@/24 dev wg@
		ip -n site@ addr add fd99::1@/64 dev wg@ nodad
		ip -n site@ link set wg@ mtu 1420 up
		ip -n site@ route add default dev wg@
		ip -n site@ -6 route add default dev wg@
	END
}

# vm_log N TEXT: how many lines of the kernel's log on site N hold the text.
vm_log() {
	vm "dmesg | grep -c 'wg$1: $2' || true"
}

# vm_logged COUNT N TEXT: so many lines or more.
vm_logged() {
	local found
	found=$(vm_log "$2" "$3")
	[ "$found" -ge "$1" ] || fail "$found: $3"
}

# vm_content: the kernel took every outer packet and found nothing wrong in any.
vm_content() {
	local complaints='invalid|unallowed|incorrect|wrong|neither|could not|no peer'
	vm "! dmesg | grep wireguard: | grep -Ei '$complaints'"
	vm "! grep -E '^Udp6In(Csum)?Errors.*[1-9]' /proc/net/snmp6"
	expect_equal 'UDP errors' 0 "$(vm "awk '/^Udp: [0-9]/ { print \$4 }' /proc/net/snmp")"
}

# vm_counters N: received and sent at site N are sent and received at the gateway.
vm_counters() {
	expect_equal "site $1's received and sent" "$(peer_field "$1" 7) $(peer_field "$1" 6)" \
		"$(in_vm "$1" "wg show wg$1 dump | awk 'NR == 2 { print \$6, \$7 }'")"
}

# start_kernel_network: the gateway, and both sites in the virtual machine.
start_kernel_network() {
	need_vm
	make_network
	add_peer 1
	add_peer 2 'Endpoint = 192.0.2.11:51822'
	start_gateway
	boot_vm
	start_vm_site 1 "Endpoint = $TG_GW4"
	start_vm_site 2
}
