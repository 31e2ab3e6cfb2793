/** What machine this is: system, kernel, processor, memory, disks, clock, tools. POSIX sh, functions `show_…`. */
export const systemSections = String.raw`
show_identity() {
	uname -n
	uname -m
	uname -r
}

show_machine_id() {
	cat /etc/machine-id || cat /var/lib/dbus/machine-id
}

show_os_release() {
	cat /etc/os-release || cat /usr/lib/os-release
}

show_init() {
	if [ -d /run/systemd/system ]; then echo systemd; fi
	if [ -d /run/openrc ]; then echo openrc; fi
}

show_cpu() {
	nproc || getconf _NPROCESSORS_ONLN || grep -c '^processor' /proc/cpuinfo
}

show_memory() {
	grep '^MemTotal:' /proc/meminfo
}

# The wanted folder, and how df describes the nearest one that exists.
show_disks() {
	for wanted in /usr/local/bin /var/lib/rancher /etc; do
		folder=$wanted
		while [ ! -d "$folder" ]; do
			folder=$(dirname "$folder")
		done
		printf '%s %s\n' "$wanted" "$(limited df -Pk "$folder" | tail -n 1)"
	done
}

show_mounts() {
	cat /proc/mounts
}

show_synchronized() {
	limited timedatectl show -p NTPSynchronized --value ||
		limited timedatectl status | grep -i 'synchronized:' | sed 's/.*: *//'
}

show_cgroup() {
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		printf 'v2 '
		cat /sys/fs/cgroup/cgroup.controllers
	else
		grep '^memory' /proc/cgroups
	fi
}

# Answers without loading the module. A tree of modules that lacks it says no; no tree at all says nothing.
show_wireguard() {
	modules="/lib/modules/$(uname -r)"
	config=$(zcat /proc/config.gz 2>/dev/null || cat "/boot/config-$(uname -r)" 2>/dev/null) || :
	config=$(printf '%s\n' "$config" | grep 'CONFIG_WIREGUARD[ =]') || :
	if [ -d /sys/module/wireguard ] ||
		grep -qs '/wireguard\.ko' "$modules/modules.builtin" "$modules/modules.dep" ||
		modinfo wireguard >/dev/null 2>&1 ||
		[ "$config" = CONFIG_WIREGUARD=y ]; then
		echo available
	elif [ "$config" = '# CONFIG_WIREGUARD is not set' ] || [ -s "$modules/modules.dep" ]; then
		echo missing
	else
		echo unknown
	fi
}

show_selinux() {
	cat /sys/fs/selinux/enforce
}

show_dmi() {
	for name in sys_vendor product_name chassis_asset_tag bios_vendor; do
		printf '%s ' "$name"
		cat "/sys/class/dmi/id/$name" || echo
	done
}

show_tools() {
	for tool in $tool_names; do
		if command -v "$tool" >/dev/null 2>&1; then echo "$tool"; fi
	done
}

# The first Python 3.6 or newer that runs and has what the probe imports, by its path.
show_python() {
	for candidate in python3 /usr/libexec/platform-python /usr/bin/python3.* /usr/local/bin/python3.*; do
		found=$(command -v "$candidate" 2>/dev/null) || continue
		if limited "$found" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 6))' &&
			limited "$found" -I -S -c 'import collections, errno, heapq, json, os, resource, selectors, signal, socket, struct, time'; then
			echo "$found"
			break
		fi
	done
}

# What else a probe can run on, each tried: its rung and its path.
show_probe_tools() {
	found=$(command -v perl) &&
		limited "$found" -e 'use 5.014; use strict; use Errno; use Fcntl; use Socket 2.000; Socket::inet_pton(AF_INET6, "::1") or exit 1;' &&
		echo "perl $found"
	shell=$(command -v bash) &&
		limited "$shell" --norc -c '((BASH_VERSINFO[0] >= 4)) && exec 3<>/dev/udp/127.0.0.1/9' &&
		timeout 1 true &&
		echo "bash $shell" || return 0
	if found=$(command -v socat) && limited "$found" -V | grep -q 'WITH_EXEC 1'; then
		echo "socat $found"
		return
	fi
	# Every nc has options of its own: ask one that is called so whether it can answer.
	for candidate in ncat nc; do
		found=$(command -v "$candidate") || continue
		if nc_answers "$found"; then
			echo "nc $found"
			break
		fi
	done
}

# Does it hand a packet to a program and send back what that says? Only on the loopback, for a second or two.
nc_answers() {
	said=$(limited "$shell" --norc -c '
		answer() {
			read -r -t 1 line && echo "$line"
		}
		export -f answer
		timeout 4 "$1" -n -u -l -k -e "$0 --norc -c answer" 127.0.0.1 40253 >/dev/null &
		for attempt in 1 2 3 4 5; do
			kill -0 $! || exit
			exec 3<>/dev/udp/127.0.0.1/40253
			echo answer >&3
			timeout 0.3 dd bs=64 count=1 <&3 && break
		done
		kill $!
	' "$shell" "$1" 2>/dev/null)
	[ "$said" = answer ]
}

show_privilege() {
	if [ "$(id -u)" -ne 0 ]; then
		echo none
	elif printenv SUDO_USER >/dev/null; then
		echo sudo
	else
		echo root
	fi
}

show_steps() {
	limited systemctl list-units --plain --no-legend --no-pager --state=active,activating 'k3s-mesh-*.service'
}

show_manifest() {
	cat /var/lib/k3s-mesh/manifest.json
}
`;
