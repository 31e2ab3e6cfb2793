/**
 * First part of the probe agent in Perl: clock, event loop and sockets. Perl 5.14 with what perl-base has, no more:
 * there is no Time::HiRes in it, so the clock is read by the system call.
 *
 * It speaks like the agent in Python (`../agent`), to us and to the other nodes, and is built the same way.
 */
export const loopSource = String.raw`
use 5.014;
use strict;
use Config;
use Errno qw(EADDRINUSE EAGAIN ECONNREFUSED ECONNRESET EHOSTUNREACH EINPROGRESS EINTR EPERM ETIMEDOUT);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Socket 2.000 qw(:DEFAULT IPPROTO_IPV6 IPV6_V6ONLY);

# Numbers of clock_gettime and recvmsg, by the start of Perl's own name of the machine.
my %CALLS = (
	x86_64 => [228, 47],
	aarch64 => [113, 212],
	riscv64 => [113, 212],
	arm => [263, 297],
	s390x => [260, 372],
	i386 => [265, 372],
	i686 => [265, 372],
	powerpc64le => [246, 342],
	ppc64le => [246, 342],
);
my ($CLOCK_GETTIME, $RECVMSG) = map { @{$CALLS{$_}} } grep { $Config{archname} =~ /^$_/ } sort { length $b <=> length $a } keys %CALLS;
my $MONOTONIC = 1;
my $SOL_IP = 0;

sub now {
	my $time = pack 'l!l!', 0, 0;
	syscall($CLOCK_GETTIME, $MONOTONIC, $time) == 0 or die "this machine's clock can not be read\n";
	my ($seconds, $nanoseconds) = unpack 'l!l!', $time;
	return $seconds + $nanoseconds / 1e9;
}

# What waits: [when, order, call], the last one first.
my @timers;
my $order = 0;

sub at {
	my ($when, $call) = @_;
	my ($low, $high) = (0, scalar @timers);
	while ($low < $high) {
		my $middle = ($low + $high) >> 1;
		if ($timers[$middle][0] > $when) { $low = $middle + 1 } else { $high = $middle }
	}
	splice @timers, $low, 0, [$when, $order++, $call];
}

# Who is called when a handle can be read or written, and the bits for select.
my (%readers, %writers);
my ($reading, $writing) = ('', '');

sub watch {
	my ($handle, $on_read, $on_write) = @_;
	my $number = fileno $handle;
	vec($reading, $number, 1) = $on_read ? 1 : 0;
	vec($writing, $number, 1) = $on_write ? 1 : 0;
	if ($on_read) { $readers{$number} = $on_read } else { delete $readers{$number} }
	if ($on_write) { $writers{$number} = $on_write } else { delete $writers{$number} }
}

sub drop {
	my ($handle) = @_;
	my $number = fileno $handle;
	return if !defined $number;
	watch($handle);
	close $handle;
}

sub run_loop {
	while (1) {
		my $time = now();
		while (@timers && $timers[-1][0] <= $time) {
			(pop @timers)->[2]->();
		}
		my $wait;
		if (@timers) {
			$wait = $timers[-1][0] - now();
			$wait = 0 if $wait < 0;
		}
		my ($readable, $writable) = ($reading, $writing);
		my $found = select $readable, $writable, undef, $wait;
		next if $found <= 0;
		# An earlier call of this round may have closed what a later one is for, and given its number to another.
		my %before = map { $_ => $readers{$_} } grep { vec $readable, $_, 1 } keys %readers;
		my %ready = map { $_ => $writers{$_} } grep { vec $writable, $_, 1 } keys %writers;
		for my $number (keys %before) {
			$before{$number}->() if ($readers{$number} // 0) == $before{$number};
		}
		for my $number (keys %ready) {
			$ready{$number}->() if ($writers{$number} // 0) == $ready{$number};
		}
	}
}

sub family_of {
	return $_[0] =~ /:/ ? AF_INET6 : AF_INET;
}

# The kernel's form of an address and a port.
sub place_of {
	my ($address, $port) = @_;
	my $family = family_of($address);
	my $bytes = Socket::inet_pton($family, $address);
	return undef if !defined $bytes;
	return $family == AF_INET6 ? Socket::pack_sockaddr_in6($port, $bytes) : Socket::pack_sockaddr_in($port, $bytes);
}

# Address and port of the kernel's form.
sub parts_of {
	my ($place) = @_;
	my $family = Socket::sockaddr_family($place);
	my ($port, $bytes) = $family == AF_INET6 ? Socket::unpack_sockaddr_in6($place) : Socket::unpack_sockaddr_in($place);
	return (Socket::inet_ntop($family, $bytes), $port);
}

# A source as people write it.
sub shown {
	my ($address, $port) = parts_of($_[0]);
	return $address =~ /:/ ? "[$address]:$port" : "$address:$port";
}

# A socket that never blocks, or nothing.
sub open_socket {
	my ($family, $kind) = @_;
	socket(my $sock, $family, $kind, 0) or return undef;
	fcntl($sock, F_SETFL, fcntl($sock, F_GETFL, 0) | O_NONBLOCK) or return undef;
	return $sock;
}
`;
