/* SPDX-License-Identifier: GPL-2.0-only */
/* Which ioctls there are, and with what in their structures. */
#ifndef PINACCT_FUZZ_CALL_H
#define PINACCT_FUZZ_CALL_H

#include <linux/types.h>
#include <stdbool.h>

#include "actor.h"

/* Members of a structure, and one behind it */
#define CALL_FIELDS 10

/* Memory for structures, for what they point to, and for answers. Two pages. */
#define CALL_SCRATCH 0x300000000UL

/**
 * enum field_kind - what a member means, which decides on likely values
 * @FIELD_SIZE: of the structure, as user space knows it
 * @FIELD_FLAGS: bits
 * @FIELD_ADDRESS: of memory
 * @FIELD_IOVA: an address of a device's
 * @FIELD_LENGTH: bytes
 * @FIELD_ID: of an object of iommufd's
 * @FIELD_FD: a file descriptor; 0: the memfd, 1: /dev/pinacct, else as it is
 * @FIELD_PID: a process
 * @FIELD_NUMBER: a small number
 * @FIELD_TIMEOUT: of milliseconds; no program waits for longer than a few
 */
enum field_kind {
	FIELD_SIZE,
	FIELD_FLAGS,
	FIELD_ADDRESS,
	FIELD_IOVA,
	FIELD_LENGTH,
	FIELD_ID,
	FIELD_FD,
	FIELD_PID,
	FIELD_NUMBER,
	FIELD_TIMEOUT,
};

/**
 * struct field - a member
 * @name: as in the header; NULL behind the last
 * @offset: in the structure
 * @width: bytes
 * @kind: what it means
 */
struct field {
	const char *name;
	unsigned int offset;
	unsigned int width;
	enum field_kind kind;
};

/*
 * What the model still knows after a call: all; all if the call failed; or
 * nothing any more.
 */
enum call_effect {
	CALL_ASKS,
	CALL_CHANGES,
	CALL_MAY_CHANGE_HALF,
};

/**
 * struct call - an ioctl
 * @name: of its command
 * @command: the number
 * @size: of the structure; 0: the argument is the number itself
 * @effect: on what the model knows
 * @pinacct: it is one of /dev/pinacct; else of the front ends
 * @errnos: what it may return, ended by 0
 * @fields: members
 */
struct call {
	const char *name;
	unsigned long command;
	unsigned int size;
	enum call_effect effect;
	bool pinacct;
	const int *errnos;
	struct field fields[CALL_FIELDS + 1];
};

extern const struct call calls[];
extern const int ncalls;

int call_fields(int call);
int call_make_scratch(void);
int call_do(const struct rig *rig, int call, int front, const __u64 *values);
bool call_may_return(int call, int rc);

#endif
