/** Seventh part of the probe agent in Perl: packets from one socket to all, bursts, and what the kernel counted. */
export const mappingSource = String.raw`
# Seconds from the start at which packets leave, and after which no answer is expected.
my @MAPPING_TIMES = (0, 0.3, 0.6, 1.0, 1.5, 2.1);
my $MAPPING_END = 2.8;

# Packets from the listener's own socket, so that all leave from one port: under which address and port do they arrive?
sub mapping {
	my ($try) = @_;
	my ($address, $port) = @{$try->{wanted}}{'address', 'port'};
	my $peer = place_of($address, $port);
	# Not the socket of the try, which ends with it.
	my $sender = $peer && sender_to($peer, $try->{wanted}{localPort});
	if (!$sender) {
		end_try($try, outcome_of($! + 0));
		return;
	}
	my (undef, $local) = parts_of(getsockname $sender);
	my $expected = shown($peer);
	my @times;
	my $finish = sub {
		delete $awaiting{$try->{number}};
		end_try($try, {%{$_[0]}, localPort => whole($local)});
	};
	$awaiting{$try->{number}} = sub {
		my ($found, $from) = @_;
		return if shown($from) ne $expected || $found->[1] >= @times;
		$finish->({result => 'answered', node => $found->[2], source => $found->[3], rtt => milliseconds(now() - $times[$found->[1]])});
	};
	my $ask = sub {
		return if $try->{done};
		push @times, now();
		if (send $sender, request($try->{number}, $#times), 0, $peer) {
			$try->{sent}++;
		} elsif ($! != EAGAIN) {
			# Firewalls of our own, and routes that are not there: the next packet fares no better.
			$finish->(outcome_of($! + 0));
		}
	};
	my $begin = now();
	at($begin + $_, $ask) for @MAPPING_TIMES;
	at($begin + $MAPPING_END, sub { $finish->({result => 'silent'}) if !$try->{done} });
}

# Packets in a row for a target that can not answer, so many seconds apart; a refusal that comes back is told.
my $BURST_GAP = 0.01;

sub burst {
	my ($try) = @_;
	open_packets($try) or return;
	my ($sock, $count) = ($try->{sock}, $try->{wanted}{count});
	my $refusal;
	my $read = sub {
		$refusal = icmp_refusal($sock) // $refusal;
		recv $sock, my $data, 512, 0;
	};
	watch($sock, $read);
	my $ask = sub {
		return if $try->{done};
		for (1 .. 2) {
			if (send $sock, request($try->{number}, $try->{sent}), 0) {
				$try->{sent}++;
				return;
			}
			# An error of an earlier packet: this one has not left yet.
			$read->();
		}
	};
	my $begin = now();
	at($begin + $_ * $BURST_GAP, $ask) for 0 .. $count - 1;
	at($begin + $count * $BURST_GAP + 0.5, sub {
		end_try($try, $refusal ? outcome_of(0, $refusal) : {result => 'sent'});
	});
}

# Packets so far for ports where nobody listens.
sub no_ports {
	my %found = (udp => 0, udp6 => 0);
	if (open my $lines, '<', '/proc/net/snmp') {
		my ($names, $values) = map { [split] } grep { /^Udp:/ } <$lines>;
		for my $index (0 .. $#{$names // []}) {
			$found{udp} = $values->[$index] if $names->[$index] eq 'NoPorts';
		}
	}
	if (open my $lines, '<', '/proc/net/snmp6') {
		for (<$lines>) {
			$found{udp6} = $1 if /^Udp6NoPorts\s+(\d+)/;
		}
	}
	return {map { $_ => whole($found{$_}) } keys %found};
}
`;
