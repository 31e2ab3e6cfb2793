#!/bin/sh
# Puts the network of the namespace that it runs in back to how a machine finds it at boot: only the network card,
# with its addresses and routes from the given `ip -batch` file.
set -eu
nft flush ruleset
for path in /sys/class/net/*; do
	name=${path##*/}
	case $name in
	lo | eth0) ;;
	*) ip link delete "$name" 2>/dev/null || true ;;
	esac
done
ip rule flush 2>/dev/null || true
ip rule add from all lookup main pref 32766
ip rule add from all lookup default pref 32767
ip link set lo down
ip address flush dev eth0
ip link set eth0 down mtu 1500
for forwarding in ipv4/ip_forward ipv6/conf/all/forwarding; do
	[ ! -e "/proc/sys/net/$forwarding" ] || echo 0 >"/proc/sys/net/$forwarding"
done
ip -batch "$1"
