#!/bin/sh
# The installer of the K3s DOUBLE, for the lab of k3s-mesh-tui. It is not the installer of K3s.
#
# It takes the same variables and arguments, writes the same files and starts the same unit as get.k3s.io,
# and refuses what would go wrong later. It downloads nothing: the binary must be in place.
# K3S_DOUBLE_ROOT moves all paths, for the double's own tests.
set -eu
set -o noglob

ROOT=${K3S_DOUBLE_ROOT:-}
RUN_LOG=$ROOT/var/log/k3s-double-install.log
LOCK=$ROOT/run/k3s-double-install.lock

info() { echo "[INFO]  $*"; }
warn() { echo "[WARN]  $*" >&2; }
fatal() {
	echo "[ERROR]  $*" >&2
	exit 1
}

now() { date -u +%Y-%m-%dT%H:%M:%S.%NZ; }

record() { echo "$*" >>"$RUN_LOG"; }

# One line when a run starts and one when it ends: tests read here that no two ran side by side.
# The lock is the kernel's, so it goes with the process, however that ends.
take_lock() {
	mkdir -p "$ROOT/run" "$ROOT/var/log"
	exec 9>>"$LOCK"
	if ! flock -n 9; then
		HOLDER=$(cat "$LOCK")
		record "refused time=$(now) pid=$$ holder=$HOLDER"
		fatal "two installers side by side: process $HOLDER is installing on this host"
	fi
	echo $$ >"$LOCK"
	record "start time=$(now) pid=$$ args=$CMD_K3S_EXEC"
	trap 'CODE=$?; record "end time=$(now) pid=$$ exit=$CODE"; exit $CODE' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

verify_system() {
	if [ -x "$ROOT/sbin/openrc-run" ]; then
		fatal "the double does not play OpenRC"
	fi
	if [ -z "$ROOT" ] && [ ! -d /run/systemd/system ]; then
		fatal "Can not find systemd or openrc to use as a process supervisor for k3s"
	fi
	if [ -z "$ROOT" ] && [ "$(id -u)" -ne 0 ]; then
		fatal "the double does not call sudo by itself: run the installer as root"
	fi
	case $(uname -m) in
		x86_64 | amd64 | aarch64 | arm64 | arm* | s390x) ;;
		*) fatal "Unsupported architecture $(uname -m)" ;;
	esac
}

# Chooses the command as the real installer does: the first word, else `agent` when there is a URL, else `server`.
choose_command() {
	case "${1:-}" in
		-* | '')
			if [ -z "${K3S_URL:-}" ]; then
				CMD_K3S=server
			else
				if [ -z "${K3S_TOKEN:-}" ] && [ -z "${K3S_TOKEN_FILE:-}" ]; then
					fatal "Defaulted k3s exec command to 'agent' because K3S_URL is defined, but K3S_TOKEN or K3S_TOKEN_FILE is not defined."
				fi
				CMD_K3S=agent
			fi
			;;
		*)
			CMD_K3S=$1
			shift
			;;
	esac
	case $CMD_K3S in
		server | agent) ;;
		*) fatal "the double plays the commands server and agent, not '$CMD_K3S'" ;;
	esac
	CMD_K3S_EXEC="$CMD_K3S $*"
	for WORD in "$@"; do
		case $WORD in
			--token | --token=* | -t | -t=* | --agent-token | --agent-token=* | --vpn-auth | --vpn-auth=* | --datastore-endpoint | --datastore-endpoint=*)
				fatal "a secret in the arguments would stand in the unit file, which everybody can read: ${WORD%%=*} (the real installer accepts it)"
				;;
		esac
	done
}

setup_env() {
	choose_command "$@"
	case "${K3S_URL:-https://}" in
		https://*) ;;
		*) fatal "Only https:// URLs are supported for K3S_URL (have ${K3S_URL})" ;;
	esac
	case $CMD_K3S in
		server) SYSTEM_NAME=k3s ;;
		*) SYSTEM_NAME=k3s-$CMD_K3S ;;
	esac
	[ -z "${INSTALL_K3S_NAME:-}" ] || SYSTEM_NAME=k3s-$INSTALL_K3S_NAME
	case $SYSTEM_NAME in
		*[!-a-zA-Z0-9_.]*) fatal "Invalid characters for system name: $SYSTEM_NAME" ;;
	esac
	BIN_DIR=${INSTALL_K3S_BIN_DIR:-$ROOT/usr/local/bin}
	SYSTEMD_DIR=${INSTALL_K3S_SYSTEMD_DIR:-$ROOT/etc/systemd/system}
	SYSTEMD_TYPE=${INSTALL_K3S_TYPE:-notify}
	SERVICE=$SYSTEM_NAME.service
	SERVICE_FILE=$SYSTEMD_DIR/$SERVICE
	ENV_FILE=$SERVICE_FILE.env
	KILLALL=${KILLALL_K3S_SH:-$BIN_DIR/k3s-killall.sh}
	UNINSTALL=${UNINSTALL_K3S_SH:-$BIN_DIR/$SYSTEM_NAME-uninstall.sh}
	DATA_DIR=${K3S_DATA_DIR:-$ROOT/var/lib/rancher/k3s}
}

