#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# L1's process 1: mounts what is left to mount, runs what run.sh asks for, hands
# back its output and exit status through the share /run/ctl, and stops L1.
#
#	/run/ctl/shares		lines "TAG rw|ro DIRECTORY": further shares
#	/run/ctl/command	a bash script; where there is none, a shell
#	/run/ctl/terminal	lines, columns and kind of that shell's terminal
#	/run/ctl/stdout, stderr, status		what came of it

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8 TERM=linux
ctl=/run/ctl

share()
{
	mkdir -p "$2"
	mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,cache=mmap$3" "$1" "$2"
}

mount_all()
{
	local tag mode dir

	mount -t proc proc /proc &&
	mount -t sysfs sys /sys &&
	mount -t tmpfs -o mode=755 run /run &&
	mkdir -p /dev/pts /dev/shm &&
	mount -t devpts -o gid=5,mode=620,ptmxmode=666 pts /dev/pts &&
	mount -t tmpfs -o mode=1777 shm /dev/shm &&
	mount -t tmpfs -o mode=1777 tmp /tmp &&
	share ctl $ctl || return

	ln -sf /proc/self/fd /dev/fd
	ln -sf /proc/self/fd/0 /dev/stdin
	ln -sf /proc/self/fd/1 /dev/stdout
	ln -sf /proc/self/fd/2 /dev/stderr

	# A kernel of one's own may have been built without these.
	mount -t debugfs debug /sys/kernel/debug 2>/dev/null
	mount -t tracefs trace /sys/kernel/tracing 2>/dev/null
	mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
	if grep -qw hugetlbfs /proc/filesystems; then
		mkdir -p /dev/hugepages
		mount -t hugetlbfs huge /dev/hugepages
	fi

	while read -r tag mode dir; do
		share "$tag" "${dir/RELEASE/$(uname -r)}" ",$mode" || return
	done <$ctl/shares
}

# The output goes through pipes, so that a program which opens /dev/stderr
# anew appends to it; what still holds a pipe after the command's end is not
# waited for longer than a second.
run_command()
{
	local status pipe=/run/pipe

	mkfifo $pipe.out $pipe.err
	cat $pipe.out >$ctl/stdout &
	cat $pipe.err >$ctl/stderr &
	setsid --wait bash $ctl/command </dev/null >$pipe.out 2>$pipe.err
	status=$?
	for _ in {1..20}; do
		[[ -n $(jobs -r) ]] || break
		sleep 0.05
	done
	return $status
}

run_shell()
{
	local tty=/dev/ttyS1 lines columns

	read -r lines columns TERM <$ctl/terminal
	# In the session, since a terminal forgets its size when nobody has it open.
	setsid --ctty --wait bash -c "stty sane rows $lines cols $columns; exec bash -l" \
		<$tty >$tty 2>&1
	# Whatever was typed last is no verdict on L1.
	true
}

mount_all || {
	echo "L1: a mount failed" >/dev/console
	reboot -f
}
hostname l1
ip link set lo up
cd /pinacct || reboot -f
: >$ctl/started

if [[ -e $ctl/command ]]; then
	run_command
else
	run_shell
fi
echo $? >$ctl/status.tmp
mv $ctl/status.tmp $ctl/status
sync
busybox reboot -f
