import {stunRequest} from '../stun.js';

/** Eighth part of the probe agent in Perl: what a node needs of the internet. */
export const servicesSource = String.raw`
# Seconds until a name counts as unresolved, and a service as silent.
my $NAME_LIMIT = 3;
my $SERVICE_LIMIT = 3;
# What is asked by one packet: the time (RFC 5905, 7.3: version 4, client, nothing else need be filled in), and a relay.
my %QUESTIONS = (time => "\x23" . "\0" x 47, stun => pack('H*', '${stunRequest}'));

sub lines_of {
	open my $lines, '<', $_[0] or return ();
	read $lines, my $text, 65536;
	return map { s/^\s+|\s+$//gr } split /\n/, $text;
}

# Is a proxy set for all of this machine? Its value may hold a password, and is not looked at.
sub has_proxy {
	my @names = map { /^(?:export\s+)?(\w+)\s*=/ ? $1 : () } lines_of('/etc/environment');
	return scalar grep { /^(?:https?|all)_proxy$/i } @names, keys %ENV;
}

# The time server that this machine is set to, or the one of most distributions.
sub time_server {
	for my $path (qw(/etc/systemd/timesyncd.conf /etc/chrony.conf /etc/chrony/chrony.conf /etc/ntp.conf /etc/ntpsec/ntp.conf)) {
		for (lines_of($path)) {
			return $1 if /^(?:NTP|server|pool)[\s=]+([^\s=]+)/;
		}
	}
	return 'pool.ntp.org';
}

# Processes that look names up, to end with us.
my %lookups;

# Looks a name up with the machine's own resolver, in a process, because it blocks; calls with its places.
sub look_up {
	my ($name, $port, $call) = @_;
	my $process = pipe(my $reader, my $writer) ? fork : undef;
	if (!defined $process) {
		$call->();
		return;
	}
	if ($process == 0) {
		alarm 2 * $NAME_LIMIT;
		my ($problem, @found) = Socket::getaddrinfo($name, $port, {socktype => SOCK_DGRAM});
		syswrite $writer, join '', map { unpack('H*', $_->{addr}) . "\n" } @found;
		# Not by exit, which would run what the parent has to run.
		kill KILL => $$;
	}
	close $writer;
	$lookups{$process} = 1;
	my $heard = '';
	watch($reader, sub {
		return if sysread $reader, $heard, 4096, length $heard;
		drop($reader);
		waitpid $process, 0;
		delete $lookups{$process};
		$call->(map { pack 'H*', $_ } split /\n/, $heard);
	});
}

# Is it an answer to our question? That of a relay has our number in it.
sub is_answer {
	my ($speaks, $data) = @_;
	return length $data >= 48 if $speaks eq 'time';
	return length $data >= 20 && substr($data, 0, 2) eq "\x01\x01" && substr($data, 8, 12) eq substr($QUESTIONS{stun}, 8, 12);
}

# A name, a connection, the time, or a relay, by plain packets.
sub service {
	my ($try) = @_;
	my $speaks = $try->{wanted}{speaks};
	my $question = $QUESTIONS{$speaks};
	my $host = length $try->{wanted}{address} ? $try->{wanted}{address} : time_server();
	my $problem = {result => 'silent'};
	my $looking = 1;
	my $finish = sub {
		my ($report) = @_;
		if ($report->{result} ne 'served' && !$question && has_proxy()) {
			$report = {result => 'failed', reason => 'a proxy is set in its environment, so plain connections say little'};
		}
		end_try($try, {%$report, host => $host});
	};
	my $next;
	$next = sub {
		my ($place, @left) = @_;
		drop($try->{sock}) if $try->{sock};
		delete $try->{sock};
		if (!defined $place) {
			undef $next;
			$finish->($problem);
			return;
		}
		my $family = Socket::sockaddr_family($place);
		my $sock = $try->{sock} = open_socket($family, $question ? SOCK_DGRAM : SOCK_STREAM);
		if (!$sock) {
			$finish->(outcome_of($! + 0));
			return;
		}
		ask_for_errors($sock, $family);
		$try->{sent}++;
		my $asked = now();
		if (!connect($sock, $place) && $! != EINPROGRESS) {
			$problem = outcome_of($! + 0);
			$next->(@left);
			return;
		}
		send $sock, $question, 0 if $question;
		my $step = sub {
			my $refusal = icmp_refusal($sock);
			my $number = unpack 'i', getsockopt $sock, SOL_SOCKET, SO_ERROR;
			if ($number || $refusal) {
				$problem = outcome_of($number, $refusal);
				$next->(@left);
				return;
			}
			if ($question) {
				my $data;
				return if !defined recv($sock, $data, 512, 0) || !is_answer($speaks, $data);
			} elsif (!getpeername $sock) {
				return;
			}
			$finish->({result => 'served', rtt => milliseconds(now() - $asked)});
		};
		watch($sock, $step, $question ? undef : $step);
	};
	my $began = now();
	at($began + $NAME_LIMIT, sub {
		return if !$looking || $try->{done};
		$looking = 0;
		$finish->({result => $speaks eq 'names' ? 'silent' : 'unresolved'});
	});
	look_up($host, $try->{wanted}{port}, sub {
		return if !$looking || $try->{done};
		$looking = 0;
		if (!@_) {
			$finish->({result => 'unresolved'});
		} elsif ($speaks eq 'names') {
			$finish->({result => 'served', rtt => milliseconds(now() - $began)});
		} else {
			at(now() + $SERVICE_LIMIT, sub { $finish->($problem) if !$try->{done} });
			# IPv4 first: a machine often has addresses of IPv6 without a way out.
			$next->(sort { Socket::sockaddr_family($a) <=> Socket::sockaddr_family($b) } @_);
		}
	});
}
`;
