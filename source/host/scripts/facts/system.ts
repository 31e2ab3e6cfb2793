/** What machine this is: system, kernel, processor, memory, disks, clock, tools. POSIX sh, functions `show_…`. */
export const systemSections = String.raw`
show_identity() {
	printf '%s\n' "${'$'}{identity%% *}" "${'$'}{identity##* }" "$kernel"
}

show_machine_id() {
	lines_of /etc/machine-id || lines_of /var/lib/dbus/machine-id
}

show_os_release() {
	lines_of /etc/os-release || lines_of /usr/lib/os-release
}

show_init() {
	if [ -d /run/systemd/system ]; then echo systemd; fi
	if [ -d /run/openrc ]; then echo openrc; fi
}

show_cpu() {
	nproc || getconf _NPROCESSORS_ONLN || grep -c '^processor' /proc/cpuinfo
}

show_memory() {
	lines_of /proc/meminfo 'MemTotal:*'
}

# The wanted folder, and how df describes the nearest one that exists.
show_disks() {
	set -- /usr/local/bin /var/lib/rancher /etc
	folders=
	for wanted in "$@"; do
		folder=$wanted
		while [ ! -d "$folder" ]; do
			folder=${'$'}{folder%/*}
			folder=${'$'}{folder:-/}
		done
		folders="$folders $folder"
	done
	limited df -Pk $folders | {
		read -r line && IFS= read -r one && IFS= read -r two && IFS= read -r three &&
			printf '%s\n' "$1 $one" "$2 $two" "$3 $three"
	} || {
		# A folder that df can not describe has no line: each alone, so that none is taken for another.
		for folder in $folders; do
			printf '%s %s\n' "$1" "$(limited df -Pk "$folder" | tail -n +2)"
			shift
		done
	}
}

show_mounts() {
	cat /proc/mounts
}

# What only systemd answers is asked where systemd runs.
show_synchronized() {
	[ -d /run/systemd/system ] || return 0
	limited timedatectl show -p NTPSynchronized --value ||
		limited timedatectl status | grep -i 'synchronized:' | sed 's/.*: *//'
}

show_cgroup() {
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		printf 'v2 '
		lines_of /sys/fs/cgroup/cgroup.controllers
	else
		lines_of /proc/cgroups 'memory*'
	fi
}

# Answers without loading the module. A tree of modules that lacks it says no; no tree at all says nothing.
show_wireguard() {
	modules=/lib/modules/$kernel
	if [ -d /sys/module/wireguard ] || {
		[ -d "$modules" ] && {
			grep -qs '/wireguard\.ko' "$modules/modules.builtin" "$modules/modules.dep" || modinfo wireguard >/dev/null
		}
	}; then
		echo available
		return
	fi
	config=$({
		if [ -r /proc/config.gz ]; then zcat /proc/config.gz; else cat "/boot/config-$kernel"; fi
	} | grep 'CONFIG_WIREGUARD[ =]')
	if [ "$config" = CONFIG_WIREGUARD=y ]; then
		echo available
	elif [ "$config" = '# CONFIG_WIREGUARD is not set' ] || [ -s "$modules/modules.dep" ]; then
		echo missing
	else
		echo unknown
	fi
}

show_selinux() {
	lines_of /sys/fs/selinux/enforce
}

show_dmi() {
	for name in sys_vendor product_name chassis_asset_tag bios_vendor; do
		printf '%s ' "$name"
		lines_of "/sys/class/dmi/id/$name" || echo
	done
}

show_tools() {
	for tool in $tool_names; do
		if command -v "$tool" >/dev/null 2>&1; then echo "$tool"; fi
	done
}

# What the probe imports. The modules that are machine code are loaded; all that is Python need only be there, because
# to load it takes longer than all the rest of this script.
python_check='
import sys
if sys.version_info < (3, 6): sys.exit(1)
import _socket, _struct, errno, resource, select, time
for name in ("collections", "heapq", "json", "os", "selectors", "signal", "socket", "struct", "threading"):
	if not any(finder.find_spec(name) for finder in sys.meta_path): sys.exit(1)
print("works")
'

# The first Python 3.6 or newer that runs and has what the probe imports, by its path.
show_python() {
	python=
	for candidate in python3 /usr/libexec/platform-python /usr/bin/python3.* /usr/local/bin/python3.*; do
		found=$(command -v "$candidate") || continue
		# A program of that name that says something else, and ends well, is no Python.
		if [ "$(limited "$found" -I -S -c "$python_check")" = works ]; then
			python=$found
			echo "$python"
			break
		fi
	done
}

# Without Python: what else a probe can run on, each tried: its rung and its path.
show_probe_tools() {
	[ -z "$python" ] || return 0
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
	elif [ -n "${'$'}{SUDO_USER+x}${'$'}{DOAS_USER+x}" ]; then
		echo sudo
	else
		echo root
	fi
}

show_steps() {
	[ -d /run/systemd/system ] || return 0
	limited systemctl list-units --plain --no-legend --no-pager --state=active,activating 'k3s-mesh-*.service'
}

show_manifest() {
	[ -f /var/lib/k3s-mesh/manifest.json ] && cat /var/lib/k3s-mesh/manifest.json
}

show_rollback() {
	cat /var/lib/k3s-mesh/rollback/state && tr '\037' '\t' </var/lib/k3s-mesh/rollback/left
}
`;
