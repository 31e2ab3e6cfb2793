#!/bin/sh
# Boots one container host, and boots it again when it reboots. Its settings are in the environment, as LAB_*.
set -eu
here=$(dirname "$0")

# Every program that makes something is recorded, so that nothing is made any more once the instance is taken down.
recorded() {
	slot=$1
	shift
	sh "$here/launch.sh" "$LAB_FOLDER" "$slot" "$@"
}

if [ -n "$LAB_CONTROL_GROUP" ]; then
	mkdir "$LAB_CONTROL_GROUP"
	echo $$ >"$LAB_CONTROL_GROUP/cgroup.procs"
fi
while :; do
	recorded "$LAB_HOST-network" ip -netns "$LAB_NAMESPACE" -batch "$LAB_DATA/network.batch"
	status=0
	# In a mount namespace of its own, so that the host's root disappears with it.
	recorded "$LAB_SLOT" unshare --mount --propagation slave -- sh "$here/boot-container.sh" \
		</dev/null >>"$LAB_DATA/console" 2>&1 || status=$?
	# 133: the host asked for a reboot.
	[ "$status" -eq 133 ] || exit 0
	# A machine that boots knows no rule, interface, route, connection or setting of its life before.
	# The cable first: the kernel takes its time for what is in a namespace that is gone.
	recorded "$LAB_HOST-network" ip -netns "$LAB_NAMESPACE" link delete eth0
	recorded "$LAB_HOST-network" ip netns delete "$LAB_NAMESPACE"
	recorded "$LAB_HOST-network" ip -batch "$LAB_DATA/cable.batch"
	recorded "$LAB_HOST-network" ip -netns "$LAB_SWITCH" -batch "$LAB_DATA/port.batch"
done
