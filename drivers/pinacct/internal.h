/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _PINACCT_INTERNAL_H
#define _PINACCT_INTERNAL_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pinacct.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <uapi/linux/pinacct.h>

struct seq_file;
struct task_struct;

/* extents.c */
bool pin_extents_miss_none(const struct pin_extents *extents);
unsigned int pin_extents_next(struct pin_extents *extents, unsigned long index,
			      unsigned long last, struct pin_run *runs,
			      unsigned int room);
unsigned long pin_extents_skip(struct pin_extents *extents,
			       unsigned long index, unsigned long last,
			       struct pin_run *run);

/* params.c */
unsigned long pin_zero_slack(void);
bool pin_strict_errno(void);
unsigned int pin_threads(void);

/* once.c */

/**
 * struct pin_once - which pages a payer holds, and how often; see once.c
 * @lock: guards all of it, and makes entering and charging one step
 * @chunks: by PFN: how often a page is held
 * @nr_chunks: entries of @chunks
 * @max_chunks: how many there may be before the rest is charged apart
 * @apart: pages that are held and charged without being counted
 * @apart_zero_cow: how many of these were charged as zero COWs
 * @shared: pages that are held and were not charged, since others had been
 */
struct pin_once {
	struct mutex lock;	/* of all, and of entering with charging */
	struct xarray chunks;
	unsigned long nr_chunks;
	unsigned long max_chunks;
	unsigned long apart;
	unsigned long apart_zero_cow;
	unsigned long shared;
};

/**
 * struct pin_owed - pages to be charged or refunded
 * @npages: how many
 * @zero_cow: how many of these are zero COWs
 */
struct pin_owed {
	unsigned long npages;
	unsigned long zero_cow;
};

void pin_once_init(struct pin_once *once);
void pin_once_destroy(struct pin_once *once);
void pin_once_enter(struct pin_once *once, const struct pin_run *run,
		    struct pin_owed *owed);
void pin_once_leave(struct pin_once *once, const struct pin_run *run,
		    struct pin_owed *owed);

/* ledger.c */

/**
 * struct pin_ledger - what a payer owes in all; see ledger.c
 * @lock: guards @charged and @zero_cow
 * @charged: pages charged through all accounts
 * @zero_cow: how many of these are zero COWs
 * @once: what charge_once has to know
 * @node: in the table of all ledgers
 * @users: accounts that hold it; under the table's lock
 * @key: the mm_struct, or the user_struct with PIN_PAYER_USER. Held
 * @id: pid of whoever was charged first, or uid with PIN_PAYER_USER; to be shown
 * @payer: an enum pin_payer
 */
struct pin_ledger {
	spinlock_t lock;	/* of charged and zero_cow */
	unsigned long charged;
	unsigned long zero_cow;
	struct pin_once once;
	struct hlist_node node;
	unsigned int users;
	const void *key;
	unsigned int id;
	u8 payer;
};

struct pin_ledger *pin_ledger_get(const struct pin_account *acct);
void pin_ledger_put(struct pin_ledger *ledger);

/**
 * struct pin_totals - what a payer owes at one moment, in pages
 * @all: charged by everybody: mm->locked_vm or user->locked_vm; 0 for
 *	PIN_PAYER_NONE
 * @charged: how much of it came through mappings for devices
 * @zero_cow: how much of that is zero COWs
 * @shared: what charge_once has saved: pages held again by other mappings
 */
struct pin_totals {
	unsigned long all;
	unsigned long charged;
	unsigned long zero_cow;
	unsigned long shared;
};

struct pin_totals pin_ledger_read(u8 payer, const void *key);

void pin_ledgers_show(struct seq_file *seq);

/* account.c */
int pin_account_enter_window(struct pin_account *acct,
			     const struct pin_reader *reader);
unsigned long pin_account_room(struct pin_account *acct);

/* ahead.c */
void pin_ahead(struct pin_reader *reader, unsigned long start);
int pin_ahead_init(void);
void pin_ahead_exit(void);

/* debugfs.c */
void pin_debugfs_create(void);
void pin_debugfs_remove(void);

/* device.c */
int pin_device_register(void);
void pin_device_unregister(void);

/* early.c */
unsigned long pin_certain_in_vma(const struct pin_reader *reader,
				 struct vm_area_struct *vma,
				 unsigned long start, unsigned long npages,
				 bool *more);
