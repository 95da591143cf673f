// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which PFN stands at which index of a mapping.
 *
 * Mainline asks the IOMMU for every 4 KiB when it unmaps, however large the
 * pages are. Here the runs are remembered when they are mapped. The indexes of
 * a mapping are cut into chunks of PIN_CHUNK_PAGES, and an xarray holds what is
 * known of each:
 *
 *   nothing         no page of the chunk is remembered, unless by a block
 *   a value entry   one run, from the chunk's first index on; mostly to its end
 *   a block         a value entry as well: one run that is all of 2^order chunks,
 *                   of which this is the first. Its number is a multiple of
 *                   2^order, and at the others is nothing
 *   a pointer       struct pin_chunk: up to PIN_CHUNK_RUNS runs, sorted by index
 *
 * Memory of 2 MiB pages costs an xarray slot for each, so about 5 KiB per GiB, and
 * less where they are in a row; memory with no two pages in a row costs a page
 * per chunk, 8 bytes per 4 KiB.
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
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>

#define PIN_CHUNK_PAGES	512UL

/*
 * A run inside a chunk. 44 bits of PFN are 56 bits of address: no architecture
 * that Linux knows has more (52 on x86-64 and arm64, 56 on riscv).
 */
#define RUN_PFN		GENMASK_ULL(43, 0)
#define RUN_FIRST	GENMASK_ULL(52, 44)
#define RUN_LEN_1	GENMASK_ULL(61, 53)	/* length less one */
#define RUN_KIND	GENMASK_ULL(63, 62)

/* The same in a value entry, which has 63 bits, and no RUN_FIRST. */
#define VALUE_KIND	GENMASK_ULL(1, 0)
#define VALUE_LEN_1	GENMASK_ULL(10, 2)
#define VALUE_PFN	GENMASK_ULL(54, 11)
#define VALUE_ORDER	GENMASK_ULL(58, 55)	/* if not 0, VALUE_LEN_1 is a chunk's */

/* The largest block: 1 GiB. Who looks for one looks at so many places at most. */
#define PIN_BLOCK_ORDER	9

/**
 * struct pin_chunk - the runs of a chunk that is not one run
 * @nr: how many there are
 * @room: how many fit
 * @end: index in the chunk, behind the last of them
 * @runs: sorted by RUN_FIRST, none overlaps another, consecutive ones do not join
 */
struct pin_chunk {
	u16 nr;
	u16 room;
	u16 end;
	u64 runs[] __counted_by(room);
};

/* A full chunk and its header are a page, and smaller ones fit kmalloc's sizes. */
#define PIN_CHUNK_RUNS	((PIN_CHUNK_PAGES * sizeof(u64) - \
			  sizeof(struct pin_chunk)) / sizeof(u64))

#define CHUNK_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_NORETRY)

static __always_inline u64 run_encode(unsigned long first, const struct pin_run *run)
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

static void *block_encode(const struct pin_run *run, unsigned int order)
{
	return xa_mk_value(FIELD_PREP(VALUE_PFN, run->pfn) |
			   FIELD_PREP(VALUE_LEN_1, PIN_CHUNK_PAGES - 1) |
			   FIELD_PREP(VALUE_KIND, run->kind) |
			   FIELD_PREP(VALUE_ORDER, order));
}

static void *value_encode(const struct pin_run *run)
{
	return xa_mk_value(FIELD_PREP(VALUE_PFN, run->pfn) |
			   FIELD_PREP(VALUE_LEN_1, run->npages - 1) |
			   FIELD_PREP(VALUE_KIND, run->kind));
}

/* How many chunks @entry is for, as a power of 2 */
static unsigned int entry_order(void *entry)
{
	return xa_is_value(entry) ? FIELD_GET(VALUE_ORDER, xa_to_value(entry)) :
				    0;
}

/* Is the chunk that comes @ahead chunks behind that of @entry in it? */
static bool entry_covers(void *entry, unsigned long ahead)
{
	return ahead >> entry_order(entry) == 0;
}

static struct pin_run value_decode(void *entry)
{
	unsigned long value = xa_to_value(entry);

