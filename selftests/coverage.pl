#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# What of our kernel code did the tests run, and is there a reason for the rest?
#
# Use:	coverage.pl TREE SPLICED REASONS OUT	with gcov's JSON on stdin, an object a line
#
#	TREE	what was compiled
#	SPLICED	"FILE LINE" for each line that is ours in a file that is the kernel's
#	REASONS	selftests/coverage.tsv: see there
#	OUT	gets table, uncovered (each line that was not run, with its reason),
#		branches (each line with one that was not taken) and coverage.info,
#		as lcov has it
#
# A file is in several objects if it is a header, or a test includes it; a line was run
# if any of them ran it. Exit status 1, and a line on stderr for each cause, if less
# was run than there must be, if a line has no reason, or if a reason has no line.

use strict;
use warnings;
use JSON::PP;

my %least = (lines => 95, branches => 90);

die "use: coverage.pl TREE SPLICED REASONS OUT\n" unless @ARGV == 4;
my ($tree, $spliced, $reasons, $out) = @ARGV;
my (%theirs, %line, %branch, %function, %in, %text, @reason);
my $bad = 0;

sub bad
{
	print STDERR "pinacct: coverage: @_\n";
	$bad = 1;
}

sub open_or_die
{
	my ($how, $name) = @_;

	open(my $file, $how, $name) or die "$name: $!\n";
	return $file;
}

# ours FILE LINE: is that line one to be covered?
sub ours
{
	my ($file, $n) = @_;

	return $theirs{$file}{$n} if $theirs{$file};
	return 0 if $file =~ m{_kunit\.c$};
	return $file =~ m{^(drivers/pinacct/|include/linux/pinacct)} || -l "$tree/$file";
}

sub read_spliced
{
	my $file = open_or_die('<', $spliced);

	while (<$file>) {
		my ($name, $n) = split;
		$theirs{$name}{$n} = 1;
	}
}

sub read_reasons
{
	my $file = open_or_die('<', $reasons);

	while (<$file>) {
		chomp;
		next if /^#|^$/;
		my ($name, $kind, $text, $why) = split /\t/;
		if (!$why || $kind !~ /^(line|branch)$/) {
			bad("$reasons:$.: not FILE, line or branch, TEXT and REASON with tabs between");
			next;
		}
		push @reason, { file => $name, kind => $kind, text => $text, why => $why, at => $. };
	}
}

