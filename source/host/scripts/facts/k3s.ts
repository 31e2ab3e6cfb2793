import {flannelConfPath} from '../../../mesh/flannel-conf.js';
import {environmentPath} from '../../../plan/paths.js';

/**
 * What is there of K3s. Secrets never leave the machine: the values of secret keys are replaced where they are read,
 * and a line whose secret can not be told apart with certainty is held back whole. Files that hold nothing but a
 * secret are not read. POSIX sh, functions `show_…`.
 */
export const k3sSections = String.raw`
show_k3s_units() {
	[ -d /run/systemd/system ] || return 0
	limited systemctl show -p Id -p LoadState -p ActiveState k3s.service k3s-agent.service
}

show_k3s_version() {
	k3s_program=$(PATH="$PATH:/usr/local/bin:/opt/bin" command -v k3s) || return 0
	echo "$k3s_program"
	limited "$k3s_program" --version
}

show_k3s_ca() {
	for certificate in /var/lib/rancher/k3s/server/tls/server-ca.crt /var/lib/rancher/k3s/agent/server-ca.crt; do
		if [ -s "$certificate" ]; then
			sha256sum <"$certificate" || openssl dgst -sha256 -r <"$certificate"
			break
		fi
	done
}

show_k3s_flannel() {
	lines_of ${flannelConfPath}
}

# The URL of a proxy may hold a password: of the machine's own only that there is one is told, of ours no login.
show_proxy() {
	if [ -r /etc/environment ]; then
		while IFS= read -r file_line || [ -n "$file_line" ]; do
			value=${'$'}{file_line#*=}
			value=${'$'}{value#[\"\']}
			value=${'$'}{value%[\"\']}
			case $file_line in
				[Hh][Tt][Tt][Pp]_[Pp][Rr][Oo][Xx][Yy]=* | [Hh][Tt][Tt][Pp][Ss]_[Pp][Rr][Oo][Xx][Yy]=*)
					[ -z "$value" ] || echo through
					;;
				[Nn][Oo]_[Pp][Rr][Oo][Xx][Yy]=*) printf 'except %s\n' "$value" ;;
			esac
		done </etc/environment
	fi
	if [ -r ${environmentPath} ]; then
		echo written
		while IFS= read -r file_line; do
			case $file_line in
				'#'* | '') ;;
				*@*) printf 'line %s="(secret)"\n' "${'$'}{file_line%%=*}" ;;
				*) printf 'line %s\n' "$file_line" ;;
			esac
		done <${environmentPath}
	fi
}

mask_program='
BEGIN {
	secret = "(agent-)?token|datastore-endpoint|vpn-auth|etcd-s3-access-key|etcd-s3-secret-key|etcd-s3-session-token|etcd-s3-proxy"
	quote = "[\"\047]?"
	colon = quote "[+]?" quote "[ \t]*:"
	skipping = 0
}
{ sub(/\r$/, "") }
/^[ \t]*$/ || /^[ \t]*#/ { next }
{
	indent = match($0, /[^ \t]/) - 1
	if (skipping && (indent > base || (indent == base && $0 ~ /^[ \t]*-/))) next
	skipping = 0
}
/^[^A-Za-z0-9"\047_-]*[{]/ {
	print "# (held back: it may hold a secret)"
	exit
}
$0 ~ ("^[ \t]*" quote "(" secret ")" colon) {
	key = $0
	sub(/:.*/, "", key)
	print key ": (secret)"
	skipping = 1
	base = indent
	next
}
$0 ~ ("(" secret ")" colon) || /^[ \t]*[?:]/ || /:[ \t]+[&*]/ || /^[ \t]*"[^"]*[\\]/ || $0 ~ ("^[ \t-]*" quote "(" secret ")" quote "[ \t]*$") {
	print "# (held back: it may hold a secret)"
	skipping = 1
	base = indent
	next
}
{ print }
'

# One section for each file, its path in the first line, in the order in which K3s reads them.
k3s_config_files() {
	for file in /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/*; do
		case "$file" in
			*.yaml | *.yml) ;;
			*) continue ;;
		esac
		if [ -f "$file" ]; then
			section k3s_config show_k3s_config_file
		fi
	done
}

show_k3s_config_file() {
	echo "$file"
	awk "$mask_program" <"$file"
}
`;
