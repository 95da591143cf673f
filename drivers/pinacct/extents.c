// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which PFN stands at which index of a mapping.
 *
 * Mainline asks the IOMMU for every 4 KiB when it unmaps, however large the
 * pages are. Here the runs are remembered when they are mapped. The indexes of
 * a mapping are cut into chunks of PIN_CHUNK_PAGES, and an xarray holds what is
 * known of each:
 *
 *   nothing         no page of the chunk is remembered
 *   a value entry   one run fills the chunk: its first PFN and its kind
 *   a pointer       struct pin_chunk: up to PIN_CHUNK_RUNS runs, sorted by index
 *
 * Memory of 2 MiB pages costs an xarray slot for each, so about 5 KiB per GiB;
 * memory with no two pages in a row costs a page per chunk, 8 bytes per 4 KiB.
 *
 * It is a cache. The IOMMU's page table knows as well, so where there is no
 * memory to remember with, the chunk is forgotten, and asking (see unmap.c)
 * fills the gap. In a chunk with PIN_CHUNK_PAGES runs the last one does not fit
 * and is always asked for. Nor is anything removed when pages are unpinned: the
 * front end knows which indexes are pinned, never asks about others, and
 * overwrites what stands there when it pins them again.
 *
 * The front end's lock of the mapping serialises everything here.
 */
#include "internal.h"

#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#define PIN_CHUNK_PAGES	512UL

/*
 * A run inside a chunk. 45 bits of PFN are 57 bits of address, as many as any
 * page table that Linux knows can hold.
 */
#define RUN_PFN		GENMASK_ULL(44, 0)
#define RUN_FIRST	GENMASK_ULL(53, 45)
#define RUN_LEN_1	GENMASK_ULL(62, 54)	/* length less one */
#define RUN_KIND	BIT_ULL(63)

/**
 * struct pin_chunk - the runs of a chunk that is not one run
 * @nr: how many there are
 * @room: how many fit
 * @runs: sorted by RUN_FIRST, none overlaps another, consecutive ones do not join
 */
struct pin_chunk {
	u16 nr;
	u16 room;
	u64 runs[] __counted_by(room);
};

/* A full chunk and its header are a page, and smaller ones fit kmalloc's sizes. */
#define PIN_CHUNK_RUNS	((PIN_CHUNK_PAGES * sizeof(u64) - \
			  sizeof(struct pin_chunk)) / sizeof(u64))

#define CHUNK_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_NORETRY)

static u64 run_encode(unsigned long first, const struct pin_run *run)
{
	return FIELD_PREP(RUN_PFN, run->pfn) |
	       FIELD_PREP(RUN_FIRST, first) |
	       FIELD_PREP(RUN_LEN_1, run->npages - 1) |
	       FIELD_PREP(RUN_KIND, run->kind);
}

static unsigned long run_first(u64 word)
{
	return FIELD_GET(RUN_FIRST, word);
}

static unsigned long run_end(u64 word)
{
	return run_first(word) + FIELD_GET(RUN_LEN_1, word) + 1;
}

/* The part of an encoded run from @first on, which must lie inside it. */
static struct pin_run run_decode(u64 word, unsigned long first)
{
	return (struct pin_run){
		.pfn = FIELD_GET(RUN_PFN, word) + first - run_first(word),
		.npages = run_end(word) - first,
		.kind = FIELD_GET(RUN_KIND, word),
	};
}

static void *value_encode(const struct pin_run *run)
{
	return xa_mk_value(run->pfn << 1 | run->kind);
}

static struct pin_run value_decode(void *entry)
{
	unsigned long value = xa_to_value(entry);

	return (struct pin_run){
		.pfn = value >> 1,
		.npages = PIN_CHUNK_PAGES,
		.kind = value & 1,
	};
}

static void entry_free(void *entry)
{
	if (!xa_is_value(entry))
		kfree(entry);
}

/**
 * pin_extents_init - remember nothing
 * @extents: to be initialised
 *
 * Context: any.
 */
void pin_extents_init(struct pin_extents *extents)
{
	BUILD_BUG_ON(BITS_PER_LONG != 64);
	xa_init_flags(&extents->chunks, XA_FLAGS_ACCOUNT);
	extents->near_entry = NULL;
}
EXPORT_SYMBOL_GPL(pin_extents_init);

/**
 * pin_extents_destroy - free all that is remembered
 * @extents: not used any more, or to be used from the start
 *
 * Context: may sleep.
 */
