/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinacct: pin user memory for DMA, and charge it.
 *
 * A front end (type1, iommufd) owns a mapping: a linear range of pages that a
 * device reaches at a range of IOVAs. The layer does four things for it:
 *
 *   pin      struct pin_reader   turns user memory into runs of PFNs    pin.c
 *   charge   struct pin_account  what the mapping owes, and who pays    account.c
 *   remember struct pin_extents  which PFN stands at which page index   extents.c
 *   give back struct pin_view    unmap from a domain, then unpin        unmap.c
 *
 * and tells on demand which pages are pinned: struct pin_source, pins.c.
 *
 * All counts are in pages of PAGE_SIZE, all indexes are page numbers from the
 * start of the mapping, all user addresses and IOVAs are in bytes.
 */
#ifndef _LINUX_PINACCT_H
#define _LINUX_PINACCT_H

#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct file;
struct iommu_domain;
struct pin_extents;
struct pin_ledger;
struct task_struct;
struct user_struct;

/**
 * enum pin_payer - whose counter a charge goes to
 * @PIN_PAYER_NONE: nobody's: the mapping is exempt from RLIMIT_MEMLOCK
 * @PIN_PAYER_USER: user_struct::locked_vm, shared by all processes of the user
 * @PIN_PAYER_MM: mm_struct::locked_vm, which mlock() counts in as well
 *
 * The values equal iommufd's IOPT_PAGES_ACCOUNT_*, which user space selects
 * with IOMMU_OPTION_RLIMIT_MODE.
 */
enum pin_payer {
	PIN_PAYER_NONE = 0,
	PIN_PAYER_USER = 1,
	PIN_PAYER_MM = 2,
};

/**
 * enum pin_zero_mode - what a device that only reads gets for a zero page
 * @PIN_ZERO_PAGE_COW: a private copy, pinned and charged as a zero COW
 * @PIN_ZERO_PAGE_IGNORE: the zero page itself, neither pinned nor charged
 * @PIN_ZERO_PAGE_STRICT: nothing: the mapping is refused
 */
enum pin_zero_mode {
	PIN_ZERO_PAGE_COW = 0,
	PIN_ZERO_PAGE_IGNORE,
	PIN_ZERO_PAGE_STRICT,
};

enum pin_zero_mode pin_zero_mode(void);
bool pin_charge_once(void);

/**
 * struct pin_account - what one mapping owes
 * @mm: whose memory is pinned; paid by it with PIN_PAYER_MM. Held by mmgrab()
 * @task: whose RLIMIT_MEMLOCK is read at each charge. Held
 * @user: who pays with PIN_PAYER_USER. Held, or NULL where it never pays
 * @ledger: the payer's, from the first charge to pin_account_close()
 * @charged: pages charged and not yet refunded; with @once, pages held, of which
 *	     others may have paid for some
 * @zero_cow: how many of these are zero COWs; with @once, the ledger knows
 * @met: a number of its own, from when pin_query_meet() first sees it
 * @zero_mode: what zero pages get, as chosen when the mapping was made
 * @payer: an enum pin_payer
 * @once: charge_once, as chosen when the mapping was made
 * @unlimited: charged like everybody, but never refused (type1's lock_cap)
 * @count_pinned: the pages count in mm->pinned_vm too (iommufd)
 *
 * The front end's lock of the mapping protects all of it.
 */
struct pin_account {
	struct mm_struct *mm;
	struct task_struct *task;
	struct user_struct *user;
	struct pin_ledger *ledger;
	unsigned long charged;
	unsigned long zero_cow;
	unsigned long met;
	enum pin_zero_mode zero_mode;
	u8 payer;
	bool once;
	bool unlimited;
	bool count_pinned;
};

/**
 * struct pin_request - what a mapping is to be, for checks and for refusals
 * @acct: its account
 * @start: where its memory begins: address or offset in the file, in bytes
 * @iova: where the device will see it, in bytes
 * @npages: all of it
 */
struct pin_request {
	struct pin_account *acct;
	unsigned long start;
	unsigned long iova;
	unsigned long npages;
};

int pin_account_charge(struct pin_account *acct, unsigned long npages,
		       unsigned long zero_cow,
		       const struct pin_request *request);
void pin_account_refund(struct pin_account *acct, unsigned long npages,
			unsigned long zero_cow);