verify_binary() {
	case "${INSTALL_K3S_SKIP_DOWNLOAD:-}" in
		true | binary) ;;
		*) fatal "Download failed: the installer of the double downloads nothing, set INSTALL_K3S_SKIP_DOWNLOAD=binary" ;;
	esac
	info "Skipping k3s download and verify"
	[ -x "$BIN_DIR/k3s" ] || fatal "Executable k3s binary not found at $BIN_DIR/k3s"
	HAVE=$("$BIN_DIR/k3s" --version 2>/dev/null | sed -n 's/^k3s version \([^ ]*\).*/\1/p')
	[ -n "$HAVE" ] || fatal "$BIN_DIR/k3s does not run: --version gave nothing"
	if [ -n "${INSTALL_K3S_VERSION:-}" ] && [ "$HAVE" != "$INSTALL_K3S_VERSION" ]; then
		fatal "INSTALL_K3S_VERSION is $INSTALL_K3S_VERSION but $BIN_DIR/k3s is $HAVE (the real installer does not look)"
	fi
}

setup_selinux() {
	if [ "${INSTALL_K3S_SELINUX_WARN:-}" = true ] || [ "${INSTALL_K3S_SKIP_SELINUX_RPM:-}" = true ] || [ ! -d /usr/share/selinux ]; then
		info "Skipping installation of SELinux RPM"
	elif grep -q '^ *SELINUX=enforcing' "$ROOT/etc/selinux/config" 2>/dev/null; then
		fatal "Failed to find the k3s-selinux policy, please install: k3s-selinux"
	fi
}

create_symlinks() {
	[ "${INSTALL_K3S_SYMLINK:-}" != skip ] || return 0
	for NAME in kubectl crictl ctr; do
		if [ -e "$BIN_DIR/$NAME" ] && [ "${INSTALL_K3S_SYMLINK:-}" != force ]; then
			info "Skipping $BIN_DIR/$NAME symlink to k3s, already exists"
		elif command -v "$NAME" >/dev/null 2>&1 && [ "${INSTALL_K3S_SYMLINK:-}" != force ]; then
			info "Skipping $BIN_DIR/$NAME symlink to k3s, command exists in PATH at $(command -v "$NAME")"
		else
			info "Creating $BIN_DIR/$NAME symlink to k3s"
			ln -sf k3s "$BIN_DIR/$NAME"
		fi
	done
}

create_killall() {
	info "Creating killall script $KILLALL"
	{
		echo '#!/bin/sh'
		echo "ROOT='$ROOT'"
		echo "SYSTEMD_DIR='$SYSTEMD_DIR'"
		cat <<'KILLALL_TEXT'
# Of the K3s double: stops its services and takes down what they left running.
for SERVICE in "$SYSTEMD_DIR"/k3s*.service; do
	[ -s "$SERVICE" ] && systemctl stop "$(basename "$SERVICE")"
done
for RECORD in "$ROOT"/run/k3s-double/pods/*.json; do
	[ -s "$RECORD" ] || continue
	PID=$(sed -n 's/.*"pid": \([0-9][0-9]*\).*/\1/p' "$RECORD")
	if [ -n "$PID" ] && tr '\0' ' ' <"/proc/$PID/cmdline" 2>/dev/null | grep -q double-pod; then
		kill -9 "$PID"
	fi
	rm -f "$RECORD"
done
rm -rf "$ROOT/run/k3s-double" "$ROOT/var/lib/cni"
if [ -z "$ROOT" ]; then
	for NAMESPACE in $(ip netns list 2>/dev/null | sed -n 's/^\(cni-[^ ]*\).*/\1/p'); do
		ip netns delete "$NAMESPACE"
	done
	for LINK in cni0 flannel.1 flannel-v6.1 kube-ipvs0 flannel-wg flannel-wg-v6; do
		ip link delete "$LINK" 2>/dev/null
	done
	if command -v tailscale >/dev/null 2>&1; then
		tailscale set --advertise-routes=
	fi
	for FAMILY in iptables ip6tables; do
		command -v $FAMILY-save >/dev/null 2>&1 || continue
		RULES=$($FAMILY-save 2>/dev/null | grep -v KUBE- | grep -v CNI- | grep -iv flannel) || continue
		printf '%s\n' "$RULES" | $FAMILY-restore
	done
fi
exit 0
KILLALL_TEXT
	} >"$KILLALL"
	chmod 755 "$KILLALL"
}

