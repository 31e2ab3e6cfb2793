#!/bin/sh
# Puts the root of a host together that is an sshd alone, and becomes its first process. Runs in namespaces of its own
# for mounts, processes and the host name; its settings are in the environment, as LAB_*.
set -eu
memory=$LAB_DATA/memory
mkdir "$memory"
mount -t tmpfs -o mode=0755 host "$memory"
cp -a "$LAB_DATA/upper" "$memory/upper"
mkdir "$memory/work" "$memory/root"
cd "$memory/root"
mount -t overlay overlay -o "lowerdir=$LAB_TREE,upperdir=$memory/upper,workdir=$memory/work" .
cd "$memory/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=0755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mount -t tmpfs -o mode=0755,nosuid dev dev
for device in 'full 7' 'null 3' 'random 8' 'urandom 9' 'zero 5'; do
	mknod -m 0666 "dev/${device% *}" c 1 "${device#* }"
done
mknod -m 0666 dev/tty c 5 0
ln -s /proc/self/fd dev/fd
mkdir dev/pts dev/shm run/sshd
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
hostname "$LAB_HOST"
pivot_root . mnt
# The first process of a host buries the processes that lost their parent; this shell does, while it waits.
exec chroot . /bin/sh -c 'cd /; umount -l /mnt; /usr/sbin/sshd -D -e & wait' <dev/null