bool pin_account_fits(const struct pin_account *acct, unsigned long npages);
int pin_account_check(struct pin_account *acct, unsigned long npages,
		      const struct pin_request *request);
void pin_account_close(struct pin_account *acct);
bool pin_account_same_payer(const struct pin_account *a,
			    const struct pin_account *b);
void pin_account_hand_over(struct pin_account *acct, struct pin_account *to,
			   unsigned long npages);

/**
 * enum pin_kind - what stands behind a PFN
 * @PIN_RAM: a page with a pin on it, to be charged and to be unpinned
 * @PIN_DEVICE: no page to pin: a BAR or other VM_PFNMAP memory. Never charged
 * @PIN_ZERO_COW: as PIN_RAM, but there was a zero page before the pin
 * @PIN_ZERO: the zero page, without a pin. Never charged
 */
enum pin_kind {
	PIN_RAM = 0,
	PIN_DEVICE = 1,
	PIN_ZERO_COW = 2,
	PIN_ZERO = 3,
};

enum pin_kind pin_kind_of(unsigned long pfn);

static inline bool pin_kind_is_pinned(enum pin_kind kind)
{
	return kind == PIN_RAM || kind == PIN_ZERO_COW;
}

/**
 * struct pin_run - consecutive PFNs of one kind
 * @pfn: the first
 * @npages: how many, never 0
 * @kind: of all of them
 */
struct pin_run {
	unsigned long pfn;
	unsigned long npages;
	enum pin_kind kind;
};

/**
 * pin_run_join - lengthen a run by the one that follows
 * @run: a run
 * @next: what comes at the indexes behind it
 *
 * Return: true if @run was lengthened, false if @next is not its continuation.
 */
static inline bool pin_run_join(struct pin_run *run,
				const struct pin_run *next)
{
	if (run->kind != next->kind || run->pfn + run->npages != next->pfn)
		return false;
	run->npages += next->npages;
	return true;
}

/**
 * pin_account_is_once - does an account pay by page, not by number?
 * @acct: the account
 *
 * Where nobody pays, there is nothing to save.
 *
 * Context: any.
 */
static inline bool pin_account_is_once(const struct pin_account *acct)
{
	return acct->once && acct->payer != PIN_PAYER_NONE;
}

/**
 * pin_runs_npages - pages in some runs
 * @runs: the runs
 * @nr: how many
 *
 * Context: any.
 */
static inline unsigned long pin_runs_npages(const struct pin_run *runs,
					    unsigned int nr)
{
	unsigned long npages = 0;

	while (nr--)
		npages += runs[nr].npages;
	return npages;
}

int pin_account_enter(struct pin_account *acct, const struct pin_run *run,
		      const struct pin_request *request);
void pin_account_leave(struct pin_account *acct, const struct pin_run *run);
void pin_account_unpin(struct pin_account *acct, const struct pin_run *runs,
		       unsigned int nr, bool dirty);
void pin_run_unpin(const struct pin_run *run, bool dirty);
int pin_map_failed(struct iommu_domain *domain, unsigned long iova, size_t size,
		   const struct pin_request *request, int error);

/* A page of page pointers is the window that is pinned at a time. */
#define PIN_WINDOW_PAGES (PAGE_SIZE / sizeof(struct page *))

/**
 * struct pin_reader - reads user memory, pinning it, a window at a time
 * @request: the mapping that it is read for
 * @mm: where addresses are looked up, or NULL for a file
 * @file: a memfd, or NULL for an address
 * @gup_flags: FOLL_LONGTERM, and FOLL_WRITE for a device that writes
 * @zero_mode: what zero pages get; as in the account, unless set after init
 * @devices: VM_PFNMAP memory is taken as well, as PIN_DEVICE, and faults are
 *	     handled as type1 does (see pin.c)
 * @mm_held: mm_users of a remote @mm is held until pin_reader_end()
 * @by_folio: the window is @folios, not @pages
 * @looked_to: no VMA has to be looked at for this window up to this address
 * @pages: the window, by page
 * @folios: the window, by folio: of a file, or of huge pages at an address
 * @few_pages: the window where no memory could be had for a larger one
 * @few_folios: likewise
 * @next: first entry of the window that has not been handed out
 * @end: first entry behind the window
 * @plain_end: @end of a window that is pages without a zero page among them,
 *	       or 0
 * @folio_offset: pages of the folio at @next that are in front of the range
 * @folio_pages: pages left to be handed out of a window of folios
 * @zeros: @zero has a bit set
 * @zero: entries of the window that were zero pages
 * @owed: pages of the window that are to be charged
 * @zero_cow: how many of these are zero COWs
 * @device: what is left of a device run, instead of a window
 * @entered: with charge_once: what is in the window has been charged
 * @excluded: memory there must not be pinned: its owner has excluded it
 * @touched: address up to which there is no use in having memory touched by
 *	     several tasks; see ahead.c
 *
 * What has been handed out belongs to the caller; pin_reader_end() unpins the
 * rest.
 */
