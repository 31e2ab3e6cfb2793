/** Second part of the probe agent in bash: what it tries towards others, always from ephemeral ports. */
export const triesSource = `
# Seconds after which a try towards one address and port is silent.
limit=3.5
# Seconds that each packet of a UDP try waits for its answer.
pauses=(0.3 0.5 0.7 0.9 1.1)

# Reports what the system's words for an error mean: number, packets sent, the words, the address.
report_error() {
	case $3 in
		*'Connection refused'*) report "$1" "$2" refused '"by":null,"reason":"connection refused"' ;;
		*'not permitted'*) report "$1" "$2" refused "\\"by\\":null,\\"reason\\":\\"blocked by the sender's own firewall\\"" ;;
		*'timed out'*) report "$1" "$2" silent ;;
		*'No route to host'*)
			# Our own kernel says the same when no neighbour answers, which is silence.
			local neighbour
			if neighbour=$(ip neigh show to "$4") && [[ $neighbour != *FAILED* && $neighbour != *INCOMPLETE* ]]; then
				report "$1" "$2" refused '"by":null,"reason":"no route to host"'
			else
				report "$1" "$2" silent
			fi
			;;
		*)
			local words
			plain "\${3##*: }" words
			report "$1" "$2" failed "\\"reason\\":\\"\${words:-bash could not send}\\""
			;;
	esac
}

# Connects, says so with its microseconds, and shows the token unless a connection alone was wanted.
connect() {
	local said begun
	stamp
	begun=$now
	exec 3<>"/dev/tcp/$2/$3" || return
	stamp
	printf 'connected %d\\n' $((now - begun))
	[[ -z $4 ]] || return 0
	request "$1" 0 >&3
	IFS= read -r -n "$request_size" -t "$limit" said <&3
	printf 'said %s\\n' "$said"
}

# Number, address, port, and whether a connection alone is wanted.
tcp_path() {
	local word rest rtt
	exec 4< <(connect "$@" 2>&1)
	if ! IFS=' ' read -r -t "$limit" word rest <&4; then
		report "$1" 1 silent
	elif [[ $word != connected ]]; then
		report_error "$1" 1 "$rest" "$2"
	elif milliseconds "$rest" rtt && [[ -n $4 ]]; then
		report "$1" 1 connected "\\"rtt\\":$rtt"
	elif read -r -t "$limit" word rest <&4 && read_answer "$rest" && [[ \${answer[0]} == "$1" ]]; then
		report "$1" 1 answered "\\"node\\":\\"\${answer[2]}\\",\\"source\\":\\"\${answer[3]}\\",\\"rtt\\":$rtt"
	elif [[ $word == said && -n $rest ]]; then
		report "$1" 1 stranger
	else
		# Who says nothing may be busy.
		report "$1" 1 connected "\\"rtt\\":$rtt"
	fi
}

# Copies packets of handle 3 to handle 4 as they come, until an error, which dd then tells there. Bash itself would read one byte of each.
listen_to_packets() {
	exec 4< <(exec dd bs=4096 <&3 2>&1)
}

# Opens handle 3 towards an address and port; reports and fails when that can not be.
open_packets() {
	local problem
	exec 3<>"/dev/udp/$2/$3" && return
	problem=$( (exec 3<>"/dev/udp/$2/$3") 2>&1)
	report_error "$1" 0 "$problem" "$2"
	return 1
}

# Number, address, port: sends a few packets, one after the other, until one is answered.
udp_path() {
	local -a times
	local sent=0 refused='' line wait left pause problem rtt
	open_packets "$@" || return 0
	listen_to_packets
	for pause in "\${pauses[@]}"; do
		stamp
		times+=("$now")
		if request "$1" $((\${#times[@]} - 1)) >&3 2>/dev/null; then
			((sent += 1))
		elif problem=$(request "$1" $((\${#times[@]} - 1)) 2>&1 >&3); then
			# What failed at first was the refusal of an earlier packet.
			((sent += 1))
		else
			report_error "$1" "$sent" "$problem" "$2"
			return
		fi
		wait=\${pause/./}00000
		left=$((10#$wait))
		while ((left > 0)); do
			seconds "$left" wait
			IFS= read -r -t "$wait" line <&4
			case $? in
				0) ;;
				1)
					listen_to_packets
					line=
					;;
				*) break ;;
			esac
			stamp
			if read_answer "$line"; then
				if [[ \${answer[0]} == "$1" ]] && ((answer[1] < \${#times[@]})); then
					milliseconds $((now - times[answer[1]])) rtt
					report "$1" "$sent" answered "\\"node\\":\\"\${answer[2]}\\",\\"source\\":\\"\${answer[3]}\\",\\"rtt\\":$rtt"
					return
				fi
			elif [[ $line == dd:* ]]; then
				# One refusal may be chance: a further packet may still be answered. Two are none.
				if [[ -n $refused ]]; then
					report_error "$1" "$sent" "$line" "$2"
					return
				fi
				refused=$line
			elif [[ -n $line && $line != *' records '* && $line != *' bytes '* && $line != *' copied, '* ]]; then
				report "$1" "$sent" stranger
				return
			fi
			stamp
			left=$((times[\${#times[@]} - 1] + 10#\${pause/./}00000 - now))
		done
	done
	if [[ -n $refused ]]; then
		report_error "$1" "$sent" "$refused" "$2"
	else
		report "$1" "$sent" silent
	fi
}
`;
