/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /proc tells of processes that have memory pinned, with what pinacct.ko adds.
 */
#ifndef _PINACCT_PROCESS_H
#define _PINACCT_PROCESS_H

#include <linux/pinacct.h>

#include "pinacct.h"

/**
 * struct process - one that has memory pinned or locked
 * @pid: of it
 * @uid: whose
 * @name: of the program
 * @domain: of libvirt, or what QEMU was told by -name; NULL
 * @limit: RLIMIT_MEMLOCK, in bytes
 * @locked: VmLck
 * @pinned: VmPin
 * @device: bytes of devices' memory that it has mapped; never charged
 * @fds_known: who looks may see which files it has open
 * @type1: containers of VFIO that it has open
 * @iommufd: files of iommufd that it has open
 * @devices: devices that it has open
 * @usage: what pinacct.ko says
 * @usage_error: 0 if it does
 */
struct process {
	pid_t pid;
	uid_t uid;
	char name[16];
	char *domain;
	uint64_t limit;
	uint64_t locked;
	uint64_t pinned;
	uint64_t device;
	bool fds_known;
	unsigned int type1;
	unsigned int iommufd;
	unsigned int devices;
	struct pinacct_usage usage;
	int usage_error;
};

bool process_read(struct process *process, pid_t pid);
void process_free(struct process *process);
pid_t process_find(const char *which);
struct process *processes_read(unsigned int *nr, bool all);
void processes_free(struct process *processes, unsigned int nr);
uint64_t process_charged(const struct process *process);
int64_t process_left(const struct process *process);
const char *process_payer(const struct process *process);
const char *process_backend(const struct process *process);
uint64_t process_zero_cow(const struct process *process);
uint64_t process_shared(const struct process *process);
const char *process_user(uid_t uid);
char **process_arguments(pid_t pid, unsigned int *nr);

/**
 * struct mapping - a line of /proc/PID/maps
 * @start: address
 * @end: behind it
 * @shared: with others
 * @path: of the file; "" for anonymous memory
 */
struct mapping {
	uint64_t start;
	uint64_t end;
	bool shared;
	char path[256];
};

int mappings_each(pid_t pid, void (*each)(const struct mapping *mapping, void *arg),
		  void *arg);

#endif
