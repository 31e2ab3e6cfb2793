#!/bin/sh
# Boots one container host, and boots it again when it reboots. Runs in a mount namespace of its own, so that the
# host's root disappears with it.
# supervise-container.sh INSTANCE_FOLDER SLOT HOST DATA_FOLDER TREE NAMESPACE CONTROL_GROUP
set -eu
instance=$1 slot=$2 host=$3 data=$4 tree=$5 namespace=$6 group=$7
here=$(dirname "$0")

if [ -n "$group" ]; then
	mkdir "$group"
	echo $$ >"$group/cgroup.procs"
fi
if [ "$(stat -f -c %T "$data")" = overlayfs ]; then
	# An overlay can not have its upper folder on another one, as inside Docker.
	cp -a "$data/upper" "$data/upper.seed"
	mount -t tmpfs -o mode=0755 lab "$data/upper"
	mkdir "$data/upper/work" "$data/upper/upper"
	cp -a "$data/upper.seed/." "$data/upper/upper/"
	upper=$data/upper/upper work=$data/upper/work
else
	upper=$data/upper work=$data/work
fi
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$upper,workdir=$work" "$data/root"

export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
while :; do
	# A machine that boots knows no rule, interface or route of its life before.
	ip netns exec "$namespace" sh "$here/boot-network.sh" "$data/network.batch"
	status=0
	sh "$here/launch.sh" "$instance" "$slot" \
		systemd-nspawn --quiet --boot --directory="$data/root" --machine="$namespace" --hostname="$host" \
		--network-namespace-path="/run/netns/$namespace" --register=no --keep-unit \
		--capability=all --drop-capability=CAP_SYS_TIME --bind=/dev/net/tun --resolv-conf=off --timezone=off \
		--console=read-only </dev/null >>"$data/console" 2>&1 || status=$?
	# 133: the host asked for a reboot.
	[ "$status" -eq 133 ] || exit 0
done
