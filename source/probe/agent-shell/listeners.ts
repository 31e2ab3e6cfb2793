/** Fifth part of the probe agent in bash: socat or ncat as listeners, and what the kernel counts where there are none. */
export const listenersSource = `
# Sets hexadecimal to an address as /proc/net writes it: words of the machine's own order.
address_key() {
	local -a bytes=() groups
	local before after group word
	if [[ $1 == *:* ]]; then
		before=\${1%%::*}
		groups=(\${before//:/ })
		if [[ $1 == *::* ]]; then
			local -a last
			after=\${1##*::}
			last=(\${after//:/ })
			for ((after = \${#groups[@]}; after < 8 - \${#last[@]}; after++)); do
				groups+=(0)
			done
			groups+=("\${last[@]}")
		fi
		for group in "\${groups[@]}"; do
			group=0000$group
			group=\${group: -4}
			bytes+=("\${group:0:2}" "\${group:2:2}")
		done
	else
		printf -v word '%02x ' \${1//./ }
		bytes=($word)
	fi
	hexadecimal=
	for ((after = 0; after < \${#bytes[@]}; after += 4)); do
		if [[ $HOSTTYPE == s390x ]]; then
			hexadecimal+=\${bytes[after]}\${bytes[after + 1]}\${bytes[after + 2]}\${bytes[after + 3]}
		else
			hexadecimal+=\${bytes[after + 3]}\${bytes[after + 2]}\${bytes[after + 1]}\${bytes[after]}
		fi
	done
	hexadecimal=\${hexadecimal^^}
}

# Sets bound to what listens now: "tcp 0100007F:1A2B" for each. Its value is 0; for UDP more, when packets wait there
# that nobody has taken yet, or were lost because nobody did.
read_bound() {
	local protocol local_place state queues drops
	bound=()
	for protocol in tcp udp; do
		while read -r _ local_place _ state queues _ _ _ _ _ _ _ drops; do
			if [[ $protocol == tcp ]]; then
				[[ $state != 0A ]] || bound["tcp $local_place"]=0
			elif [[ $drops =~ ^[0-9]+$ ]]; then
				bound["udp $local_place"]=$((16#\${queues#*:} + drops))
			fi
		done < <(cat "/proc/net/$protocol" "/proc/net/\${protocol}6")
	done
}
declare -A bound

zeros=00000000
# Is a port held: on this very address, or on all? A socket on all of IPv6 mostly takes IPv4 too.
is_held() {
	local place=$1 port=$2
	[[ -n \${bound[$place:$port]-} || -n \${bound["\${place% *} $zeros:$port"]-} || -n \${bound["\${place% *} $zeros$zeros$zeros$zeros:$port"]-} ]]
}

# What a listener starts for each request: reads it, and answers when it carries the token.
answer_request() {
	local line said peer port group
	local -a words
	set -f
	IFS= read -r -n 256 -t 3 line
	words=($line)
	if [[ \${words[0]-} != k3s-mesh-probe || \${words[1]-} != "$probe_token" || \${words[2]-} != ask || ! \${words[3]-} =~ ^[0-9]{1,10}$ || ! \${words[4]-} =~ ^[0-9]{1,10}$ ]]; then
		# One stranger fewer that may come. After the last of them the listener ends, and its processes with it.
		[[ -z \${probe_group-} ]] || read -r -N 1 -t 0.01 -u 8 || kill -KILL -- "-$probe_group"
		return 0
	fi
	peer=\${SOCAT_PEERADDR-\${NCAT_REMOTE_ADDR-}}
	port=\${SOCAT_PEERPORT-\${NCAT_REMOTE_PORT-}}
	if [[ $peer == *:* ]]; then
		peer=\${peer#[}
		peer=:\${peer%]}
		if [[ $peer != *::* ]]; then
			# Without the zeros in front of each part, which socat writes.
			for group in 1 2 3; do
				peer=\${peer//:0/:}
			done
			peer=\${peer//::/:0:}
			peer=\${peer//::/:0:}
			[[ $peer != *: ]] || peer+=0
		fi
		peer=[\${peer#:}]
	fi
	said="k3s-mesh-probe $probe_token here \${words[3]} \${words[4]} $probe_node $peer:$port"
	((\${#said} > \${#line})) || printf '%s\\n' "$said"
}
export -f answer_request

# Packets of strangers that a listener of UDP takes: each is a process or two, and a few dozen a second are all that can
# be done. A dozen peers of an earlier mesh, which knock every five seconds, stay below.
most_strangers=300

# Becomes a listener of UDP. How many strangers may still come is what is left in a pipe that its processes share.
listen_to_datagrams() {
	exec 8<> <(:)
	printf '%*s' "$most_strangers" '' >&8
	export probe_group=$BASHPID
	exec timeout "$probe_limit" "$probe_listener" "$@"
}

# Starts a listener for a protocol, address and port, which hands each request to a process of its own, and sets started to its number.
start_listener() {
	local command="$BASH --norc -c answer_request" family=4 address=$2
	if [[ $address == *:* ]]; then
		family=6
		address="[$address],ipv6only=1"
	fi
	local -a words
	case $probe_rung/$1 in
		socat/tcp) words=("TCP$family-LISTEN:$3,bind=$address,reuseaddr,backlog=128,fork,max-children=64" "EXEC:$command") ;;
		socat/udp) words=("UDP$family-RECVFROM:$3,bind=$address,fork" "EXEC:$command") ;;
		nc/tcp) words=(-n -l -k -m 64 -e "$command" "$2" "$3") ;;
		nc/udp) words=(-n -u -l -k -m 64 -e "$command" "$2" "$3") ;;
	esac
	if [[ $1 == udp ]]; then
		start listen_to_datagrams "\${words[@]}" >/dev/null
	else
		start timeout "$probe_limit" "$probe_listener" "\${words[@]}" >/dev/null
	fi
	started=$!
}

# Adds to problems the places where we listened and do no more, or could not take all that came.
tell_lost() {
	local key
	for key in "\${!served[@]}"; do
		if [[ -z \${bound[$key]-} ]]; then
			problems+=",{\${served[$key]},\\"problem\\":\\"so many packets of strangers came that $probe_rung was ended\\"}"
		elif ((bound[$key] > 0)); then
			problems+=",{\${served[$key]},\\"problem\\":\\"more packets came than $probe_rung could take\\"}"
		fi
	done
}
# Where we listen by UDP: the place as JSON, by its key of read_bound.
declare -A served

# Lets others reach us: the token, our name, and the places. Says which places can not be had, or could not be kept.
listen() {
	local place protocol address port key problems='' waits
	local -A wanted=() processes=()
	field "$1" token
	probe_token=$value
	field "$1" node
	probe_node=$value
	export probe_token probe_node
	read_bound
	tell_lost
	list "$1" places
	for place in "\${objects[@]}"; do
		field "$place" protocol
		protocol=$value
		field "$place" address
		address=$value
		field "$place" port
		port=$value
		address_key "$address"
		printf -v key '%04X' "$port"
		if is_held "$protocol $hexadecimal" "$key"; then
			problems+=",{\\"protocol\\":\\"$protocol\\",\\"address\\":\\"$address\\",\\"port\\":$port,\\"problem\\":\\"in use\\"}"
		elif [[ $probe_rung != counters ]]; then
			start_listener "$protocol" "$address" "$port"
			listeners+=("$started")
			key="$protocol $hexadecimal:$key"
			wanted[$key]="\\"protocol\\":\\"$protocol\\",\\"address\\":\\"$address\\",\\"port\\":$port"
			processes[$key]=$started
		fi
	done
	for ((waits = 0; waits < 60 && \${#wanted[@]} > 0; waits++)); do
		sleep 0.05
		read_bound
		for key in "\${!wanted[@]}"; do
			if ! kill -0 "\${processes[$key]}"; then
				problems+=",{\${wanted[$key]},\\"problem\\":\\"$probe_rung could not listen there\\"}"
				unset "wanted[$key]"
			elif [[ -n \${bound[$key]-} ]]; then
				[[ $key == tcp* ]] || served[$key]=\${wanted[$key]}
				unset "wanted[$key]"
			fi
		done
	done
	for key in "\${!wanted[@]}"; do
		problems+=",{\${wanted[$key]},\\"problem\\":\\"$probe_rung does not listen yet\\"}"
	done
	printf '{"listening":true,"refused":[%s]}\\n' "\${problems#,}"
}

# Packets so far for UDP ports where nobody listens.
count() {
	local -a names=() values
	local index found=0 found6=0 name value
	while read -r -a values; do
		if [[ \${values[0]} == Udp: && \${#names[@]} -gt 0 ]]; then
			for index in "\${!names[@]}"; do
				[[ \${names[index]} != NoPorts ]] || found=\${values[index]}
			done
		elif [[ \${values[0]} == Udp: ]]; then
			names=("\${values[@]}")
		fi
	done </proc/net/snmp
	while read -r name value; do
		[[ $name != Udp6NoPorts ]] || found6=$value
	done </proc/net/snmp6
	printf '{"counted":{"udp":%d,"udp6":%d}}\\n' "$found" "$found6"
}
`;