void pin_extents_destroy(struct pin_extents *extents)
{
	unsigned long chunk;
	void *entry;

	xa_for_each(&extents->chunks, chunk, entry)
		entry_free(entry);
	xa_destroy(&extents->chunks);
	extents->near_entry = NULL;
}
EXPORT_SYMBOL_GPL(pin_extents_destroy);

/* Indexes come in order, so almost always it is the chunk of the last time. */
static void *entry_load(struct pin_extents *extents, unsigned long chunk)
{
	if (!extents->near_entry || extents->near != chunk) {
		extents->near_entry = xa_load(&extents->chunks, chunk);
		extents->near = chunk;
	}
	return extents->near_entry;
}

static void forget(struct pin_extents *extents, unsigned long chunk)
{
	extents->near_entry = NULL;
	entry_free(xa_erase(&extents->chunks, chunk));
}

/* Puts @new in the place of @old, or forgets both if there is no memory. */
static bool entry_replace(struct pin_extents *extents, unsigned long chunk,
			  void *old, void *new)
{
	if (!new || xa_is_err(xa_store(&extents->chunks, chunk, new, CHUNK_GFP))) {
		entry_free(new);
		forget(extents, chunk);
		return false;
	}
	entry_free(old);
	extents->near = chunk;
	extents->near_entry = new;
	return true;
}

/* A chunk with room for @nr runs and for more to come. */
static struct pin_chunk *chunk_alloc(unsigned long nr)
{
	struct pin_chunk *chunk;
	unsigned long room;
	size_t size;

	size = roundup_pow_of_two(struct_size(chunk, runs, nr + 1));
	size = min(max(size, 64), PIN_CHUNK_PAGES * sizeof(u64));
	room = (size - sizeof(*chunk)) / sizeof(u64);
	if (room < nr)
		return NULL;

	chunk = kmalloc(size, CHUNK_GFP);
	if (!chunk)
		return NULL;
	chunk->room = room;
	chunk->nr = 0;
	return chunk;
}

static void chunk_add(struct pin_chunk *chunk, unsigned long first,
		      const struct pin_run *run)
{
	u64 word = run_encode(first, run);

	if (chunk->nr) {
		u64 *last = &chunk->runs[chunk->nr - 1];
		u64 next = *last + run_end(*last) - run_first(*last);

		if (run_end(*last) == first &&
		    !((next ^ word) & (RUN_PFN | RUN_KIND))) {
			*last += FIELD_PREP(RUN_LEN_1, run->npages);
			return;
		}
	}
	chunk->runs[chunk->nr++] = word;
}

static bool chunk_ends_before(const struct pin_chunk *chunk,
			      unsigned long first)
{
	return run_end(chunk->runs[chunk->nr - 1]) <= first;
}

/*
 * Mappings are filled from front to end, so this is how almost all grow. What
 * does not fit is not remembered, and nothing was remembered in its place.
 */
static void chunk_append(struct pin_extents *extents, unsigned long index,
			 struct pin_chunk *chunk, unsigned long first,
			 const struct pin_run *run)
{
	struct pin_chunk *grown;

	if (chunk->nr == chunk->room) {
		grown = chunk_alloc(chunk->nr + 1);
		if (!grown)
			return;
		grown->nr = chunk->nr;
		memcpy(grown->runs, chunk->runs, chunk->nr * sizeof(u64));
		if (!entry_replace(extents, index, chunk, grown))
			return;
		chunk = grown;
	}
	chunk_add(chunk, first, run);
}

/* A copy of @entry in which @run has replaced what was at its indexes. */
static struct pin_chunk *chunk_rebuild(void *entry, unsigned long first,
				       const struct pin_run *run)
{
	const unsigned long end = first + run->npages;
	struct pin_chunk *old = entry, *new;
	const u64 *words = NULL;
	bool added = false;
	unsigned long nr = 0;
	u64 whole;

	if (xa_is_value(entry)) {
		struct pin_run value = value_decode(entry);

		whole = run_encode(0, &value);
		words = &whole;
		nr = 1;
	} else if (old) {
		words = old->runs;
		nr = old->nr;
	}

	/* One is new, and one may be cut in two. */
	new = chunk_alloc(min(nr + 2, PIN_CHUNK_RUNS));
	if (!new)
		return NULL;

	for (unsigned long i = 0; i <= nr; i++) {
		struct pin_run piece;

		if (!added && (i == nr || run_end(words[i]) > first)) {
			if (i < nr && run_first(words[i]) < first) {
				piece = run_decode(words[i],
						   run_first(words[i]));
				piece.npages = first - run_first(words[i]);
				if (new->nr == new->room)
					break;
				chunk_add(new, run_first(words[i]), &piece);
			}
			if (new->nr == new->room)
				break;
			chunk_add(new, first, run);
			added = true;
		}
		if (i == nr || (added && run_end(words[i]) <= end))
			continue;
		if (new->nr == new->room)
			break;
		if (added && run_first(words[i]) < end) {
			piece = run_decode(words[i], end);
			chunk_add(new, end, &piece);
		} else {
			piece = run_decode(words[i], run_first(words[i]));
			chunk_add(new, run_first(words[i]), &piece);
		}
	}
	return new;
}

