/** Fifth part of the probe agent in Perl: what it tries towards others, always from ephemeral ports. */
export const triesSource = String.raw`
# Seconds after which a try towards one address and port is silent.
my $LIMIT = 3.5;
# Pauses between the packets of a UDP try; the rest of the limit is for the last answer.
my @PAUSES = (0.3, 0.5, 0.7, 0.9);

# Tries that wait and those that run: no more at once than there are file handles for.
my $MOST_TRIES = int($HANDLES / 2);
my $running = 0;
my @waiting;

# A try ends with exactly one report. One that is part of another tells that one.
sub end_try {
	my ($try, $report) = @_;
	return if $try->{done}++;
	drop($try->{sock}) if $try->{sock};
	delete $try->{sock};
	if ($try->{on_end}) {
		$try->{on_end}->($report);
		return;
	}
	report({%$report, tried => whole($try->{number}), sent => whole($try->{sent})});
	$running--;
	at(now(), \&go_on) if @waiting;
}

# Opens the socket of a try; false when that failed, and the try with it.
sub open_try {
	my ($try, $kind) = @_;
	my ($address, $port) = @{$try->{wanted}}{'address', 'port'};
	my $family = family_of($address);
	$try->{peer} = place_of($address, $port);
	$try->{sock} = open_socket($family, $kind) if $try->{peer};
	if (!$try->{sock}) {
		end_try($try, $try->{peer} ? outcome_of($! + 0) : {result => 'failed', reason => 'no address'});
		return 0;
	}
	ask_for_errors($try->{sock}, $family);
	return 1;
}

# Connects a socket of UDP; false when that failed, and the try with it.
sub open_packets {
	my ($try) = @_;
	open_try($try, SOCK_DGRAM) or return 0;
	if (!connect $try->{sock}, $try->{peer}) {
		my $number = $! + 0;
		end_try($try, outcome_of($number, icmp_refusal($try->{sock})));
		return 0;
	}
	return 1;
}

# Opens a connection, and calls with its round trip in seconds.
sub open_connection {
	my ($try, $on_connected) = @_;
	open_try($try, SOCK_STREAM) or return;
	my $sock = $try->{sock};
	my $refusal;
	$try->{give_up} = sub { end_try($try, outcome_of(ETIMEDOUT, $refusal)) };
	at(now() + $LIMIT, sub { $try->{give_up}->() if !$try->{done} });
	$try->{sent} = 1;
	my $began = now();
	if (!connect($sock, $try->{peer}) && $! != EINPROGRESS) {
		my $number = $! + 0;
		end_try($try, outcome_of($number, icmp_refusal($sock)));
		return;
	}
	my $step = sub {
		return if $try->{done};
		my $told = icmp_refusal($sock);
		my $number = unpack 'i', getsockopt $sock, SOL_SOCKET, SO_ERROR;
		if ($number == ECONNRESET) {
			# It came to be, and was cut before we looked.
			end_try($try, {result => 'connected', rtt => milliseconds(now() - $began)});
		} elsif ($number) {
			end_try($try, outcome_of($number, $told));
		} elsif (!getpeername $sock) {
			# Woken by the error queue alone: the kernel goes on trying, and so do we.
			$refusal = $told // $refusal;
		} else {
			watch($sock);
			$on_connected->(now() - $began);
		}
	};
	watch($sock, $step, $step);
}

# Connects and shows the token; when only a connection is wanted, that it came to be is the answer.
sub tcp_path {
	my ($try) = @_;
	open_connection($try, sub {
		my ($rtt) = @_;
		if ($try->{wanted}{connectOnly} || $try->{wanted}{what} eq 'tls') {
			end_try($try, {result => 'connected', rtt => milliseconds($rtt)});
			return;
		}
		my $heard = '';
		# Who said something else is none of ours; who said nothing may be busy.
		$try->{give_up} = sub {
			end_try($try, length $heard ? {result => 'stranger'} : {result => 'connected', rtt => milliseconds($rtt)});
		};
		my $sock = $try->{sock};
		if (!syswrite $sock, request($try->{number}, 0)) {
			$try->{give_up}->();
			return;
		}
		watch($sock, sub {
			my $data;
			my $read = sysread $sock, $data, 65536;
			return if !defined $read && ($! == EAGAIN || $! == EINTR);
			$heard .= $data if $read;
			return if $read && $heard !~ /\n/ && length $heard < $REQUEST;
			my $found = read_answer($heard);
			if ($found && $found->[0] == $try->{number}) {
				end_try($try, {result => 'answered', node => $found->[2], source => $found->[3], rtt => milliseconds($rtt)});
			} else {
				$try->{give_up}->();
			}
		});
	});
}

# Sends a few packets, one after the other, until one is answered.
sub udp_path {
	my ($try) = @_;
	open_packets($try) or return;
	my $sock = $try->{sock};
	my @times;
	my $refused;
	my $give_up = sub { end_try($try, $refused // {result => 'silent'}) };
	# One refusal may be chance: a further packet may still be answered. Two are none.
	my $note = sub {
		my ($told) = @_;
		if ($told->{result} eq 'failed' || ($refused && $told->{result} eq 'refused')) {
			end_try($try, $told);
		} elsif ($told->{result} eq 'refused') {
			$refused = $told;
			at(now() + $PAUSES[0] + 0.5, $give_up);
		}
	};
	watch($sock, sub {
		if (!defined recv $sock, my $data, 65535, 0) {
			my $number = $! + 0;
			my $refusal = icmp_refusal($sock);
			$note->(outcome_of($number, $refusal)) if $refusal || ($number != EAGAIN && $number != EINTR);
		} else {
			my $found = read_answer($data);
			if (!$found) {
				end_try($try, {result => 'stranger'});
			} elsif ($found->[0] == $try->{number} && $found->[1] < @times) {
				my $rtt = now() - $times[$found->[1]];
				end_try($try, {result => 'answered', node => $found->[2], source => $found->[3], rtt => milliseconds($rtt)});
			}
		}
	});
	at(now() + $LIMIT, $give_up);
	my $ask;
	$ask = sub {
		if ($try->{done}) {
			undef $ask;
			return;
		}
		push @times, now();
		if (send $sock, request($try->{number}, $#times), 0) {
			$try->{sent}++;
		} else {
			my $number = $! + 0;
			$note->(outcome_of($number, icmp_refusal($sock)));
		}
		at(now() + $PAUSES[$#times], $ask) if @times <= @PAUSES;
	};
	$ask->();
}
`;
