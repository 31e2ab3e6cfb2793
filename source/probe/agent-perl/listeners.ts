/** Fourth part of the probe agent in Perl: sockets that answer, one for each local address. */
export const listenersSource = String.raw`
# File handles for what others ask of us, and for what we ask of others.
my $HANDLES = delete($ENV{probe_handles}) || 1024;
# Connections that may be open at once, how long one may stay (in seconds), and tries whose arrival is remembered.
my $CONNECTIONS = int($HANDLES / 4);
my $PATIENCE = 5;
my $REMEMBERED = 20000;

my $connections = 0;
# TCP sockets that listen, kept open; those of UDP by address and port.
my @listening;
my %udp;
# [source, packets] by the number of the try, and who waits for answers at a socket of ours.
my (%arrived, %awaiting);

sub note_arrival {
	my ($number, $peer) = @_;
	if ($arrived{$number}) {
		$arrived{$number}[1]++;
	} elsif (keys %arrived < $REMEMBERED) {
		$arrived{$number} = [shown($peer), 1];
	}
}

sub echo {
	my ($sock) = @_;
	# A burst is taken in one go, but does not keep the others waiting for ever.
	for (1 .. 64) {
		my $peer = recv $sock, my $data, 65535, 0;
		if (!defined $peer) {
			return if $! == EAGAIN || $! == EINTR;
			next;
		}
		my ($number, $said) = answer($data, $peer);
		if (defined $number) {
			note_arrival($number, $peer);
			send $sock, $said, 0, $peer if defined $said;
		} elsif (%awaiting && (my $found = read_answer($data))) {
			$awaiting{$found->[0]}->($found, $peer) if $awaiting{$found->[0]};
		}
	}
}

# One connection to a port of ours: a request of one line, an answer of one line, the end.
sub visit {
	my ($connection, $peer) = @_;
	my ($heard, $done) = ('', 0);
	my $end = sub {
		return if $done++;
		$connections--;
		drop($connection);
	};
	watch($connection, sub {
		my $data;
		my $read = sysread $connection, $data, $REQUEST;
		return if !defined $read && ($! == EAGAIN || $! == EINTR);
		$heard .= $data if $read;
		return if $read && $heard !~ /\n/ && length $heard < $REQUEST;
		my ($number, $said) = answer($heard, $peer);
		if (defined $number) {
			note_arrival($number, $peer);
			syswrite $connection, $said if defined $said;
		}
		$end->();
	});
	at(now() + $PATIENCE, $end);
}

sub accept_visitors {
	my ($sock) = @_;
	for (1 .. 64) {
		my $peer = accept my $connection, $sock or return;
		if ($connections >= $CONNECTIONS || !fcntl $connection, F_SETFL, O_NONBLOCK) {
			close $connection;
			next;
		}
		$connections++;
		visit($connection, $peer);
	}
}

# Binds a port; returns nothing, or why it can not be had.
sub bind_place {
	my ($protocol, $address, $port) = @_;
	my $family = family_of($address);
	my $place = place_of($address, $port) or return 'no address';
	my $sock = open_socket($family, $protocol eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM) or return "$!";
	setsockopt $sock, IPPROTO_IPV6, IPV6_V6ONLY, pack 'i', 1 if $family == AF_INET6;
	# Without it, connections that ended a minute ago would hold the port. For UDP it would share it.
	setsockopt $sock, SOL_SOCKET, SO_REUSEADDR, pack 'i', 1 if $protocol eq 'tcp';
	if (!bind($sock, $place) || ($protocol eq 'tcp' && !listen $sock, 512)) {
		return $! == EADDRINUSE ? 'in use' : "$!";
	}
	if ($protocol eq 'tcp') {
		push @listening, $sock;
		watch($sock, sub { accept_visitors($sock) });
	} else {
		$udp{shown(getsockname $sock)} = $sock;
		watch($sock, sub { echo($sock) });
	}
	return undef;
}

# The socket that sends from this port to there: the listener on the route's own address, or one of a free port.
sub sender_to {
	my ($place, $port) = @_;
	my $family = Socket::sockaddr_family($place);
	my $route = open_socket($family, SOCK_DGRAM) or return undef;
	connect $route, $place or return undef;
	my ($own) = parts_of(getsockname $route);
	close $route;
	my $bound = $udp{shown(place_of($own, $port))};
	return $bound if $bound;
	if (!$udp{"shared $family"}) {
		my $sock = open_socket($family, SOCK_DGRAM) or return undef;
		bind $sock, place_of($family == AF_INET6 ? '::' : '0.0.0.0', 0) or return undef;
		$udp{"shared $family"} = $sock;
		watch($sock, sub { echo($sock) });
	}
	return $udp{"shared $family"};
}
`;
