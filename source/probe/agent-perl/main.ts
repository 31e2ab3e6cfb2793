/** Last part of the probe agent in Perl: reads commands line by line and reports. */
export const mainSource = String.raw`
my %KINDS = (
	'path tcp' => \&tcp_path,
	'path udp' => \&udp_path,
	'tls tcp' => \&tcp_path,
	'latency tcp' => \&tcp_samples,
	'latency udp' => \&udp_samples,
	'mtu udp' => \&mtu_search,
	'burst udp' => \&burst,
	'mapping udp' => \&mapping,
	'service tcp' => \&service,
	'service udp' => \&service,
);

sub go_on {
	while (@waiting && $running < $MOST_TRIES) {
		my $wanted = shift @waiting;
		my $try = {number => $wanted->{id}, wanted => $wanted, sent => 0};
		$running++;
		my $kind = $KINDS{"$wanted->{what} $wanted->{protocol}"};
		if ($kind) {
			$kind->($try);
		} else {
			end_try($try, {result => 'failed', reason => 'the probe in Perl knows no such try'});
		}
	}
}

sub obey {
	my ($command) = @_;
	my $what = $command->{do};
	if ($what eq 'listen') {
		($token, $node) = @{$command}{'token', 'node'};
		my @refused;
		for my $place (@{$command->{places}}) {
			my ($protocol, $address, $port) = @{$place}{'protocol', 'address', 'port'};
			my $problem = bind_place($protocol, $address, $port);
			push @refused, {protocol => $protocol, address => $address, port => whole($port), problem => $problem} if defined $problem;
		}
		say_line({listening => truth(), refused => \@refused});
	} elsif ($what eq 'try') {
		push @waiting, @{$command->{tries}};
		go_on();
	} elsif ($what eq 'arrivals') {
		say_line({arrivals => [map { {id => whole($_), source => $arrived{$_}[0], packets => whole($arrived{$_}[1] < 100000 ? $arrived{$_}[1] : 100000)} } keys %arrived]});
	} elsif ($what eq 'count') {
		say_line({counted => no_ports()});
	}
}

sub leave {
	kill KILL => keys %lookups;
	exit 0;
}

# Ends when it has heard nothing for this long, in seconds.
my $SILENCE = delete $ENV{probe_silence};
my $heard_at = now();

sub look_for_life {
	my $left = $heard_at + $SILENCE - now();
	if ($left <= 0) {
		# A machine that is slow has not read yet what was said in time.
		vec(my $said = '', fileno STDIN, 1) = 1;
		leave() if select($said, undef, undef, 0) < 1;
		$left = $SILENCE;
	}
	at(now() + $left, \&look_for_life);
}

# Without a handler the alarm ends the process, whatever it is doing.
alarm delete $ENV{probe_limit};
# A visitor who is gone when we answer must not end us.
$SIG{PIPE} = 'IGNORE';
my $heard = '';
watch(\*STDIN, sub {
	leave() if !sysread STDIN, $heard, 65536, length $heard;
	$heard_at = now();
	while ($heard =~ s/^(.*)\n//) {
		obey(from_json("$1"));
	}
});
look_for_life();
say_line({ready => truth(), version => sprintf('%vd', $^V), interpreter => $^X});
run_loop();
`;
