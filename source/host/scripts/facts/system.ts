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

# The first Python 3.6 or newer that runs, by its path.
show_python() {
	for candidate in python3 /usr/libexec/platform-python /usr/bin/python3.* /usr/local/bin/python3.*; do
		found=$(command -v "$candidate" 2>/dev/null) || continue
		if limited "$found" -c 'import sys; sys.exit(sys.version_info < (3, 6))'; then
			echo "$found"
			break
		fi
	done
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
