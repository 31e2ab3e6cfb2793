import {plainValue, type AnswerLines} from './answer-lines.js';
import type {ScriptField} from './script.js';

/**
 * Programs that ask a DNS server for the address of a name: three tries of 2 s each. Their arguments are server,
 * port and name. They print `dns yes`, or `dns no` and why. No single quotes: they stand in single quotes of a shell.
 */
export const dnsPrograms = {
	python: String.raw`
import socket, struct, sys
server, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
family, kind = (socket.AF_INET6, 28) if ":" in server else (socket.AF_INET, 1)
question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
query = struct.pack(">HHHHHH", 17, 256, 1, 0, 0, 0) + question + struct.pack(">HH", kind, 1)
said = "no answer"
for attempt in range(3):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(2)
    try:
        s.connect((server, port))
        s.send(query)
        answer = s.recv(2048)
        flags, answers = struct.unpack(">HxxH", answer[2:8])
        if flags & 15 == 0 and answers > 0:
            print("dns yes")
            sys.exit(0)
        said = "answers with code %d and %d records" % (flags & 15, answers)
    except OSError as error:
        said = "no answer (%s)" % error
    finally:
        s.close()
print("dns no " + said)
`,
	perl: String.raw`
use strict;
use Socket qw(:DEFAULT inet_pton AF_INET6 pack_sockaddr_in6);
my ($server, $port, $name) = @ARGV;
my ($family, $kind) = $server =~ /:/ ? (AF_INET6, 28) : (AF_INET, 1);
my $host = inet_pton($family, $server);
my $to = $family == AF_INET ? pack_sockaddr_in($port, $host) : pack_sockaddr_in6($port, $host);
my $question = join("", map { chr(length) . $_ } split(/\./, $name)) . "\0";
my $query = pack("n6", 17, 256, 1, 0, 0, 0) . $question . pack("nn", $kind, 1);
my $said = "no answer";
for (1 .. 3) {
	my $s;
	if (!socket($s, $family, SOCK_DGRAM, 0) || !connect($s, $to) || !defined(send($s, $query, 0))) {
		$said = "no answer ($!)";
		next;
	}
	my $ready = "";
	vec($ready, fileno($s), 1) = 1;
	next if select($ready, undef, undef, 2) < 1;
	my $answer = "";
	if (!defined(recv($s, $answer, 2048, 0)) || length($answer) < 12) {
		$said = "no answer ($!)";
		next;
	}
	my (undef, $flags, undef, $answers) = unpack("n4", $answer);
	if (($flags & 15) == 0 && $answers > 0) {
		print "dns yes\n";
		exit 0;
	}
	$said = sprintf("answers with code %d and %d records", $flags & 15, $answers);
}
print "dns no $said\n";
`,
	// The query goes through dd because printf would send a new datagram after each byte that is a line end.
	bash: `
server=$1 port=$2 name=$3 kind=1
case "$server" in *:*) kind=34 ;; esac
query="\\\\0000\\\\0021\\\\0001\\\\0000\\\\0000\\\\0001\\\\0000\\\\0000\\\\0000\\\\0000\\\\0000\\\\0000"
IFS=.
for part in $name; do
	query="$query$(printf "\\\\\\\\0%03o" "\${#part}")$part"
done
IFS=" "
query="$query\\\\0000\\\\0000\\\\0$(printf "%03d" "$kind")\\\\0000\\\\0001"
said="no answer"
for attempt in 1 2 3; do
	exec 3<>"/dev/udp/$server/$port" || continue
	printf "%b" "$query" | dd ibs=1 obs=512 >&3 2>/dev/null
	set -- $(timeout 2 dd bs=2048 count=1 <&3 2>/dev/null | od -An -v -tu1 | head -n 1)
	exec 3>&-
	[ "$#" -ge 8 ] || continue
	if [ "$(($4 % 16))" -eq 0 ] && [ "$(($7 * 256 + $8))" -gt 0 ]; then
		echo "dns yes"
		exit 0
	fi
	said="answers with code $(($4 % 16)) and $(($7 * 256 + $8)) records"
done
echo "dns no $said"
`,
} as const;

/**
 * `ask_dns WORDS…`: asks `$dns_server` for `$dns_name`, with the words before the command, by the first program
 * of the host that can. nslookup is last: it tells no wrong answer from none, and which options it has differs.
 */
export const askDns = String.raw`
ask_dns_by() {
	dns_asker=$1
	shift
	if [ "$dns_asker" != nslookup ]; then
		command -v "$dns_asker" >/dev/null 2>&1 || return 1
	fi
	case "$dns_asker" in
		*python*) "$@" "$dns_asker" -c '${dnsPrograms.python}' "$dns_server" 53 "$dns_name" ;;
		perl) "$@" perl -e '${dnsPrograms.perl}' "$dns_server" 53 "$dns_name" ;;
		bash) "$@" bash -c '${dnsPrograms.bash}' dns "$dns_server" 53 "$dns_name" ;;
		nslookup)
			command -v nslookup >/dev/null 2>&1 || return 1
			if "$@" nslookup "$dns_name" "$dns_server" >/dev/null; then
				echo 'dns yes'
			else
				echo 'dns no nslookup got no answer'
			fi
			;;
	esac
}
ask_dns() {
	for dns_program in python3 /usr/libexec/platform-python perl bash nslookup; do
		dns_said=$(ask_dns_by "$dns_program" "$@" 2>/dev/null </dev/null) || continue
		case "$dns_said" in
			'dns '*)
				printf '%s\n' "$dns_said"
				return 0
				;;
		esac
	done
	echo 'dns no it cannot be asked: neither python3, perl, bash nor nslookup is on this machine'
}
`;

/** The fields that `ask_dns` reads. */
export const dnsFields = (
	server: string | undefined,
	name: string,
): readonly ScriptField[] => [
	{name: 'dns_server', value: plainValue('address', server ?? '')},
	{name: 'dns_name', value: plainValue('name', name)},
];

/** What a DNS server said, for people when it was nothing good. */
export type DnsAnswer = {readonly ok: boolean; readonly detail: string};

/** Reads what `ask_dns` printed; `undefined` when nothing was asked. */
export const readDns = (answer: AnswerLines): DnsAnswer | undefined => {
	const dns = answer.optional('dns');
	return dns === undefined
		? undefined
		: {ok: dns === 'yes', detail: dns.replace(/^(?:yes|no) ?/, '')};
};
