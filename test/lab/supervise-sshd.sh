#!/bin/sh
# Runs one host that is an sshd alone. Its settings are in the environment, as LAB_*.
set -eu
here=$(dirname "$0")
ip -netns "$LAB_NAMESPACE" -batch "$LAB_DATA/network.batch"
exec nsenter "--net=/run/netns/$LAB_NAMESPACE" -- unshare --mount --uts --ipc --pid --fork --kill-child -- \
	sh "$here/boot-sshd.sh"
