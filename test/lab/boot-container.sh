#!/bin/sh
# Puts a container host's root together and becomes its systemd-nspawn. Wants a mount namespace of its own, and the
# settings of supervise-container.sh.
set -eu
disk=$LAB_DATA/disk
if [ -n "$LAB_DISK_SIZE" ] || [ "$(stat -f -c %T "$disk")" = overlayfs ]; then
	# A host whose disk can be full has one of its own. Nor can an overlay have its upper folder on another one, as inside
	# Docker: the host gets a disk image then, too.
	if [ ! -e "$disk.image" ]; then
		truncate -s "${LAB_DISK_SIZE:-8G}" "$disk.image"
		mkfs.ext4 -q -F -m 0 -d "$disk" "$disk.image"
	fi
	mount -o loop "$disk.image" "$disk"
fi
mkdir -p "$disk/work" "$disk/root"
mount -t overlay overlay -o "lowerdir=$LAB_TREE,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"

export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
exec systemd-nspawn --quiet --boot --directory="$disk/root" --machine="$LAB_NAMESPACE" --hostname="$LAB_HOST" \
	--network-namespace-path="/run/netns/$LAB_NAMESPACE" --register=no --keep-unit \
	--capability=all --drop-capability=CAP_SYS_TIME --bind=/dev/net/tun --resolv-conf=off --timezone=off \
	--console=read-only
