// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rule A5, charge_once: a page that a payer has pinned through several mappings
 * is charged to it once.
 *
 * A ledger knows how many mappings of its payer hold each page, by PFN:
 *
 *   0          nobody holds it, or who does has been charged apart
 *   1 to 127   so many mappings hold it; it is charged once, and whether as a
 *              zero COW was decided when it was charged
 *
 * Both fit in a byte. An xarray has the bytes of ONCE_PAGES pages at a time, as
 *
 *   nothing         all of them are 0
 *   a value entry   all of them are the same, that value
 *   a pointer       struct once_chunk: they differ
 *
 * A PFN stays a page's own as long as the page is pinned: a mapping enters what
 * it has pinned, and leaves it before it unpins. So what is charged is
 *
 *   the pages that are not 0, and for each mapping those charged apart
 *
 * where "apart" is what could not be entered: for lack of memory, because the
 * payer has chunks enough, or since 127 hold the page. There the layer does as
 * without charge_once, and charges again. Which of a page's holders was charged
 * apart is not kept, for it does not matter: who leaves takes the page's count
 * down while it has one, and is refunded by itself when it has none. Every order
 * of leaving passes through the same numbers, and while anybody holds a page, it
 * is charged.
 *
 * Lock order: the front end's lock of the mapping, once->lock, mmap_lock,
 * ledger->lock. once->lock makes entering and charging one step: nobody relies
 * on a page whose charge is refused later.
 */
#include "internal.h"

#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#define ONCE_PAGES	64UL

/*
 * Chunks of one payer, be it values or pointers. A chunk takes 8 bytes as a value
 * and 70 as a pointer, measured by the KUnit test once_memory, so all of them
 * take 70 MiB at most, for 256 GiB of memory.
 */
#define ONCE_CHUNKS	BIT(20)

#define ONCE_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/* What stands at a page: how often it is held, and as what it is charged. */
#define ONCE_COUNT	GENMASK(6, 0)
#define ONCE_ZERO_COW	BIT(7)

struct once_chunk {
	u8 pages[ONCE_PAGES];
};

/**
 * pin_once_init - nobody holds anything
 * @once: to be initialised
 *
 * Context: any.
 */
void pin_once_init(struct pin_once *once)
{
	mutex_init(&once->lock);
	xa_init(&once->chunks);
	once->max_chunks = ONCE_CHUNKS;
	once->nr_chunks = 0;
	once->apart = 0;
	once->apart_zero_cow = 0;
	once->shared = 0;
}

/**
 * pin_once_destroy - nobody is going to hold anything any more
 * @once: of a ledger that nobody uses
 *
 * Context: may sleep.
 */
void pin_once_destroy(struct pin_once *once)
{
	unsigned long index;
	void *entry;

	if (!WARN_ON_ONCE(!xa_empty(&once->chunks) || once->apart ||
			  once->shared))
		return;
	xa_for_each(&once->chunks, index, entry)
		if (!xa_is_value(entry))
			kfree(entry);
	xa_destroy(&once->chunks);
}

/* Puts @new in the place of @old, which is freed. False if there is no memory. */
static bool chunk_replace(struct pin_once *once, unsigned long index, void *old,
			  void *new, gfp_t gfp)
{
	if (xa_is_err(xa_store(&once->chunks, index, new, gfp)))
		return false;
	once->nr_chunks += !!new - !!old;
	if (!xa_is_value(old))
		kfree(old);
	return true;
}

/*
 * The chunk at @index with a byte for each page: @entry, or what it becomes. NULL
 * if there is no memory for it, or no room.
 */
static struct once_chunk *chunk_bytes(struct pin_once *once,
				      unsigned long index, void *entry,
				      gfp_t gfp)
{
	struct once_chunk *chunk;

	if (entry && !xa_is_value(entry))
		return entry;
	if (!entry && once->nr_chunks >= once->max_chunks)
		return NULL;
	chunk = kmalloc(sizeof(*chunk), gfp);
	if (!chunk)
		return NULL;
	memset(chunk->pages, entry ? xa_to_value(entry) : 0, ONCE_PAGES);
	if (!chunk_replace(once, index, entry, chunk, gfp)) {
		kfree(chunk);
		return NULL;
	}
	return chunk;
}

/* Where all pages have become the same, a value says it as well. */
static void chunk_tidy(struct pin_once *once, unsigned long index,
		       struct once_chunk *chunk)
{
	u8 first = chunk->pages[0];

	if (memchr_inv(chunk->pages, first, ONCE_PAGES))
		return;
	/* In the place of another, it takes no memory. */
	if (first)
		chunk_replace(once, index, chunk, xa_mk_value(first), 0);
	else
		chunk_replace(once, index, chunk, NULL, 0);
}

static void owe(struct pin_owed *owed, unsigned long npages, bool zero_cow)
{
	owed->npages += npages;
	owed->zero_cow += zero_cow ? npages : 0;
}

static void enter_apart(struct pin_once *once, unsigned long npages,
			bool zero_cow, struct pin_owed *owed)
{
	once->apart += npages;
	once->apart_zero_cow += zero_cow ? npages : 0;
	owe(owed, npages, zero_cow);
}

/*
 * Pages without a count. Who leaves may not know that they were zero COWs; so
 * there are never more of these than pages.
 */