struct pin_reader {
	const struct pin_request *request;
	struct mm_struct *mm;
	struct file *file;
	unsigned int gup_flags;
	enum pin_zero_mode zero_mode;
	bool devices;
	bool mm_held;
	bool by_folio;
	unsigned long looked_to;
	union {
		struct page **pages;
		struct folio **folios;
	};
	union {
		struct page *few_pages[16];
		struct folio *few_folios[16];
	};
	unsigned int next;
	unsigned int end;
	unsigned int plain_end;
	unsigned long folio_offset;
	unsigned long folio_pages;
	bool zeros;
	DECLARE_BITMAP(zero, PIN_WINDOW_PAGES);
	unsigned long owed;
	unsigned long zero_cow;
	struct pin_run device;
	bool entered;
	bool excluded;
	unsigned long touched;
};

void pin_reader_init(struct pin_reader *reader,
		     const struct pin_request *request, struct mm_struct *mm,
		     bool writable, bool devices);
void pin_reader_init_file(struct pin_reader *reader,
			  const struct pin_request *request,
			  struct file *file);
unsigned long pin_reader_certain(const struct pin_reader *reader,
				 unsigned long start, unsigned long npages,
				 bool *more);
long pin_reader_fill(struct pin_reader *reader, unsigned long start,
		     unsigned long npages);
long pin_reader_fill_pages(struct pin_reader *reader, unsigned long start,
			   unsigned long npages, struct page **pages);
void pin_reader_remember(const struct pin_reader *reader,
			 struct pin_extents *extents, unsigned long index,
			 const struct pin_run *run);
void pin_reader_remember_whole(const struct pin_reader *reader,
			       struct pin_extents *extents,
			       unsigned long index);
bool pin_reader_next_other(struct pin_reader *reader, struct pin_run *run);
void pin_reader_end(struct pin_reader *reader);

/* The run of pages at @reader->next; true if it ends inside of the window. */
static inline bool pin_reader_look(const struct pin_reader *reader,
				   struct pin_run *run)
{
	struct page **page = reader->pages + reader->next;
	struct page **end = reader->pages + reader->plain_end;
	unsigned long pfn = page_to_pfn(*page);

	run->pfn = pfn;
	do {
		page++;
		pfn++;
	} while (page != end && page_to_pfn(*page) == pfn);
	run->npages = pfn - run->pfn;
	run->kind = PIN_RAM;
	return page != end;
}

/**
 * pin_reader_next - take the next run out of the window
 * @reader: the reader
 * @run: the run; its pins belong to the caller
 *
 * Inline, because a run may be a single page.
 *
 * Context: any.
 *
 * Return: false if the window is empty.
 */
static inline bool pin_reader_next(struct pin_reader *reader,
				   struct pin_run *run)
{
	if (reader->next >= reader->plain_end)
		return pin_reader_next_other(reader, run);
	pin_reader_look(reader, run);
	reader->next += run->npages;
	return true;
}

/**
 * pin_reader_kind - what a page of the window is
 * @reader: the reader; nothing of its window has been handed out
 * @i: which page of those that pin_reader_fill() has announced
 *
 * Context: any.
 *
 * Return: the kind that pin_reader_next() will say.
 */
static inline enum pin_kind pin_reader_kind(const struct pin_reader *reader,
					    unsigned long i)
{
	if (reader->device.npages)
		return PIN_DEVICE;
	if (!reader->zeros || !test_bit(i, reader->zero))
		return PIN_RAM;
	return reader->zero_cow ? PIN_ZERO_COW : PIN_ZERO;
}

/**
 * pin_reader_in_window - is the run taken last as long as it really is?
 * @reader: the reader
 *
 * Context: any.
 *
 * Return: true if it ended inside of the window, false if that is not known.
 */
