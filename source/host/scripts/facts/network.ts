/** Addresses, routes, name servers, listening ports, firewalls. POSIX sh, functions `show_…`. */
export const networkSections = String.raw`
show_addresses() {
	ip -o addr show
}

show_mtus() {
	for folder in /sys/class/net/*; do
		printf '%s ' "$(basename "$folder")"
		cat "$folder/mtu"
	done
}

show_routes() {
	ip -4 route show
	ip -6 route show
}

show_resolv() {
	cat /etc/resolv.conf
}

show_resolved() {
	cat /run/systemd/resolve/resolv.conf
}

show_listening() {
	ss -lntup
}

# For machines without ss: the kernel's own tables, without programs.
show_sockets() {
	if ! command -v ss >/dev/null 2>&1; then
		for table in tcp tcp6 udp udp6; do
			sed "s/^/$table /" "/proc/net/$table" || :
		done
	fi
}

show_ip_forward() {
	cat /proc/sys/net/ipv4/ip_forward
}

# What is off need not be asked: it is a Python program, and slow on small machines.
show_ufw() {
	grep -qs '^ENABLED=no' /etc/ufw/ufw.conf || limited ufw status verbose
}

show_ufw_config() {
	grep '^ENABLED=' /etc/ufw/ufw.conf
	grep '^DEFAULT_' /etc/default/ufw
}

# Its client takes long to start: ask only where the daemon runs.
firewalld_runs() {
	grep -qsx firewalld /proc/[0-9]*/comm
}

show_firewalld() {
	firewalld_runs && limited firewall-cmd --state
}

show_firewalld_zone() {
	firewalld_runs || return 0
	zone=$(limited firewall-cmd --get-default-zone)
	limited firewall-cmd "--zone=$zone" --list-all
	limited firewall-cmd --get-active-zones
}

show_nft() {
	limited nft list ruleset
}

# Without the chains of Kubernetes and of containers, which are many and say nothing about the firewall.
without_theirs() {
	grep -Ev '^-[AN] (KUBE|CNI|FLANNEL|DOCKER|CILIUM|cali)-'
}

show_iptables() {
	limited iptables -w 2 -S | without_theirs
}

# Asking the old tables would load their modules: only where they are in use.
show_iptables_legacy() {
	if [ -s /proc/net/ip_tables_names ] && command -v iptables-legacy >/dev/null 2>&1; then
		limited iptables-legacy -w 2 -S | without_theirs
	fi
}
`;
