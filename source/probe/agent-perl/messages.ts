/** Second part of the probe agent in Perl: the lines of JSON that we exchange, and the packets of the probe. */
export const messagesSource = String.raw`
my %ESCAPES = (n => "\n", r => "\r", t => "\t", b => "\b", f => "\f");

sub json_string {
	/\G\s*"((?:[^"\\]|\\.)*)"/gcs or die "no JSON\n";
	my $text = $1;
	$text =~ s/\\(?:u([0-9a-fA-F]{4})|(.))/defined $1 ? (hex $1 < 128 ? chr hex $1 : '?') : $ESCAPES{$2} \/\/ $2/ge;
	return $text;
}

# Reads one value where the search in $_ stands.
sub json_value {
	if (/\G\s*\{/gc) {
		my %found;
		until (/\G\s*\}/gc) {
			/\G\s*,/gc;
			my $name = json_string();
			/\G\s*:/gc or die "no JSON\n";
			$found{$name} = json_value();
		}
		return \%found;
	}
	if (/\G\s*\[/gc) {
		my @found;
		until (/\G\s*\]/gc) {
			/\G\s*,/gc;
			push @found, json_value();
		}
		return \@found;
	}
	return $1 if /\G\s*(-?\d[-+.0-9eE]*)/gc;
	return 1 if /\G\s*true/gc;
	return undef if /\G\s*(?:false|null)/gc;
	return json_string();
}

sub from_json {
	local $_ = $_[0];
	return json_value();
}

# Perl does not know numbers from text: what is no text comes as a reference to how it is written.
sub to_json {
	my ($value) = @_;
	my $kind = ref $value;
	return 'null' if !defined $value;
	return $$value if $kind eq 'SCALAR';
	return '[' . join(',', map { to_json($_) } @$value) . ']' if $kind eq 'ARRAY';
	return '{' . join(',', map { to_json($_) . ':' . to_json($value->{$_}) } sort keys %$value) . '}' if $kind eq 'HASH';
	(my $text = $value) =~ s/[^ -~]/?/g;
	$text =~ s/(["\\])/\\$1/g;
	return qq("$text");
}

sub whole {
	my $text = sprintf '%d', $_[0];
	return \$text;
}

sub milliseconds {
	my $text = sprintf '%.3f', $_[0] * 1000;
	return \$text;
}

sub truth {
	my $text = 'true';
	return \$text;
}

# Nobody listens any more when a line can not be written.
sub say_line {
	my $data = to_json($_[0]) . "\n";
	while (length $data) {
		my $written = syswrite STDOUT, $data;
		exit 0 if !defined $written;
		$data = substr $data, $written;
	}
}

# Reports, many in one line when many come at once: seconds that one may wait, and how many a line holds.
my $REPORT_WAIT = 0.03;
my $REPORTS = 200;
my @reports;

sub flush_reports {
	return if !@reports;
	say_line({reports => [@reports]});
	@reports = ();
}

sub report {
	at(now() + $REPORT_WAIT, \&flush_reports) if !@reports;
	push @reports, $_[0];
	flush_reports() if @reports == $REPORTS;
}

my $MAGIC = 'k3s-mesh-probe';
# Bytes of a request: room for the longest answer, so that an answer is never longer than what was asked.
my $REQUEST = 256;
# The token of the run, and what this node is called.
my $token = '';
my $node = '';

sub request {
	my ($number, $sequence, $size) = @_;
	my $head = join ' ', $MAGIC, $token, 'ask', $number, $sequence, '';
	return $head . '.' x (($size // $REQUEST) - length($head) - 1) . "\n";
}

# The try's number and what to say to a request; nothing when it does not carry the token of this run.
sub answer {
	my ($data, $peer) = @_;
	my ($magic, $shown, $word, $number, $sequence) = split ' ', substr($data, 0, $REQUEST), 6;
	return if !defined $sequence || $magic ne $MAGIC || $shown ne $token || $word ne 'ask';
	return if $number !~ /^[0-9]{1,10}\z/ || $sequence !~ /^[!-~]{1,10}\z/;
	my $said = join(' ', $MAGIC, $token, 'here', $number, $sequence, $node, shown($peer)) . "\n";
	return ($number, length $said <= length $data ? $said : undef);
}

# [number, sequence, node, source] of an answer; nothing when somebody else speaks.
sub read_answer {
	my @words = split ' ', substr $_[0], 0, $REQUEST;
	return undef if @words != 7 || $words[0] ne $MAGIC || $words[1] ne $token || $words[2] ne 'here';
	return undef if $words[3] !~ /^[0-9]{1,10}\z/ || $words[4] !~ /^[0-9]{1,10}\z/;
	return [@words[3 .. 6]];
}
`;
