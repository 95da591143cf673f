// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must be true whenever mapper and disturber rest?
 *
 * While something is mapped: what is charged and how many pins are held is the number
 * of mapped pages, PINACCT_PINS knows which, and what the device reaches is pinned; where
 * the disturber cannot have changed what is at an address, it is the page there. When nothing is: rule A2,
 * every counter and the ledger are as before.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "look.h"
#include "privilege.h"
#include "races.h"

#define LOOKS 12

/* More than there can be if all is right */
#define RANGES 64

/**
 * tell - say that something is not as it must be
 * @play: the play
 * @what: it is
 * @wanted: what it must be
 * @found: what it is
 *
 * Return: 0 if both are the same, which is not told, or -EINVAL
 */
int tell(const struct play *play, const char *what, long wanted, long found)
{
	if (wanted == found)
		return 0;
	printf("# %s: %ld, and %ld are right\n", what, found, wanted);
	return -EINVAL;
}

static int tell_counters(struct play *play, const char *when, long charged, long pinned)
{
	bool mm = play->ops->payer == FRONT_PAYER_MM;
	struct counters now, more;
	int rc;

	rc = counters_read(&now);
	if (rc)
		return tell(play, "errno of reading counters", 0, -rc);
	more = counters_since(&now, &play->base);
	rc = tell(play, "VmLck in pages", mm ? charged : 0, more.lck);
	rc = tell(play, "VmPin in pages", play->ops->iommufd ? charged : 0, more.pin) ?: rc;
	rc = tell(play, "the user's locked_vm", mm ? 0 : charged, more.user) ?: rc;
	rc = tell(play, "pins in the system", pinned, more.held) ?: rc;
	if (rc)
		printf("# that was %s\n", when);
	return rc;
}

/* Of one page: the device reaches something that is pinned, and what it should. */
static int check_page(struct play *play, size_t at, bool keeps)
{
	unsigned long pfn;
	struct look look;
	int pinned, rc;

	pinned = look_is_pinned(play->iova + at * PAGE, &pfn);
	if (pinned != 1) {
		printf("# page %zu is mapped for the device, and what it reaches is not pinned\n",
		       at);
		return tell(play, "pinned, or errno", 1, pinned);
	}
	if (!keeps)
		return 0;
	rc = look_at(play->arena.memory + at * PAGE, &look);
	if (rc || look.pfn != pfn) {
		printf("# page %zu: the process has another one than the device\n", at);
		return tell(play, "its PFN", look.pfn, rc ?: pfn);
	}
	return tell(play, "pinned pages in movable memory", 0, look.movable);
}

/*
 * Has each page that is mapped one pin, and no other page any? By address: through the
 * addresses. By page: what is at the addresses now.
 */
static int check_pins(struct play *play, unsigned int by, const char *question)
{
	struct pinacct_pin_range ranges[RANGES];
	const struct arena *arena = &play->arena;
	static char pins[ARENA_MOST];
	long wrong = 0;
	size_t i;
	int nr;

	/* What is mapped by file need not be at an address yet. */
	for (i = 0; play->by_file && i < arena->npages; i++)
		(void)*(volatile char *)(arena->memory + i * PAGE);
	nr = ask_pins(play->ask, by, arena->memory, arena->npages * PAGE, ranges, RANGES);
	if (nr < 0)
		return tell(play, "errno of PINACCT_PINS", 0, -nr);
	memset(pins, 0, arena->npages);
	for (i = 0; i < play->nmaps; i++)
		memset(pins + play->maps[i].at, 1, play->maps[i].npages);
	while (nr--)
		for (i = 0; i < ranges[nr].length / PAGE; i++)
			pins[(ranges[nr].start - (uintptr_t)arena->memory) / PAGE + i] -=
				ranges[nr].pins;
	for (i = 0; i < arena->npages; i++)
		wrong += !!pins[i];
	return tell(play, question, 0, wrong);
}

/**
 * check_mapped - is everything right while something is mapped?
 * @play: both rest
 * @keeps: what was at an address when it was mapped is there now
 *
 * Return: 0, or -EINVAL if something was wrong, which has been told
 */
int check_mapped(struct play *play, bool keeps)
{
	const struct mapping *map;
	long pages = 0;
	unsigned int i;
	int rc;

	for (i = 0; i < play->nmaps; i++)
		pages += play->maps[i].npages;
	if (!pages || play->race->any_charge)
		return 0;
	rc = tell_counters(play, "while it is mapped", pages, pages);
	/* What is mapped by file has no address. */
	if (!rc && !play->by_file)
		rc = check_pins(play, PINACCT_PINS_BY_ADDRESS, "pages with other pins by address");
	if (!rc && keeps)
		rc = check_pins(play, PINACCT_PINS_BY_PAGE, "pages with other pins by page");
	if (privilege_root(true))
		return -EPERM;
	for (i = 0; !rc && i < LOOKS; i++) {
		map = &play->maps[roll(&play->map_dice, play->nmaps)];
		rc = check_page(play, map->at + roll(&play->map_dice, map->npages), keeps);
	}
	return privilege_root(false) ?: rc;
}

/**
 * check_gone - is everything as before?
 * @play: both rest, and nothing is mapped
 *
 * Return: 0, or -EINVAL if something was wrong, which has been told
 */
int check_gone(struct play *play)
{
	struct pinacct_usage usage;
	int rc, counted;

	counted = tell_counters(play, "when nothing is mapped any more", 0, 0);
	rc = ask_usage(play->ask, 0, &usage);
	rc = tell(play, "errno of PINACCT_USAGE", 0, -rc) ?: counted;
	rc = tell(play, "bytes in the process's ledger", 0, usage.mm_pinacct) ?: rc;
	return tell(play, "bytes in the user's ledger", 0, usage.user_pinacct) ?: rc;
}