static void leave_apart(struct pin_once *once, unsigned long npages,
			bool zero_cow, struct pin_owed *owed)
{
	unsigned long left;

	if (WARN_ON_ONCE(once->apart < npages))
		npages = once->apart;
	once->apart -= npages;

	left = once->apart_zero_cow;
	if (zero_cow)
		left -= min(left, npages);
	left = min(left, once->apart);

	owed->npages += npages;
	owed->zero_cow += once->apart_zero_cow - left;
	once->apart_zero_cow = left;
}

/* What @npages with the byte @page become when they are held once more. */
static u8 page_enter(struct pin_once *once, u8 page, unsigned long npages,
		     bool zero_cow, struct pin_owed *owed)
{
	if (!page) {
		owe(owed, npages, zero_cow);
		return 1 | (zero_cow ? ONCE_ZERO_COW : 0);
	}
	if ((page & ONCE_COUNT) == ONCE_COUNT) {
		enter_apart(once, npages, zero_cow, owed);
		return page;
	}
	once->shared += npages;
	return page + 1;
}

/* What they become when they are held once less. */
static u8 page_leave(struct pin_once *once, u8 page, unsigned long npages,
		     bool zero_cow, struct pin_owed *owed)
{
	if (!page) {
		leave_apart(once, npages, zero_cow, owed);
		return 0;
	}
	if ((page & ONCE_COUNT) == 1) {
		owe(owed, npages, page & ONCE_ZERO_COW);
		return 0;
	}
	once->shared -= npages;
	return page - 1;
}

/* @npages of the chunk at @index, from @first on */
static void chunk_enter(struct pin_once *once, unsigned long index,
			unsigned long first, unsigned long npages,
			bool zero_cow, struct pin_owed *owed)
{
	void *entry = xa_load(&once->chunks, index);
	bool whole = npages == ONCE_PAGES;
	struct once_chunk *chunk;

	if (whole && xa_is_value(entry)) {
		u8 page = page_enter(once, xa_to_value(entry), npages,
				     zero_cow, owed);

		chunk_replace(once, index, entry, xa_mk_value(page), 0);
		return;
	}
	if (whole && !entry && once->nr_chunks < once->max_chunks &&
	    chunk_replace(once, index, NULL,
			  xa_mk_value(1 | (zero_cow ? ONCE_ZERO_COW : 0)),
			  ONCE_GFP)) {
		owe(owed, npages, zero_cow);
		return;
	}

	chunk = chunk_bytes(once, index, entry, ONCE_GFP);
	if (!chunk) {
		enter_apart(once, npages, zero_cow, owed);
		return;
	}
	for (unsigned long i = first; i < first + npages; i++)
		chunk->pages[i] = page_enter(once, chunk->pages[i], 1,
					     zero_cow, owed);
	chunk_tidy(once, index, chunk);
}

static void chunk_leave(struct pin_once *once, unsigned long index,
			unsigned long first, unsigned long npages,
			bool zero_cow, struct pin_owed *owed)
{
	void *entry = xa_load(&once->chunks, index);
	struct once_chunk *chunk;

	if (!entry) {
		leave_apart(once, npages, zero_cow, owed);
		return;
	}
	if (npages == ONCE_PAGES && xa_is_value(entry)) {
		u8 page = page_leave(once, xa_to_value(entry), npages,
				     zero_cow, owed);

		chunk_replace(once, index, entry,
			      page ? xa_mk_value(page) : NULL, 0);
		return;
	}

	chunk = chunk_bytes(once, index, entry, GFP_KERNEL | __GFP_NOFAIL);
	for (unsigned long i = first; i < first + npages; i++)
		chunk->pages[i] = page_leave(once, chunk->pages[i], 1,
					     zero_cow, owed);
	chunk_tidy(once, index, chunk);
}

/**
 * pin_once_enter - a mapping holds a run of pages
 * @once: of its payer's ledger
 * @run: the pages, which are pinned for it
 * @owed: pages that are to be charged for it are added here. Where the charge is
 *	  refused, the run has to be left
 *
 * Context: once->lock is held. May sleep. Does not fail: what cannot be entered
 * is owed apart.
 */
void pin_once_enter(struct pin_once *once, const struct pin_run *run,
		    struct pin_owed *owed)
{
	const unsigned long end = run->pfn + run->npages;
	bool zero_cow = run->kind == PIN_ZERO_COW;
	unsigned long npages;

	lockdep_assert_held(&once->lock);

	for (unsigned long pfn = run->pfn; pfn < end; pfn += npages) {
		npages = min(end - pfn, ONCE_PAGES - pfn % ONCE_PAGES);
		chunk_enter(once, pfn / ONCE_PAGES, pfn % ONCE_PAGES, npages,
			    zero_cow, owed);
	}
}

/**
 * pin_once_leave - a mapping does not hold a run of pages any more
 * @once: of its payer's ledger
 * @run: the pages, which are still pinned; it has entered them
 * @owed: pages that are to be refunded for it are added here
 *
 * Context: once->lock is held. May sleep, and does not fail.
 */
void pin_once_leave(struct pin_once *once, const struct pin_run *run,
		    struct pin_owed *owed)
{
	const unsigned long end = run->pfn + run->npages;
	bool zero_cow = run->kind == PIN_ZERO_COW;
	unsigned long npages;

	lockdep_assert_held(&once->lock);

	for (unsigned long pfn = run->pfn; pfn < end; pfn += npages) {
		npages = min(end - pfn, ONCE_PAGES - pfn % ONCE_PAGES);
		chunk_leave(once, pfn / ONCE_PAGES, pfn % ONCE_PAGES, npages,
			    zero_cow, owed);
	}
}