	return (struct pin_run){
		.pfn = FIELD_GET(VALUE_PFN, value),
		.npages = (FIELD_GET(VALUE_LEN_1, value) + 1)
			  << FIELD_GET(VALUE_ORDER, value),
		.kind = FIELD_GET(VALUE_KIND, value),
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
	extents->end = 0;
	extents->max_order = 0;
	extents->has_chunks = false;
	extents->has_gaps = false;
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

	if (extents->has_chunks) {
		xa_for_each(&extents->chunks, chunk, entry) {
			entry_free(entry);
			cond_resched();
		}
	}
	if (!xa_empty(&extents->chunks))
		xa_destroy(&extents->chunks);
	extents->near_entry = NULL;
	extents->end = 0;
	extents->max_order = 0;
	extents->has_chunks = false;
	extents->has_gaps = false;
}
EXPORT_SYMBOL_GPL(pin_extents_destroy);

/* Makes the entry near that a chunk is in, be it as a part of a block. */
static noinline void look_for(struct pin_extents *extents, unsigned long chunk)
{
	void *entry = xa_load(&extents->chunks, chunk);

	extents->near = chunk;
	for (unsigned int order = 1; !entry && order <= extents->max_order;
	     order++) {
		unsigned long first = round_down(chunk, 1UL << order);

		if (first == extents->near)
			continue;
		extents->near = first;
		entry = xa_load(&extents->chunks, first);
		/* What has an entry of its own is in no larger block. */
		if (entry && !entry_covers(entry, chunk - first)) {
			entry = NULL;
			break;
		}
	}
	extents->near_entry = entry;
}

/* Indexes come in order, so almost always it is the chunk of the last time. */
static void *entry_load(struct pin_extents *extents, unsigned long chunk)
{
	if (!extents->near_entry ||
	    !entry_covers(extents->near_entry, chunk - extents->near))
		look_for(extents, chunk);
	return extents->near_entry;
}

/* The chunk that @index is in, if it is the one that is near, and no value. */
static struct pin_chunk *near_chunk(const struct pin_extents *extents,
				    unsigned long index)
{
	if (extents->near != index / PIN_CHUNK_PAGES ||
	    xa_is_value(extents->near_entry))
		return NULL;
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
		extents->has_gaps = true;
		return false;
	}
	entry_free(old);
	extents->near = chunk;
	extents->near_entry = new;
	return true;
}

/*
 * Cuts a block until @chunk has an entry for no more than 2^@order chunks. A half
 * for which there is no memory is forgotten.
 */
static noinline void cut_block(struct pin_extents *extents,
			       unsigned long chunk, unsigned int order)
{
	void *entry = entry_load(extents, chunk);
	unsigned int now = entry_order(entry);
	unsigned long first = extents->near;
	struct pin_run run;

	if (now <= order)
		return;
	run = value_decode(entry);
	while (now > order) {
		struct pin_run upper = run;
		unsigned long half;

		half = 1UL << --now;
		upper.pfn += half * PIN_CHUNK_PAGES;
		/* In the place of another, it takes no memory. */
		xa_store(&extents->chunks, first, block_encode(&run, now), 0);
		if (xa_is_err(xa_store(&extents->chunks, first + half,
				       block_encode(&upper, now), CHUNK_GFP)))
			extents->has_gaps = true;
		if (chunk - first >= half) {
			first += half;
			run = upper;
		}
	}
	extents->near_entry = NULL;
}

/* Remembers one run that is all of 2^@order chunks, and nothing else of them. */
static void block_store(struct pin_extents *extents, unsigned long chunk,
			unsigned int order, const struct pin_run *run)
{
	unsigned long last = chunk + (1UL << order) - 1, at;
	void *entry;

	entry = NULL;
	if (chunk < extents->end) {
		cut_block(extents, chunk, order);
		xa_for_each_range(&extents->chunks, at, entry, chunk + 1, last)
			forget(extents, at);
		entry = xa_load(&extents->chunks, chunk);
	}
	extents->max_order = max_t(u8, extents->max_order, order);
	entry_replace(extents, chunk, entry, block_encode(run, order));
	extents->end = max(extents->end, last + 1);
}

