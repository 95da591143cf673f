/* SPDX-License-Identifier: GPL-2.0-only */
/* What the questions about growth share. */
#ifndef PINACCT_SCALE_H
#define PINACCT_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <x86intrin.h>

#include "front.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/* Anywhere that the emulated IOMMU reaches and that is not reserved. */
#define IOVA (1UL << 32)

/* Two mappings that are side by side share no leaf, and no run of pages. */
#define APART (2 * memory_page())

/**
 * struct way - a front end, by the name that it is printed with
 * @name: of it
 * @ops: the front end
 */
struct way {
	const char *name;
	const struct front_ops *ops;
};

extern const struct way ways[];
extern const size_t nways;

/* The first so many have an IOMMU domain, and one mm that pays. */
#define MAIN_WAYS 2

static inline unsigned long long ticks(void)
{
	return __rdtsc();
}

void check(int rc, const char *what);
void start(const char *question, const char *way, unsigned long n);
void tell(const char *step, long long value);

void open_way(struct front *front, const struct way *way);
void as_root(bool on);
void *touched(size_t size);
void *untouched(size_t size);
void *one_row(void);
unsigned long long map_pages(struct front *front, char *memory, unsigned long n);
unsigned long long unmap_pages(struct front *front, unsigned long n);
long kept(void);

void mappings(unsigned long n);
void vmas(unsigned long n);
void containers(unsigned long n);
void spaces(unsigned long n);
void processes(unsigned long n);
void users(unsigned long n);
void refused_users(unsigned long n);
void span(unsigned long mib);
void refused(unsigned long mib);
void holders(unsigned long n);
void exclusions(unsigned long n);
void asked(unsigned long n);
void refill(unsigned long mib);

#endif
