/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios: lists of operations whose results are printed, and never judged.
 *
 * The same list is run on two sets of modules, and the two outputs have to be
 * equal byte by byte. So nothing is printed that may differ between two runs on
 * the same modules: no address, no pid, no time.
 */
#ifndef PINACCT_DIFFERENTIAL_RUN_H
#define PINACCT_DIFFERENTIAL_RUN_H

#include "counters.h"
#include "front.h"
#include "memory.h"
#include "privilege.h"

/* Where scenarios map: below what edu can address, off 2 MiB boundaries. */
#define IOVA 0x1003000UL

/**
 * struct run - a scenario on a front end
 * @front: open, with edu behind it if the scenario wants that
 * @base: the counters before the first step
 * @scenario: its name
 * @page: size of a page
 */
struct run {
	struct front front;
	struct counters base;
	const char *scenario;
	size_t page;
};

/**
 * struct scenario - a list of operations
 * @name: as it is printed
 * @wants: whether it is for that front end; NULL for all of them
 * @detached: starts with no device behind the front end
 * @steps: does it
 */
struct scenario {
	const char *name;
	bool (*wants)(const struct front_ops *ops);
	bool detached;
	void (*steps)(struct run *run);
};

/* Each list ends with an entry that has no name. */
extern const struct scenario address_scenarios[];
extern const struct scenario by_file_scenarios[];
extern const struct scenario limit_scenarios[];
extern const struct scenario memory_scenarios[];
extern const struct scenario neighbour_scenarios[];
extern const struct scenario process_scenarios[];
extern const struct scenario unmap_scenarios[];
extern const struct scenario type1_scenarios[];
extern const struct scenario iommufd_scenarios[];
extern const struct scenario mediated_scenarios[];
extern const struct scenario random_scenarios[];

bool wants_type1(const struct front_ops *ops);
bool wants_container(const struct front_ops *ops);
bool wants_iommufd(const struct front_ops *ops);

void step(struct run *run, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void step_value(struct run *run, int rc, unsigned long long value, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void need(bool there, const char *what);

int do_map(struct run *run, const void *memory, unsigned long at, unsigned long npages,
	   int prot, const char *what);
int do_unmap(struct run *run, unsigned long at, unsigned long npages, const char *what);
void do_limit(struct run *run, long npages);
void *do_memory(struct run *run, unsigned long npages);
int do_file(const char *directory);
int do_ioctl(int fd, unsigned long request, void *arg);

#endif