int pin_estimate(unsigned long start, unsigned long npages, bool write,
		 unsigned long *least, unsigned long *most);

/* pins.c */

/**
 * enum pin_by - what pins are asked for
 * @PIN_BY_ADDRESS: those taken through addresses of a process
 * @PIN_BY_PAGE: those on the pages that are at these addresses now
 * @PIN_BY_FILE: those on pages of a file, by whomever
 */
enum pin_by {
	PIN_BY_ADDRESS,
	PIN_BY_PAGE,
	PIN_BY_FILE,
};

/**
 * struct pin_answer - takes what pin_find_pins() finds
 * @add: called for @npages pages from the address or offset @start on, each of
 *	 which has @pins pins. Returns 0, -ENOSPC if it has no room for it, or an
 *	 error
 * @next: address or offset behind all that is answered
 * @unsure: there may be more: a mapping was being made or unmade
 */
struct pin_answer {
	int (*add)(struct pin_answer *answer, unsigned long start,
		   unsigned long npages, unsigned int pins);
	unsigned long next;
	bool unsure;
};

int pin_find_pins(struct mm_struct *mm, struct address_space *mapping,
		  unsigned long start, unsigned long end, enum pin_by by,
		  struct pin_answer *answer);

/* exclude.c */

/**
 * struct pin_exclusions - what was excluded through a file descriptor
 * @lock: guards the rest
 * @list: of struct exclusion
 * @nr: how many
 * @nr_files: mappings of files in all of them
 */
struct pin_exclusions {
	struct mutex lock;	/* of the rest */
	struct list_head list;
	unsigned int nr;
	unsigned int nr_files;
};

bool pin_exclusions_exist(void);
void pin_exclusions_wake(void);
bool pin_excluded_addresses(struct mm_struct *mm, unsigned long *start,
			    unsigned long npages);
bool pin_excluded_file(const struct file *file, unsigned long *start,
		       unsigned long npages);
bool pin_excluded_folios(struct folio **folios, unsigned long nr);
unsigned long pin_excluded_pages(struct page **pages, unsigned long npages);
int pin_exclude(struct pin_exclusions *mine, unsigned long start,
		unsigned long end);
int pin_include(struct pin_exclusions *mine, unsigned long start,
		unsigned long end);
int pin_exclusions_busy(struct pin_exclusions *mine);
wait_queue_head_t *pin_exclusions_queue(void);
int pin_exclusions_wait(struct pin_exclusions *mine, long timeout);
struct pin_exclusions *pin_exclusions_open(void);
void pin_exclusions_close(struct pin_exclusions *mine);
void pin_exclusions_exit(void);

/* leaf.c */
pmd_t *pin_find_pmd(struct mm_struct *mm, unsigned long addr);
long pin_leaves(struct pin_reader *reader, unsigned long start,
		unsigned long *npages, unsigned long entries);

/* pin.c */
unsigned long pin_untagged(struct mm_struct *mm, unsigned long start);
bool pin_is_there(unsigned long addr);
void pin_prefault(const struct pin_reader *reader, unsigned long start,
		  unsigned long npages, unsigned int fault_flags);
bool pin_vma_is_plain(const struct vm_area_struct *vma);
long pin_addresses(struct pin_reader *reader, unsigned long start,
		   unsigned long npages, unsigned int gup_flags,
		   struct page **pages);

/* zero.c */
long pin_zero_fill(struct pin_reader *reader, unsigned long start,
		   unsigned long npages, enum pin_zero_mode mode,
		   struct page **pages);

/* cause.c */
enum pinacct_cause pin_cause(struct pin_reader *reader, unsigned long *start,
			     unsigned long npages, int error, char *what,
			     size_t size);
bool pin_cause_is_file(const struct vm_area_struct *vma, bool write);
int pin_cause_errno(enum pinacct_cause cause, int error);

/* refusal.c */
int pin_refuse_limit(const struct pin_account *acct,
		     const struct pin_request *request, unsigned long npages,
		     unsigned long charged, unsigned long limit,
		     unsigned long slack);
int pin_refuse_memory(struct pin_reader *reader, unsigned long start,
		      unsigned long npages, int error);
void pin_refuse_domain(const struct pin_request *request, unsigned long iova,
		       int error);
int pin_refusal_last(struct task_struct *task, struct pinacct_refusal *refusal);
void pin_refusals_free(void);

#endif
