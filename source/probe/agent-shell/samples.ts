/** Third part of the probe agent in bash: round-trip times, and packets for a target that can only count. */
export const samplesSource = `
# Seconds between two connections, microseconds between two packets, and how long the last of them may take.
gap=0.05
packet_gap=50000
late=1000000

# Number, address, port, count: round trips by connections, one after the other.
tcp_samples() {
	local rtts='' sent=0 begun rtt
	while ((sent < $4)); do
		((sent += 1))
		stamp
		begun=$now
		if exec 3<>"/dev/tcp/$2/$3"; then
			stamp
			exec 3>&-
			milliseconds $((now - begun)) rtt
			rtts+=\${rtts:+,}$rtt
		fi
		sleep "$gap"
	done
	report "$1" "$sent" sampled "\\"rtts\\":[$rtts]"
}

# Number, address, port, count: round trips by packets, sent whether or not the ones before were answered.
udp_samples() {
	local -a times
	local rtts='' sent=0 line wait until rtt
	open_packets "$@" || return 0
	listen_to_packets
	stamp
	until=$now
	while ((sent < $4)); do
		times[sent]=$now
		request "$1" "$sent" >&3
		((sent += 1))
		((until += packet_gap))
		((sent < $4)) || ((until += late))
		while stamp && ((now < until && \${#times[@]} > 0)); do
			seconds $((until - now)) wait
			IFS= read -r -t "$wait" line <&4
			case $? in
				0) ;;
				1)
					listen_to_packets
					continue
					;;
				*) continue ;;
			esac
			stamp
			if read_answer "$line" && [[ \${answer[0]} == "$1" && -n \${times[answer[1]]-} ]]; then
				milliseconds $((now - times[answer[1]])) rtt
				unset "times[\${answer[1]}]"
				rtts+=\${rtts:+,}$rtt
			fi
		done
		while ((sent < $4)) && stamp && ((now < until)); do
			seconds $((until - now)) wait
			sleep "$wait"
		done
	done
	report "$1" "$sent" sampled "\\"rtts\\":[$rtts]"
}

# Number, address, port, count: packets in a row for a target that can not answer; a refusal that comes back is told.
burst() {
	local sent=0 refused='' line
	open_packets "$@" || return 0
	listen_to_packets
	while ((sent < $4)); do
		# When it fails, that is the refusal of an earlier packet, and this one has not left.
		request "$1" "$sent" >&3 || request "$1" "$sent" >&3
		((sent += 1))
		if IFS= read -r -t 0.01 line <&4; then
			[[ $line != dd:* ]] || refused=$line
		elif (($? == 1)); then
			listen_to_packets
		fi
	done
	while IFS= read -r -t 0.5 line <&4; do
		[[ $line != dd:* ]] || refused=$line
	done
	if [[ -n $refused ]]; then
		report_error "$1" "$sent" "$refused" "$2"
	else
		report "$1" "$sent" sent
	fi
}
`;
