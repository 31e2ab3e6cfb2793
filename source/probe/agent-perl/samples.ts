/** Sixth part of the probe agent in Perl: round-trip times, and the largest packet that passes. */
export const samplesSource = String.raw`
# Seconds between two samples, and after the last one until it counts as lost.
my $GAP = 0.05;
my $LATE = 1.0;

# Round trips by packets that are sent whether or not the ones before were answered.
sub udp_samples {
	my ($try) = @_;
	open_packets($try) or return;
	my ($sock, $count) = ($try->{sock}, $try->{wanted}{count});
	my (%times, @rtts);
	my $give_up = sub { end_try($try, {result => 'sampled', rtts => [@rtts]}) };
	watch($sock, sub {
		my $data;
		if (!defined recv $sock, $data, 65535, 0) {
			icmp_refusal($sock);
			return;
		}
		my $time = now();
		my $found = read_answer($data);
		if ($found && $found->[0] == $try->{number} && defined(my $sent = delete $times{$found->[1]})) {
			push @rtts, milliseconds($time - $sent);
			$give_up->() if @rtts == $count;
		}
	});
	my $ask = sub {
		return if $try->{done};
		my $data = request($try->{number}, $try->{sent});
		$times{$try->{sent}++} = now();
		send $sock, $data, 0 or icmp_refusal($sock);
	};
	my $begin = now() + $try->{wanted}{phase} * $GAP;
	at($begin + $_ * $GAP, $ask) for 0 .. $count - 1;
	at($begin + $count * $GAP + $LATE, $give_up);
}

# Round trips by connections, one after the other, for pairs that have no UDP path.
sub tcp_samples {
	my ($try) = @_;
	my @rtts;
	my $ask;
	$ask = sub {
		$try->{sent}++;
		tcp_path({
			number => $try->{number},
			wanted => {%{$try->{wanted}}, what => 'path', connectOnly => 1},
			on_end => sub {
				my ($report) = @_;
				push @rtts, $report->{rtt} if $report->{result} eq 'connected';
				if ($try->{sent} < $try->{wanted}{count}) {
					at(now() + $GAP, $ask);
				} else {
					undef $ask;
					end_try($try, {result => 'sampled', rtts => [@rtts]});
				}
			},
		});
	};
	$ask->();
}

my $IP_MTU_DISCOVER = 10;
my $IPV6_MTU_DISCOVER = 23;
# Sets "do not fragment" and sends what the interface can carry, whatever the kernel believes of the path.
my $PMTUDISC_PROBE = 3;
my $IP_MTU = 14;
my $IPV6_MTU = 24;

# How the largest packet is searched: sizes at once, tries of each, seconds that one waits, and the smallest.
my $POINTS = 12;
my $SIZE_TRIES = 3;
my $SIZE_WAIT = 0.5;
my $SMALLEST = 576;

# The largest IP packet that arrives: first the size of the interface, then many sizes at once between what passed and what did not.
sub mtu_search {
	my ($try) = @_;
	open_try($try, SOCK_DGRAM) or return;
	my $sock = $try->{sock};
	my $six = family_of($try->{wanted}{address}) == AF_INET6;
	my $headers = $six ? 48 : 28;
	my ($level, $discover, $mtu) = $six ? (IPPROTO_IPV6, $IPV6_MTU_DISCOVER, $IPV6_MTU) : ($SOL_IP, $IP_MTU_DISCOVER, $IP_MTU);
	setsockopt $sock, $level, $discover, pack 'i', $PMTUDISC_PROBE;
	if (!connect $sock, $try->{peer}) {
		end_try($try, outcome_of($! + 0));
		return;
	}
	my $largest = unpack 'i', getsockopt $sock, $level, $mtu;
	# UDP can not carry more, although a loopback device says 65536.
	my $failed = ($largest < 65535 ? $largest : 65535) + 1;
	my ($passed, $tries, $round) = (0, 0, 0);
	my (@sizes, $ask, $next);
	my $begin_round = sub {
		@sizes = grep { $_ > $passed } @_;
		$tries = 0;
		$round++;
		$ask->();
	};
	$ask = sub {
		return if $try->{done};
		my @left = grep { $_ > $passed } @sizes;
		if (!@left || $tries == $SIZE_TRIES) {
			$next->();
			return;
		}
		$tries++;
		for my $size (@left) {
			if (send $sock, request($try->{number}, $size, $size - $headers), 0) {
				$try->{sent}++;
			} else {
				icmp_refusal($sock);
			}
		}
		my ($asked, $asking) = ($tries, $round);
		at(now() + $SIZE_WAIT, sub { $ask->() if $tries == $asked && $round == $asking && !$try->{done} });
	};
	$next = sub {
		my @lost = grep { $_ > $passed } @sizes;
		for my $size (@lost) { $failed = $size if $size < $failed }
		my $low = $passed || $SMALLEST - 1;
		my $gap = $failed - $low;
		if ($gap <= 1 || (!$passed && grep { $_ == $SMALLEST } @lost)) {
			end_try($try, {result => 'largest', bytes => whole($passed)});
			return;
		}
		my $step = int($gap / ($POINTS + 1)) || 1;
		my @further = $passed ? () : ($SMALLEST);
		for (my $size = $low + $step; $size < $failed; $size += $step) { push @further, $size }
		$begin_round->(@further);
	};
	watch($sock, sub {
		my $data;
		if (!defined recv $sock, $data, 65535, 0) {
			icmp_refusal($sock);
			return;
		}
		my $found = read_answer($data);
		return if !$found || $found->[0] != $try->{number} || !grep { $_ == $found->[1] } @sizes;
		$passed = $found->[1] if $found->[1] > $passed;
		$next->() if !grep { $_ > $passed } @sizes;
	});
	$begin_round->($failed - 1);
}
`;
