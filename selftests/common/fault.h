/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults that the kernel injects into what this thread does. */
#ifndef PINACCT_TEST_FAULT_H
#define PINACCT_TEST_FAULT_H

#include <stdbool.h>

/**
 * struct fault - a step that is done again and again, each time with another fault
 * @fd: fail-nth of this thread in /proc
 * @nth: which of the step's points fails, from 1 on; 0 for none
 * @hit: the step came to that point last time; there may be more behind it
 */
struct fault {
	int fd;
	unsigned int nth;
	bool hit;
};

int fault_open(struct fault *fault);
void fault_begin(struct fault *fault);
bool fault_next(struct fault *fault);
int fault_arm(struct fault *fault);
int fault_disarm(struct fault *fault);
unsigned int fault_points(const struct fault *fault);

#endif
