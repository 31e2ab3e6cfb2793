/**
 * First part of the probe agent in bash: clock, commands and reports. Bash 4 and the programs that every system has
 * (dd, sleep, timeout), for a node with neither Python nor Perl.
 *
 * It speaks like the agent in Python (`../agent`) as far as a shell can: bash sends by /dev/tcp and /dev/udp, and
 * socat or ncat listens where there is one. No here-documents and no here-strings, because bash keeps those on disk.
 */
export const baseSource = `
# Names of files mean nothing here.
set -f
LC_ALL=C
magic=k3s-mesh-probe
# Bytes of a request: room for the longest answer, so that an answer is never longer than what was asked.
request_size=256
probe_token=
probe_node=

# Sets now, in microseconds: of the clock, or of the uptime where bash is too old to know the clock that well.
if [[ -n \${EPOCHREALTIME-} ]]; then
	fine_clock=yes
	stamp() { now=\${EPOCHREALTIME/[.,]/}; }
else
	fine_clock=
	stamp() {
		read -r now _ </proc/uptime
		now=$((10#\${now/./} * 10000))
	}
fi

# Sets up to the seconds that the machine runs: a clock that is set anew says nothing of how long somebody was silent.
uptime() {
	read -r up _ </proc/uptime
	up=\${up%.*}
}

# Writes microseconds as what read -t takes: never 0, which would not wait at all.
seconds() {
	local micros=$1
	((micros > 1000)) || micros=1000
	printf -v "$2" '%d.%06d' $((micros / 1000000)) $((micros % 1000000))
}

# Writes microseconds as milliseconds.
milliseconds() {
	local micros=$1
	((micros >= 0)) || micros=0
	printf -v "$2" '%d.%03d' $((micros / 1000)) $((micros % 1000))
}

# Sets value to what an object of a command has under a name. Our client writes neither spaces nor escapes there.
field() {
	local rest=\${1#*"\\"$2\\":"}
	value=
	[[ $rest != "$1" ]] || return 0
	if [[ $rest == '"'* ]]; then
		rest=\${rest#'"'}
		value=\${rest%%'"'*}
	else
		value=\${rest%%[,\\}]*}
	fi
}

# Sets objects to the objects of the list that a command has under a name.
list() {
	local rest=\${1#*"\\"$2\\":["} between='},{' line=$'}\\n{'
	rest=\${rest%%']'*}
	objects=()
	[[ -z $rest ]] || mapfile -t objects < <(printf '%s\\n' "\${rest//"$between"/$line}")
}

# Writes text of the system as it may stand in JSON.
plain() {
	local text=\${1//[!a-zA-Z0-9 _.,:()\\/-]/?}
	printf -v "$2" '%s' "\${text:0:150}"
}

# The number of the try, packets sent, result, and whatever else belongs to it.
report() {
	printf '{"tried":%d,"sent":%d,"result":"%s"%s}\\n' "$1" "$2" "$3" "\${4:+,$4}"
}

printf -v padding '%*s' "$request_size" ''
padding=\${padding// /.}

request() {
	local head="$magic $probe_token ask $1 $2 "
	printf '%s%s\\n' "$head" "\${padding:0:request_size - \${#head} - 1}"
}

# Sets answer to number, sequence, node and source; fails when somebody else speaks.
read_answer() {
	local -a words=($1)
	[[ \${#words[@]} -eq 7 && \${words[0]} == "$magic" && \${words[1]} == "$probe_token" && \${words[2]} == here ]] || return
	[[ \${words[3]} =~ ^[0-9]{1,10}$ && \${words[4]} =~ ^[0-9]{1,10}$ ]] || return
	answer=("\${words[3]}" "\${words[4]}" "\${words[5]//[!a-zA-Z0-9.-]/?}" "\${words[6]//[!][0-9a-zA-Z.:]/?}")
}
`;