static inline bool pin_reader_in_window(const struct pin_reader *reader)
{
	return reader->next && reader->next < reader->plain_end;
}

/**
 * pin_reader_next_whole - take the next run, if it ends inside of the window
 * @reader: the reader
 * @run: the run; its pins belong to the caller
 *
 * What pin_reader_next() would do where runs are short, and nothing elsewhere.
 * There it may be called once a page, so it must be cheap.
 *
 * Context: any.
 *
 * Return: false if that is not known, and nothing was taken.
 */
static inline bool pin_reader_next_whole(struct pin_reader *reader,
					 struct pin_run *run)
{
	if (reader->next >= reader->plain_end || !pin_reader_look(reader, run))
		return false;
	reader->next += run->npages;
	return true;
}

/**
 * struct pin_extents - remembers which PFN stands at which index
 * @chunks: by index / PIN_CHUNK_PAGES; see extents.c
 * @near: the chunk that was looked at last, or the first of the block it is in
 * @near_entry: what @chunks has there, or NULL if that is not known
 * @near_run: where in that chunk the last run was found; any number will do
 * @max_order: no block is larger than of this order
 * @has_chunks: not all of them are value entries
 * @has_gaps: not all is remembered that there was to be stored
 * @end: behind the last chunk that was stored
 *
 * A cache: an index may be forgotten when there is no memory to remember it,
 * and what is remembered of an index that is not pinned means nothing.
 */
struct pin_extents {
	struct xarray chunks;
	unsigned long near;
	void *near_entry;
	unsigned int near_run;
	u8 max_order;
	bool has_chunks;
	bool has_gaps;
	unsigned long end;
};

void pin_extents_init(struct pin_extents *extents);
void pin_extents_destroy(struct pin_extents *extents);
void pin_extents_store(struct pin_extents *extents, unsigned long index,
		       const struct pin_run *run);
void pin_extents_store_pages(struct pin_extents *extents, unsigned long index,
			     struct page **pages, unsigned long npages);
unsigned long pin_extents_load(struct pin_extents *extents,
			       unsigned long index, unsigned long last,
			       struct pin_run *run);

/**
 * struct pin_view - a mapping as one IOMMU domain has it
 * @extents: what is remembered of it
 * @domain: is asked for what is not remembered
 * @base: the IOVA of index 0 rounded down to a page; may wrap below zero, for
 *	a domain that has only later indexes
 * @first_iova: first byte that is mapped in @domain, may be inside a page
 * @last_iova: last byte that is mapped in @domain
 */
struct pin_view {
	struct pin_extents *extents;
	struct iommu_domain *domain;
	unsigned long base;
	unsigned long first_iova;
	unsigned long last_iova;
};

typedef void (*pin_release_fn)(void *ctx, unsigned long index,
			       const struct pin_run *runs, unsigned int nr);

bool pin_view_run(const struct pin_view *view, unsigned long index,
		  unsigned long last, struct pin_run *run);
void pin_view_unmap(const struct pin_view *view, unsigned long index,
		    unsigned long last, pin_release_fn release, void *ctx);

struct pin_query;

/**
 * struct pin_source - a container or an IOAS, which knows what it has pinned
 * @count: call pin_query_count() for all that is pinned of what
 *	   pin_query_wants(). Takes the front end's locks. Returns 0 or an error
 * @mm: whose memory it has mapped; not held, only to be compared
 * @many: somebody else's as well
 * @node: in the list of all, see pins.c
 * @users: how many are asking it
 * @going: nobody else is to begin
 */
struct pin_source {
	int (*count)(struct pin_source *source, struct pin_query *query);
	const struct mm_struct *mm;
	bool many;
	struct list_head node;
	unsigned int users;
	bool going;
};

void pin_source_register(struct pin_source *source);
void pin_source_unregister(struct pin_source *source);
void pin_source_maps(struct pin_source *source, const struct mm_struct *mm);
bool pin_query_wants(struct pin_query *query, const struct pin_account *acct,
		     bool by_address, unsigned long start,
		     unsigned long npages, unsigned long *index,
		     unsigned long *last);
void pin_query_unsure(struct pin_query *query);
int pin_query_meet(struct pin_query *query, struct pin_account *acct);
void pin_query_count(struct pin_query *query, unsigned long start,
		     const struct pin_run *run);

#endif