# about REASON FILE LINE: is it given for that line?
sub about
{
	my ($reason, $file, $n) = @_;
	my ($function, $text) = $reason->{text} =~ /^(?:(\w+)\(\)(?:: |$))?(.*)$/;

	return 0 if $reason->{file} ne '*' && $reason->{file} ne $file;
	return 0 if defined $function && $function ne ($in{$file}{$n} // '');
	return index($text{$file}[$n], $text) >= 0;
}

# reason KIND FILE LINE: the first that fits
sub reason
{
	my ($kind, $file, $n) = @_;

	for my $reason (@reason) {
		return $reason->{why} if $reason->{kind} eq $kind && about($reason, $file, $n);
	}
	return undef;
}

sub read_gcov
{
	while (<STDIN>) {
		my $object = decode_json($_);

		for my $source (@{$object->{files}}) {
			my $file = $source->{file};

			$file =~ s{^\Q$tree\E/}{};
			for my $f (@{$source->{functions}}) {
				next unless ours($file, $f->{start_line}) && !$theirs{$file};
				$function{$file}{$f->{name}} += $f->{execution_count};
			}
			for my $l (@{$source->{lines}}) {
				my $n = $l->{line_number};
				my @taken = map { $_->{count} } @{$l->{branches}};

				next unless ours($file, $n);
				$line{$file}{$n} += $l->{count};
				$in{$file}{$n} = $l->{function_name} if $l->{function_name};
				next unless @taken;
				# Another object may have had fewer left of them.
				my $sum = $branch{$file}{$n} //= [];
				if (@taken > @$sum) {
					$branch{$file}{$n} = \@taken;
				} elsif (@taken == @$sum) {
					$sum->[$_] += $taken[$_] for 0 .. $#taken;
				}
			}
		}
	}
}

sub read_texts
{
	for my $file (keys %line) {
		my $source = open_or_die('<', "$tree/$file");

		$text{$file} = ['', <$source>];
		chomp @{$text{$file}};
	}
}

sub percent
{
	my ($some, $all) = @_;

	return $all ? 100 * $some / $all : 100;
}

sub share
{
	my ($some, $all) = @_;

	return $all ? sprintf('%5.1f %% of %4d', percent($some, $all), $all) : sprintf('%15s', '-');
}

sub report
{
	my ($table, $uncovered, $branches, $info) =
		map { open_or_die('>', "$out/$_") } qw(table uncovered branches coverage.info);
	my (%all, $made, @unexplained);

	printf $table "%-40s  %-15s  %-15s  %-15s\n", 'file', 'lines', 'branches', 'functions';
	for my $file (sort keys %line) {
		my %sum = map { $_ => 0 } qw(lines run branches taken functions called);

		print $info "SF:$tree/$file\n";
		for my $name (sort keys %{$function{$file}}) {
			$sum{functions}++;
			$sum{called}++ if $function{$file}{$name};
			print $info "FNDA:$function{$file}{$name},$name\n";
		}
		for my $n (sort { $a <=> $b } keys %{$line{$file}}) {
			my $count = $line{$file}{$n};
			my @taken = @{$branch{$file}{$n} // []};
			my $missed = grep { !$_ } @taken;
			my $source = $text{$file}[$n] =~ s/^\s+//r;
			my $why;

			print $info "DA:$n,$count\n";
			print $info "BRDA:$n,0,$_,$taken[$_]\n" for 0 .. $#taken;
			$sum{lines}++;
			if ($count) {
				$sum{run}++;
			} else {
				$why = reason('line', $file, $n);
				push @unexplained, "$file:$n" unless $why;
				printf $uncovered "%s:%d: %s\n\t%s\n", $file, $n, $source, $why // 'NO REASON';
			}
			if ($missed && defined reason('branch', $file, $n)) {
				$made += $missed;
				splice(@taken, -$missed);
				$missed = 0;
			}
			$sum{branches} += @taken;
			$sum{taken} += @taken - $missed;
			printf $branches "%s:%d: %d of %d not taken: %s%s\n", $file, $n, $missed,
				scalar @taken, $source, $why ? "\n\t$why" : '' if $missed;
		}
		print $info "end_of_record\n";
		$all{$_} += $sum{$_} for keys %sum;
		printf $table "%-40s  %s  %s  %s\n", $file, share($sum{run}, $sum{lines}),
			share($sum{taken}, $sum{branches}), share($sum{called}, $sum{functions});
	}
	printf $table "%-40s  %s  %s  %s\n", 'all', share($all{run}, $all{lines}),
		share($all{taken}, $all{branches}), share($all{called}, $all{functions});
	printf $table "%d branches are the compiler's or a macro's (selftests/coverage.tsv), and not counted\n",
		$made // 0;

	bad("nothing of ours was counted") unless $all{lines};
	my %share = (lines => percent($all{run}, $all{lines}),
		     branches => percent($all{taken}, $all{branches}));
	for my $what (sort keys %least) {
		bad(sprintf('%.1f %% of the %s were run, and it must be %d %%', $share{$what}, $what,
			$least{$what})) if $share{$what} < $least{$what};
	}
	bad(scalar(@unexplained) . " lines were not run and have no reason in $reasons: see $out/uncovered")
		if @unexplained;
}

# Code that is there no more needs no reason.
sub stale
{
	REASON: for my $reason (@reason) {
		for my $file (keys %line) {
			for my $n (keys %{$line{$file}}) {
				next REASON if about($reason, $file, $n);
			}
		}
		bad("$reasons:$reason->{at}: $reason->{file} has no line '$reason->{text}'");
	}
}

read_spliced();
read_reasons();
read_gcov();
read_texts();
report();
stale();
exit $bad;
