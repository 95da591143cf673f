// SPDX-License-Identifier: GPL-2.0-only
/*
 * RSS of one mapping. That of the process also grows when the test itself comes
 * to a page of its program for the first time.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "resident.h"

/**
 * resident_at - pages in memory of the mapping that an address is in
 * @memory: the address
 *
 * Mappings of one kind that lie side by side are one. The zero page does not
 * count.
 *
 * Return: pages, or -errno
 */
long resident_at(const void *memory)
{
	uintptr_t address = (uintptr_t)memory;
	unsigned long start, end, kib;
	long npages = -ENOENT;
	int inside = 0;
	char line[512];
	FILE *smaps;

	smaps = fopen("/proc/self/smaps", "re");
	if (!smaps)
		return -errno;
	while (npages < 0 && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = address >= start && address < end;
		else if (inside && sscanf(line, "Rss: %lu kB", &kib) == 1)
			npages = kib / (getpagesize() / 1024);
	}
	fclose(smaps);
	return npages;
}