/* A chunk with room for @nr runs, and for one more if there can be. */
static struct pin_chunk *chunk_alloc(struct pin_extents *extents,
				     unsigned long nr)
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
	extents->has_chunks = true;
	chunk->room = room;
	chunk->nr = 0;
	chunk->end = 0;
	return chunk;
}

/* Does the run go on where the last one of the chunk ends, at @first? */
static bool chunk_joins(const struct pin_chunk *chunk, unsigned long first,
			u64 word)
{
	u64 last = chunk->runs[chunk->nr - 1];
	u64 next = last + chunk->end - run_first(last);

	return chunk->end == first && !((next ^ word) & (RUN_PFN | RUN_KIND));
}

static void chunk_add(struct pin_chunk *chunk, unsigned long first,
		      const struct pin_run *run)
{
	u64 word = run_encode(first, run);

	if (chunk->nr && chunk_joins(chunk, first, word))
		chunk->runs[chunk->nr - 1] += FIELD_PREP(RUN_LEN_1,
							 run->npages);
	else
		chunk->runs[chunk->nr++] = word;
	chunk->end = first + run->npages;
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

	if (chunk->nr == PIN_CHUNK_RUNS) {
		extents->has_gaps = true;
		return;
	}
	if (chunk->nr == chunk->room) {
		/* As many as there will be if it goes on like this. */
		grown = chunk_alloc(extents,
				    min(chunk->nr * PIN_CHUNK_PAGES / first + 1,
					PIN_CHUNK_RUNS));
		if (!grown) {
			extents->has_gaps = true;
			return;
		}
		grown->nr = chunk->nr;
		grown->end = chunk->end;
		memcpy(grown->runs, chunk->runs, chunk->nr * sizeof(u64));
		if (!entry_replace(extents, index, chunk, grown))
			return;
		chunk = grown;
	}
	chunk_add(chunk, first, run);
}

