/** Addresses, routes, name servers, listening ports, firewalls. POSIX sh, functions `show_…`. */
export const networkSections = String.raw`
show_addresses() {
	ip -o addr show
}

show_mtus() {
	for folder in /sys/class/net/*; do
		printf '%s ' "${'$'}{folder##*/}"
		lines_of "$folder/mtu" || echo
	done
}

show_routes() {
	ip -4 route show
	ip -6 route show
}

show_resolv() {
	lines_of /etc/resolv.conf
}

show_resolved() {
	lines_of /run/systemd/resolve/resolv.conf
}

show_listening() {
	ss -lntup
}

# For machines without ss: the kernel's own tables, without programs.
show_sockets() {
	if ! have ss; then
		for table in tcp tcp6 udp udp6; do
			sed "s/^/$table /" "/proc/net/$table" || :
		done
	fi
}

show_ip_forward() {
	lines_of /proc/sys/net/ipv4/ip_forward
}

# What is off need not be asked: it is a Python program, and slow on small machines.
show_ufw() {
	have ufw || return 0
	[ -n "$(lines_of /etc/ufw/ufw.conf 'ENABLED=no*')" ] || limited ufw status verbose
}

show_ufw_config() {
	lines_of /etc/ufw/ufw.conf 'ENABLED=*'
	lines_of /etc/default/ufw 'DEFAULT_*'
}

# Its client takes long to start: ask only where the daemon runs, and no more than needed. Without the name of a zone it
# describes the default one; who may not see that may still hear that it runs.
show_firewalld() {
	firewalld=
	have firewall-cmd && grep -qsx firewalld /proc/[0-9]*/comm || return 0
	firewalld=running
	if default_zone=$(limited firewall-cmd --list-all); then
		echo running
	else
		limited firewall-cmd --state
	fi
}

show_firewalld_zone() {
	[ -n "$firewalld" ] || return 0
	printf '%s\n' "$default_zone"
	limited firewall-cmd --get-active-zones
}

show_nft() {
	have nft && limited nft list ruleset
}

# Without the chains of Kubernetes and of containers, which are many and say nothing about the firewall.
without_theirs() {
	grep -Ev '^-[AN] (KUBE|CNI|FLANNEL|DOCKER|CILIUM|cali)-'
}

show_iptables() {
	have iptables && limited iptables -w 2 -S | without_theirs
}

# Asking the old tables would load their modules: only where they are in use.
show_iptables_legacy() {
	if [ -s /proc/net/ip_tables_names ] && have iptables-legacy; then
		limited iptables-legacy -w 2 -S | without_theirs
	fi
}
`;
