/** What of `tailscale status --json` is read. */
const statusKeys = [
	'Version',
	'TUN',
	'BackendState',
	'TailscaleIPs',
	'Self',
	'ID',
	'ExitNodeStatus',
	'Health',
	'MagicDNSSuffix',
	'CurrentTailnet',
	'Name',
	'Peer',
	'nodekey:.*',
	'HostName',
	'DNSName',
	'AllowedIPs',
	'Tags',
	'PrimaryRoutes',
	'CurAddr',
	'PeerRelay',
	'Relay',
	'Online',
	'KeyExpiry',
];

/** What of `tailscale debug prefs` is read: not `Config`, which is where keys are. */
const prefsKeys = [
	'ControlURL',
	'RouteAll',
	'CorpDNS',
	'ExitNodeID',
	'ExitNodeIP',
	'ExitNodeAllowLANAccess',
	'RunSSH',
	'RunWebClient',
	'ShieldsUp',
	'AdvertiseRoutes',
	'NoSNAT',
	'NetfilterMode',
	'OperatorUser',
	'PostureChecking',
	'AppConnector',
	'Advertise',
];

/**
 * JSON as Go indents it, with the wanted keys only and packed into long lines: a tailnet may have thousands of machines.
 * Keys of machines become numbers. What has no line of its own for each key is no such JSON, and nothing of it passes.
 */
const packProgram = String.raw`
function add(piece) {
	if (piece ~ /^[]}]/) sub(/,$/, "", held)
	packed = packed held
	if (length(packed) > 3000) {
		print packed
		packed = ""
	}
	held = piece
}
NR == 1 && $0 != "{" { exit }
{
	match($0, /[^ \t]/)
	indent = RSTART
	line = substr($0, indent)
}
skipping {
	if (indent <= base) skipping = 0
	next
}
match(line, /^"[^"]*": /) {
	key = substr(line, 2, RLENGTH - 4)
	if (key !~ ("^(" wanted ")$")) {
		skipping = line ~ /[[{]$/
		base = indent
		next
	}
	if (key ~ /^nodekey:/) line = "\"" NR "\": {"
}
{ add(line) }
END {
	add("")
	print packed
}
`;

/** What Tailscale says, where it is installed. No key of it leaves the machine. POSIX sh, functions `show_…`. */
export const tailscaleSections = String.raw`
pack_json() {
	awk -v wanted="$1" '${packProgram}'
}

show_tailscale_status() {
	tailscale_status=
	tailscale=$(PATH="$PATH:/usr/local/bin:/usr/local/sbin:/opt/bin" command -v tailscale) || return 0
	echo "$tailscale"
	tailscale_status=$(limited "$tailscale" status --json) || return 0
	printf '%s\n' "$tailscale_status" | pack_json '${statusKeys.join('|')}'
}

show_tailscale_prefs() {
	[ -z "$tailscale_status" ] || limited "$tailscale" debug prefs | pack_json '${prefsKeys.join('|')}'
}

# The status has it, too; to ask costs the start of a program.
show_tailscale_version() {
	[ -z "$tailscale" ] || [ -n "$tailscale_status" ] || limited "$tailscale" version
}
`;