/* A copy of @entry in which @run has replaced what was at its indexes. */
static struct pin_chunk *chunk_rebuild(struct pin_extents *extents, void *entry,
				       unsigned long first,
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
	new = chunk_alloc(extents, min(nr + 2, PIN_CHUNK_RUNS));
	if (!new)
		return NULL;

	/* Where there is no more room, the rest is forgotten. */
	extents->has_gaps |= nr + 2 > new->room;
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

/*
 * What a value entry would have to say once @run has replaced what was there.
 * False if one cannot say it all.
 */
static bool whole_of(void *entry, unsigned long first,
		     const struct pin_run *run, struct pin_run *whole)
{
	*whole = *run;
	if (first == 0 && (!entry || run->npages == PIN_CHUNK_PAGES))
		return true;
	if (!xa_is_value(entry))
		return false;
	*whole = value_decode(entry);
	return whole->npages == first && pin_run_join(whole, run);
}

static void chunk_store(struct pin_extents *extents, unsigned long index,
			unsigned long first, const struct pin_run *run)
{
	struct pin_chunk *chunk = NULL;
	void *entry = NULL;
	struct pin_run whole;

	if (index >= extents->end) {
		extents->end = index + 1;
	} else {
		if (extents->max_order)
			cut_block(extents, index, 0);
		entry = entry_load(extents, index);
		if (!xa_is_value(entry))
			chunk = entry;
	}

	if (whole_of(entry, first, run, &whole))
		entry_replace(extents, index, entry, value_encode(&whole));
	else if (chunk && chunk->end <= first)
		chunk_append(extents, index, chunk, first, run);
	else
		entry_replace(extents, index, entry,
			      chunk_rebuild(extents, entry, first, run));
}

/* Of the largest block that begins at @chunk, and is at most @nchunks long */
static unsigned int block_order(unsigned long chunk, unsigned long nchunks)
{
	unsigned int order = min_t(unsigned int, ilog2(nchunks),
				   PIN_BLOCK_ORDER);

	return chunk ? min_t(unsigned int, order, __ffs(chunk)) : order;
}

static noinline void store_somewhere(struct pin_extents *extents,
				     unsigned long index,
				     const struct pin_run *run)
{
	struct pin_run left = *run;

	while (left.npages) {
		unsigned long chunk = index / PIN_CHUNK_PAGES;
		unsigned long first = index % PIN_CHUNK_PAGES;
		struct pin_run piece = left;
		unsigned int order = 0;

		if (!first && left.npages >= 2 * PIN_CHUNK_PAGES)
			order = block_order(chunk, left.npages / PIN_CHUNK_PAGES);
		if (order) {
			piece.npages = PIN_CHUNK_PAGES << order;
			block_store(extents, chunk, order, &piece);
		} else {
			piece.npages = min(left.npages, PIN_CHUNK_PAGES - first);
			chunk_store(extents, chunk, first, &piece);
		}
		index += piece.npages;
		left.pfn += piece.npages;
		left.npages -= piece.npages;
	}
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
	const unsigned long first = index % PIN_CHUNK_PAGES;
	struct pin_chunk *chunk = near_chunk(extents, index);
	u64 word = run_encode(first, run);

	/* In memory without two pages in a row, it is almost always this. */
	if (chunk && chunk->end == first && chunk->nr < chunk->room &&
	    run->npages <= PIN_CHUNK_PAGES - first &&
	    !chunk_joins(chunk, first, word)) {
		chunk->runs[chunk->nr++] = word;
		chunk->end = first + run->npages;
		return;
	}
	store_somewhere(extents, index, run);
}
EXPORT_SYMBOL_GPL(pin_extents_store);

/*
 * Of @pages those in front that go behind the chunk that is near, as runs that
 * are followed by another. The last one may go on with what comes later.
 */
static unsigned long append_runs(struct pin_extents *extents,
				 unsigned long index, struct page **pages,
				 unsigned long npages)
{
	const unsigned long first = index % PIN_CHUNK_PAGES;
	struct pin_chunk *chunk = near_chunk(extents, index);
	struct pin_run page = { .pfn = page_to_pfn(*pages), .npages = 1 };
	u64 *to, word = run_encode(first, &page);
	unsigned long done = 0;

	if (!chunk || chunk->end != first || chunk_joins(chunk, first, word))
		return 0;

	to = chunk->runs + chunk->nr;
	npages = min3(npages, PIN_CHUNK_PAGES - first,
		      (unsigned long)(chunk->room - chunk->nr));
	for (unsigned long i = 1; i < npages; i++) {
		const unsigned long next = page.pfn + 1;

		page.pfn = page_to_pfn(pages[i]);
		if (page.pfn == next) {
			word += FIELD_PREP(RUN_LEN_1, 1);
		} else {
			*to++ = word;
			word = run_encode(first + i, &page);
			done = i;
		}
	}
	chunk->nr = to - chunk->runs;
	chunk->end = first + done;
	return done;
}

/**
 * pin_extents_store_pages - remember pages of RAM
 * @extents: where
 * @index: index of the first page
 * @pages: the pages; what was remembered at their indexes is replaced
 * @npages: how many
 *
 * Context: as pin_extents_store().
 */
void pin_extents_store_pages(struct pin_extents *extents, unsigned long index,
			     struct page **pages, unsigned long npages)
{
	while (npages) {
		unsigned long n = append_runs(extents, index, pages, npages);

		if (!n) {
			struct pin_run run = { .pfn = page_to_pfn(pages[0]) };

			do {
				n++;
			} while (n < npages &&
				 page_to_pfn(pages[n]) == run.pfn + n);
			run.npages = n;
			run.kind = PIN_RAM;
			pin_extents_store(extents, index, &run);
		}
		index += n;
		pages += n;
		npages -= n;
	}
}
EXPORT_SYMBOL_GPL(pin_extents_store_pages);

/*
 * The last run of a chunk that begins at @first or before. Run k begins at index
 * k or later, so where each page is a run, the first guess hits.
 */
static unsigned int chunk_find(const struct pin_chunk *chunk,
			       unsigned long first)
{
	unsigned int high = min_t(unsigned int, first, chunk->nr - 1);
	unsigned int low = 0, mid;

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
		first = index - extents->near * PIN_CHUNK_PAGES;
		*run = value_decode(entry);
		if (run->npages <= first)
			return false;
		run->pfn += first;
		run->npages -= first;
		return true;
	}

	pos = chunk_find(chunk, first);
	if (run_first(chunk->runs[pos]) > first ||
	    run_end(chunk->runs[pos]) <= first)
		return false;
	extents->near_run = pos;
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

	/* So it is with a mapping of one page: see pin_reader_remember(). */
	if (xa_empty(&extents->chunks) || !chunk_load(extents, index, run))
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

/**
 * pin_extents_miss_none - is everything remembered that was stored?
 * @extents: where
 *
 * Context: as pin_extents_load().
 *
 * Return: false if a page may have been forgotten, or never stored.
 */
bool pin_extents_miss_none(const struct pin_extents *extents)
{
	return !extents->has_gaps && !xa_empty(&extents->chunks);
}

/*
 * The number of the run that begins at @first, if it is the one behind that
 * where something was found last, and ends in the chunk before @end; else 0.
 */
static unsigned int next_run(const struct pin_chunk *chunk, unsigned int near,
			     unsigned long first, unsigned long end)
{
	unsigned int pos = near + 1;

	if (pos < chunk->nr && run_first(chunk->runs[pos]) == first &&
	    run_end(chunk->runs[pos]) < end)
		return pos;
	return 0;
}

/* Index in the chunk, behind @last or behind the chunk. */
static unsigned long end_in_chunk(unsigned long index, unsigned long last)
{
	unsigned long first = index % PIN_CHUNK_PAGES;

	return min(last - index, PIN_CHUNK_PAGES - 1 - first) + first + 1;
}

/**
 * pin_extents_next - the runs behind the one that was loaded last
 * @extents: where
 * @index: index behind that run; it is pinned
 * @last: last index of interest
 * @runs: each as long as it really is, and the first one begins at @index
 * @room: how many there may be
 *
 * The one that reaches @last or the end of a chunk is never among them.
 *
 * Context: as pin_extents_load().
 *
 * Return: how many there are. 0 does not mean that nothing is remembered.
 */
unsigned int pin_extents_next(struct pin_extents *extents, unsigned long index,
			      unsigned long last, struct pin_run *runs,
			      unsigned int room)
{
	const struct pin_chunk *chunk = near_chunk(extents, index);
	const unsigned long end = end_in_chunk(index, last);
	unsigned long first = index % PIN_CHUNK_PAGES;
	unsigned int near = extents->near_run, pos, n = 0;

	if (!chunk)
		return 0;
	while (n < room && (pos = next_run(chunk, near, first, end))) {
		runs[n] = run_decode(chunk->runs[pos], first);
		first += runs[n++].npages;
		near = pos;
	}
	extents->near_run = near;
	return n;
}

/**
 * pin_extents_skip - go over many runs at once
 * @extents: where
 * @index: index behind the run that was loaded last
 * @last: last index of interest
 * @run: the last of those that were gone over, if there was one
 *
 * They are remembered without a gap, and no two of them join. The one that
 * reaches @last or the end of a chunk is never among them.
 *
 * Context: as pin_extents_load().
 *
 * Return: index behind @run, or @index if there was none.
 */
unsigned long pin_extents_skip(struct pin_extents *extents,
			       unsigned long index, unsigned long last,
			       struct pin_run *run)
{
	const struct pin_chunk *chunk = near_chunk(extents, index);
	const unsigned long end = end_in_chunk(index, last);
	unsigned long first = index % PIN_CHUNK_PAGES;
	unsigned int pos, found = 0;

	if (!chunk)
		return index;
	while ((pos = next_run(chunk, extents->near_run, first, end))) {
		extents->near_run = pos;
		first = run_end(chunk->runs[pos]);
		found = pos;
	}
	if (!found)
		return index;
	*run = run_decode(chunk->runs[found], run_first(chunk->runs[found]));
	return index - index % PIN_CHUNK_PAGES + first;
}
