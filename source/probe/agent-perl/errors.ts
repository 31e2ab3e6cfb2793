/** Third part of the probe agent in Perl: who said no, from the error queue of a socket. */
export const errorsSource = String.raw`
my $IP_RECVERR = 11;
my $IPV6_RECVERR = 25;
my $MSG_ERRQUEUE = 0x2000;
my ($ORIGIN_ICMP, $ORIGIN_ICMP6) = (2, 3);
my %UNREACHABLE = (
	0 => 'net-unreachable',
	1 => 'host-unreachable',
	2 => 'protocol-unreachable',
	3 => 'port-unreachable',
	5 => 'source-route-failed',
	9 => 'net-prohibited',
	10 => 'host-prohibited',
	11 => 'net-unreachable-for-service',
	12 => 'host-unreachable-for-service',
	13 => 'admin-prohibited',
);
my %UNREACHABLE6 = (
	0 => 'no-route',
	1 => 'admin-prohibited',
	2 => 'beyond-scope',
	3 => 'address-unreachable',
	4 => 'port-unreachable',
	5 => 'source-policy',
	6 => 'reject-route',
);

sub ask_for_errors {
	my ($sock, $family) = @_;
	if ($family == AF_INET6) {
		setsockopt $sock, IPPROTO_IPV6, $IPV6_RECVERR, pack 'i', 1;
	} else {
		setsockopt $sock, $SOL_IP, $IP_RECVERR, pack 'i', 1;
	}
}

# The control data of one message of the error queue, or nothing when there is none. Perl's own recv does not give it.
sub next_error {
	my ($sock) = @_;
	my ($size, $pointer) = (512, $Config{ptrsize});
	my ($payload, $control) = ("\0" x $size, "\0" x $size);
	# The kernel writes into these: they must be no copies that Perl shares with others.
	substr($_, 0, 1) = "\0" for $payload, $control;
	my $vector = pack 'P L!', $payload, $size;
	my $header = pack "P I x!$pointer P L! P L! i x!$pointer", undef, 0, $vector, 1, $control, $size, 0;
	return undef if syscall($RECVMSG, fileno $sock, $header, $MSG_ERRQUEUE) < 0;
	my ($length) = unpack "x[P] x[I] x!$pointer x[P] x[L!] x[P] L!", $header;
	return substr $control, 0, $length;
}

# [offender, reason] of the last refusal that came as ICMP, or nothing. Empties the error queue.
sub icmp_refusal {
	my ($sock) = @_;
	my $found;
	my $word = length pack 'L!', 0;
	while (defined(my $control = next_error($sock))) {
		while (length $control >= $word + 8) {
			my ($length) = unpack 'L!', $control;
			last if $length < $word + 8;
			my $data = substr $control, $word + 8, $length - $word - 8;
			$control = substr $control, ($length + $word - 1 & ~($word - 1)) < length $control ? ($length + $word - 1 & ~($word - 1)) : length $control;
			next if length $data < 16;
			# errno, origin, type, code, padding, info, data; the sockaddr of who said it follows.
			my (undef, $origin, $type, $code) = unpack 'I C C C', $data;
			my $rest = substr $data, 16;
			if ($origin == $ORIGIN_ICMP && $type == 3 && $UNREACHABLE{$code} && length $rest >= 8) {
				$found = [Socket::inet_ntop(AF_INET, substr $rest, 4, 4), $UNREACHABLE{$code}];
			}
			if ($origin == $ORIGIN_ICMP6 && $type == 1 && $UNREACHABLE6{$code} && length $rest >= 24) {
				$found = [Socket::inet_ntop(AF_INET6, substr $rest, 8, 16), $UNREACHABLE6{$code}];
			}
		}
	}
	if ($found && $found->[1] =~ /^(?:host-unreachable|address-unreachable)$/) {
		# When no neighbour answers, our own kernel says so in the form of ICMP.
		my ($own) = parts_of(getsockname $sock);
		return undef if $found->[0] eq $own;
	}
	return $found;
}

# What an error of connecting or sending means.
sub outcome_of {
	my ($number, $refusal) = @_;
	return {result => 'refused', by => $refusal->[0], reason => $refusal->[1]} if $refusal;
	return {result => 'refused', by => undef, reason => 'connection refused'} if $number == ECONNREFUSED;
	return {result => 'refused', by => undef, reason => "blocked by the sender's own firewall"} if $number == EPERM;
	# No ICMP: the neighbour did not answer. That is silence too.
	return {result => 'silent'} if $number == EHOSTUNREACH || $number == ETIMEDOUT;
	local $! = $number;
	return {result => 'failed', reason => "$!"};
}
`;