create_uninstall() {
	info "Creating uninstall script $UNINSTALL"
	{
		echo '#!/bin/sh'
		echo "ROOT='$ROOT'"
		echo "BIN_DIR='$BIN_DIR'"
		echo "SYSTEMD_DIR='$SYSTEMD_DIR'"
		echo "SYSTEM_NAME='$SYSTEM_NAME'"
		echo "DATA_DIR='$DATA_DIR'"
		echo "KILLALL='$KILLALL'"
		cat <<'UNINSTALL_TEXT'
# Of the K3s double: removes what its installer and its service made. /etc/rancher/node stays, as with K3s.
"$KILLALL"
systemctl disable "$SYSTEM_NAME"
systemctl reset-failed "$SYSTEM_NAME"
systemctl daemon-reload
rm -f "$SYSTEMD_DIR/$SYSTEM_NAME.service" "$SYSTEMD_DIR/$SYSTEM_NAME.service.env"
trap 'rm -f "$0"' EXIT
for SERVICE in "$SYSTEMD_DIR"/k3s*.service; do
	if [ -e "$SERVICE" ]; then
		echo 'Additional k3s services installed, skipping uninstall of k3s'
		exit 0
	fi
done
for NAME in kubectl crictl ctr; do
	if [ -L "$BIN_DIR/$NAME" ]; then
		rm -f "$BIN_DIR/$NAME"
	fi
done
rm -rf "$ROOT/etc/rancher/k3s" "$ROOT/run/k3s" "$ROOT/run/flannel" "$DATA_DIR" "$ROOT/var/lib/kubelet"
rm -f "$BIN_DIR/k3s" "$KILLALL"
UNINSTALL_TEXT
	} >"$UNINSTALL"
	chmod 755 "$UNINSTALL"
}

hashes() { sha256sum "$BIN_DIR/k3s" "$SERVICE_FILE" "$ENV_FILE" 2>/dev/null || true; }

# Between here and create_service there is no unit: an installer that dies in between leaves the host without one.
remove_old_unit() {
	systemctl disable "$SYSTEM_NAME" >/dev/null 2>&1 || true
	rm -f "$SERVICE_FILE" "$ENV_FILE"
}

create_env_file() {
	info "env: Creating environment file $ENV_FILE"
	mkdir -p "$SYSTEMD_DIR"
	touch "$ENV_FILE"
	chmod 0600 "$ENV_FILE"
	env | grep -e '^K3S_' -e '^CONTAINERD_' | grep -v -e '^K3S_DOUBLE_ROOT=' >>"$ENV_FILE" || true
	env | grep -i -E '^(NO|HTTP|HTTPS)_PROXY=' >>"$ENV_FILE" || true
}

create_service() {
	info "systemd: Creating service file $SERVICE_FILE"
	EXEC=
	for WORD in $CMD_K3S_EXEC; do
		EXEC="$EXEC '$WORD'"
	done
	cat >"$SERVICE_FILE" <<UNIT
[Unit]
Description=Lightweight Kubernetes (a test double of K3s)
Documentation=https://k3s.io
Wants=network-online.target
After=network-online.target

[Install]
WantedBy=multi-user.target

[Service]
Type=$SYSTEMD_TYPE
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-$ENV_FILE
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStartPre=-/sbin/modprobe overlay
ExecStart=$BIN_DIR/k3s$EXEC
UNIT
	chmod 0644 "$SERVICE_FILE"
}

# As the real installer: rules that name KUBE- or flannel are dropped from the host's whole rule set, whoever made them.
clean_firewall() {
	[ -z "$ROOT" ] || return 0
	for FAMILY in iptables ip6tables; do
		command -v "$FAMILY-save" >/dev/null 2>&1 || continue
		RULES=$("$FAMILY-save" 2>/dev/null | grep -v KUBE- | grep -iv flannel) || continue
		printf '%s\n' "$RULES" | "$FAMILY-restore"
	done
}

enable_and_start() {
	if [ "${INSTALL_K3S_SKIP_ENABLE:-}" = true ]; then
		return 0
	fi
	info "systemd: Enabling $SYSTEM_NAME unit"
	systemctl enable "$SERVICE_FILE" >/dev/null
	systemctl daemon-reload >/dev/null
	if [ "${INSTALL_K3S_SKIP_START:-}" = true ]; then
		return 0
	fi
	if [ "$BEFORE" = "$(hashes)" ] && [ "${INSTALL_K3S_FORCE_RESTART:-}" != true ]; then
		info "No change detected so skipping service start"
		return 0
	fi
	clean_firewall
	info "systemd: Starting $SYSTEM_NAME"
	systemctl restart "$SYSTEM_NAME"
}

# INSTALL_K3S_EXEC is split at blanks, as the real installer does.
# shellcheck disable=SC2086
set -- ${INSTALL_K3S_EXEC:-} "$@"
verify_system
setup_env "$@"
take_lock
warn "this is the installer of a TEST DOUBLE of K3s"
verify_binary
setup_selinux
create_symlinks
create_killall
create_uninstall
BEFORE=$(hashes)
remove_old_unit
create_env_file
create_service
enable_and_start
