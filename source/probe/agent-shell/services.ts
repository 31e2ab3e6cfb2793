import {stunRequest} from '../stun.js';

/** What bash prints these bytes by. */
const escaped = (hex: string): string =>
	hex.replaceAll(/../g, String.raw`\x$&`);

/** Fourth part of the probe agent in bash: what a node needs of the internet. */
export const servicesSource = `
# Seconds until a name counts as unresolved, and a service as silent.
service_limit=3

# Is a proxy set for all of this machine? Its value may hold a password, and is not looked at.
has_proxy() {
	local line
	while read -r line; do
		line=\${line#export }
		[[ ! \${line%%=*} =~ ^([hH][tT][tT][pP][sS]?|[aA][lL][lL])_[pP][rR][oO][xX][yY]$ ]] || return 0
	done < <(env; cat /etc/environment)
	return 1
}

# Writes the time server that this machine is set to, or the one of most distributions.
time_server() {
	local path word server
	for path in /etc/systemd/timesyncd.conf /etc/chrony.conf /etc/chrony/chrony.conf /etc/ntp.conf /etc/ntpsec/ntp.conf; do
		[[ -r $path ]] || continue
		while IFS=$' \\t=' read -r word server _; do
			case $word in
				NTP | server | pool)
					[[ -z $server ]] || {
						printf '%s\\n' "$server"
						return
					}
					;;
			esac
		done <"$path"
	done
	echo pool.ntp.org
}

# Number, name, port, and what it speaks: a name, a connection, the time, or a relay, by plain packets.
service() {
	local host=$2 address word rest rtt begun
	[[ -n $host ]] || host=$(time_server)
	host=\${host//[!a-zA-Z0-9.:-]/}
	local told="\\"host\\":\\"$host\\""
	if [[ $4 != time && $4 != stun ]] && has_proxy; then
		report "$1" 0 failed "\\"reason\\":\\"a proxy is set in its environment, so plain connections say little\\",$told"
		return
	fi
	stamp
	begun=$now
	# IPv4 first: a machine often has addresses of IPv6 without a way out.
	read -r address _ < <(timeout "$service_limit" getent ahostsv4 "$host" || timeout "$service_limit" getent ahostsv6 "$host")
	stamp
	milliseconds $((now - begun)) rtt
	if [[ -z $address ]]; then
		report "$1" 0 unresolved "$told"
	elif [[ $4 == names ]]; then
		report "$1" 0 served "\\"rtt\\":$rtt,$told"
	elif [[ $4 == time || $4 == stun ]]; then
		exec 3<>"/dev/udp/$address/$3"
		stamp
		begun=$now
		# Through dd: bash would send what it prints in pieces, and each as a packet.
		if [[ $4 == time ]]; then
			# Version 4, client (RFC 5905, 7.3), and 47 bytes that need not be filled in.
			{ printf '\\043'; dd if=/dev/zero bs=47 count=1; } | dd bs=48 count=1 iflag=fullblock >&3
			word=48
		else
			printf '${escaped(stunRequest)}' | dd bs=${stunRequest.length / 2} count=1 iflag=fullblock >&3
			word=20
		fi
		rest=$(timeout "$service_limit" dd bs=512 count=1 <&3 | wc -c)
		stamp
		milliseconds $((now - begun)) rtt
		if ((rest >= word)); then
			report "$1" 1 served "\\"rtt\\":$rtt,$told"
		else
			report "$1" 1 silent "$told"
		fi
	else
		exec 4< <(connect "$1" "$address" "$3" only 2>&1)
		if ! IFS=' ' read -r -t "$service_limit" word rest <&4; then
			report "$1" 1 silent "$told"
		elif [[ $word == connected ]]; then
			milliseconds "$rest" rtt
			report "$1" 1 served "\\"rtt\\":$rtt,$told"
		else
			report_error "$1" 1 "$rest" "$address"
		fi
	fi
}
`;
