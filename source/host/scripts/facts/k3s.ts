import {flannelConfPath} from '../../../mesh/flannel-conf.js';

/**
 * What is there of K3s. Secrets never leave the machine: the values of secret keys are replaced where they are read,
 * and a line whose secret can not be told apart with certainty is held back whole. Files that hold nothing but a
 * secret are not read. POSIX sh, functions `show_…`.
 */
export const k3sSections = String.raw`
show_k3s_units() {
	limited systemctl show -p Id -p LoadState -p ActiveState k3s.service k3s-agent.service
}

show_k3s_version() {
	k3s_program=$(PATH="$PATH:/usr/local/bin:/opt/bin" command -v k3s)
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
	cat ${flannelConfPath}
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
