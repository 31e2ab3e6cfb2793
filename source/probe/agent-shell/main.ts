/** Last part of the probe agent in bash: reads commands line by line, and looks after the processes that do them. */
export const mainSource = `
# Processes of listeners; tries that wait; those that run, by process: [number, when it is overdue].
listeners=()
waiting=()
declare -A running=() overdue=()
# Tries at once: each is a process or two.
most=48

# Starts what a try asks for in a process of its own, and remembers when it is overdue.
begin() {
	local id what protocol address port count speaks only= allowed=6
	field "$1" id
	id=$value
	field "$1" what
	what=$value
	field "$1" protocol
	protocol=$value
	field "$1" address
	address=$value
	field "$1" port
	port=$value
	field "$1" count
	count=$value
	field "$1" speaks
	speaks=$value
	field "$1" connectOnly
	[[ $value != true ]] || only=yes
	if [[ ! $id$port =~ ^[0-9]+$ || ! $address =~ ^[a-zA-Z0-9.:-]*$ ]]; then
		report "\${id//[!0-9]/}" 0 failed '"reason":"no address"'
		return
	fi
	case $what/$protocol in
		path/tcp) start tcp_path "$id" "$address" "$port" "$only" ;;
		tls/tcp) start tcp_path "$id" "$address" "$port" only ;;
		path/udp) start udp_path "$id" "$address" "$port" ;;
		burst/udp) start burst "$id" "$address" "$port" "$count" ;;
		service/*)
			allowed=8
			start service "$id" "$address" "$port" "$speaks"
			;;
		latency/*)
			if [[ -z $fine_clock ]]; then
				report "$id" 0 failed '"reason":"this bash has no clock that is fine enough"'
				return
			fi
			allowed=$((count + 5))
			start "\${protocol}_samples" "$id" "$address" "$port" "$count"
			;;
		*)
			report "$id" 0 failed '"reason":"a shell can not do that"'
			return
			;;
	esac
	running[$!]=$id
	stamp
	overdue[$!]=$((now + allowed * 1000000))
}

# Starts a process in the background. It leads a group of its own, so that it can be ended with all that it starts; our
# standard input is for commands alone.
start() {
	set -m
	"$@" </dev/null &
	set +m
}

# Starts what waits, as far as there is room.
go_on() {
	while ((\${#waiting[@]} > 0 && \${#running[@]} < most)); do
		begin "\${waiting[0]}"
		waiting=("\${waiting[@]:1}")
	done
}

# Collects tries that ended, and ends those that are overdue.
collect() {
	local process
	stamp
	for process in "\${!running[@]}"; do
		if kill -0 "$process"; then
			((now > overdue[$process])) || continue
			report "\${running[$process]}" 1 silent
		else
			wait "$process" || report "\${running[$process]}" 0 failed '"reason":"the shell of this try ended early"'
		fi
		# What it started may still wait for packets.
		kill -KILL -- "-$process"
		unset "running[$process]" "overdue[$process]"
	done
}

end() {
	trap '' TERM
	local process
	for process in "\${listeners[@]}" "\${!running[@]}"; do
		kill -KILL -- "-$process"
	done
	exit 0
}

# Has nobody said anything for too long? On a machine that is slow, what was said in time may wait to be read.
is_forsaken() {
	uptime
	((up - heard_at > probe_silence)) && ! read -r -t 0
}

exec 2>/dev/null
# PIPE: nobody hears any more, which may show before nobody speaks.
trap end TERM HUP INT PIPE
printf '{"ready":true,"version":"%s","interpreter":"%s"}\\n' "\${BASH_VERSION%%(*}" "$BASH\${probe_listener:+ with $probe_listener}"
pending=
uptime
heard_at=$up
while :; do
	tick=1
	((\${#running[@]} == 0)) || tick=0.05
	if IFS= read -r -t "$tick" part; then
		line=$pending$part
		pending=
		uptime
		heard_at=$up
		field "$line" do
		case $value in
			listen) listen "$line" ;;
			try)
				list "$line" tries
				waiting+=("\${objects[@]}")
				;;
			arrivals) echo '{"arrivals":[]}' ;;
			count) count ;;
		esac
	elif (($? > 128)); then
		pending+=$part
		! is_forsaken || end
	else
		end
	fi
	collect
	go_on
done
`;