static void chunk_store(struct pin_extents *extents, unsigned long chunk,
			unsigned long first, const struct pin_run *run)
{
	void *entry = entry_load(extents, chunk);

	if (run->npages == PIN_CHUNK_PAGES)
		entry_replace(extents, chunk, entry, value_encode(run));
	else if (entry && !xa_is_value(entry) && chunk_ends_before(entry, first))
		chunk_append(extents, chunk, entry, first, run);
	else
		entry_replace(extents, chunk, entry,
			      chunk_rebuild(entry, first, run));
}

/**
 * pin_extents_store - remember a run
 * @extents: where
 * @index: index of its first page
 * @run: the run; what was remembered at its indexes is replaced
 *
 * Context: the front end's lock of the mapping is held. May sleep. Does not
 * fail: what there is no memory for is forgotten.
 */
void pin_extents_store(struct pin_extents *extents, unsigned long index,
		       const struct pin_run *run)
{
	struct pin_run left = *run;

	while (left.npages) {
		unsigned long first = index % PIN_CHUNK_PAGES;
		struct pin_run piece = left;

		piece.npages = min(left.npages, PIN_CHUNK_PAGES - first);
		chunk_store(extents, index / PIN_CHUNK_PAGES, first, &piece);
		index += piece.npages;
		left.pfn += piece.npages;
		left.npages -= piece.npages;
	}
}
EXPORT_SYMBOL_GPL(pin_extents_store);

/*
 * The last run of a chunk that begins at @first or before. Reading goes from
 * front to end, so it is mostly @near, where the last one was found, or the one
 * behind. Else it is searched for: run k begins at index k or later, so where
 * each page is a run, the first guess hits.
 */
static unsigned int chunk_find(const struct pin_chunk *chunk,
			       unsigned long first, unsigned int near)
{
	unsigned int high = min_t(unsigned int, first, chunk->nr - 1);
	unsigned int low = 0, mid;

	for (mid = near; mid <= high && mid <= near + 1; mid++)
		if (run_first(chunk->runs[mid]) <= first &&
		    (mid == high || run_first(chunk->runs[mid + 1]) > first))
			return mid;

	for (mid = high; low < high; mid = (low + high + 1) / 2) {
		if (run_first(chunk->runs[mid]) <= first)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/* The run at index @first of the chunk that is near, up to the chunk's end. */
static bool chunk_load(struct pin_extents *extents, unsigned long index,
		       struct pin_run *run)
{
	unsigned long first = index % PIN_CHUNK_PAGES;
	void *entry = entry_load(extents, index / PIN_CHUNK_PAGES);
	struct pin_chunk *chunk = entry;
	unsigned int pos;

	if (!entry)
		return false;
	if (xa_is_value(entry)) {
		*run = value_decode(entry);
		run->pfn += first;
		run->npages -= first;
		return true;
	}

	pos = chunk_find(chunk, first, extents->near_run);
	extents->near_run = pos;
	if (run_first(chunk->runs[pos]) > first ||
	    run_end(chunk->runs[pos]) <= first)
		return false;
	*run = run_decode(chunk->runs[pos], first);
	return true;
}

/**
 * pin_extents_load - what is remembered at an index
 * @extents: where
 * @index: index of the first page; it is pinned
 * @last: last index of interest
 * @run: the longest run that is remembered from there on, up to @last
 *
 * Context: the front end's lock of the mapping is held.
 *
 * Return: pages in @run, or 0 if @index is not remembered.
 */
unsigned long pin_extents_load(struct pin_extents *extents,
			       unsigned long index, unsigned long last,
			       struct pin_run *run)
{
	const unsigned long wanted = last - index + 1;
	struct pin_run next;

	if (!chunk_load(extents, index, run))
		return 0;

	while (run->npages < wanted &&
	       (index + run->npages) % PIN_CHUNK_PAGES == 0 &&
	       chunk_load(extents, index + run->npages, &next) &&
	       pin_run_join(run, &next))
		;
	run->npages = min(run->npages, wanted);
	return run->npages;
}
EXPORT_SYMBOL_GPL(pin_extents_load);
