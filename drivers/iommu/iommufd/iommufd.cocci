// SPDX-License-Identifier: GPL-2.0-only
//
// Takes iommufd's own pinning and accounting out of its files, and puts ours,
// pages_*.c and owner.c, in the place. What iommufd does besides, it keeps:
// areas, accesses, dma-bufs and their revocation, the double span iterator and
// the xarray of accessed pages.
//
// spliced: pages.c ioas.c io_pagetable.c io_pagetable.h iommufd_private.h
//
// Each file by itself: a header that is looked at together with a file loses
// the prototypes of what is removed there, and ours are called by the same names.
#spatch --no-includes

// Where a PFN is read from, pinned, charged, mapped, unmapped and unpinned.

@remove_reader@
identifier f = {
	temp_kmalloc,
	batch_clear, batch_clear_carry, batch_skip_carry,
	__batch_init, batch_init, batch_init_backup, batch_destroy,
	batch_add_pfn, batch_from_domain, batch_from_domain_continue,
	batch_from_xarray, batch_from_xarray_clear, batch_from_pages,
	batch_to_domain, batch_iommu_map_small, batch_unpin, batch_rw,
	raw_pages_from_domain,
	pfn_reader_user_init, pfn_reader_user_destroy, pfn_reader_user_pin,
	pfn_reader_unpin, pfn_reader_fill_span, pfn_reader_done,
	pfn_reader_next, pfn_reader_init, pfn_reader_release_pins,
	pfn_reader_destroy, pfn_reader_first,
	iopt_pages_err_unpin
};
type T;
@@
- T f(...) { ... }

@optional_reader@
identifier f = {
	batch_add_pfn_num, batch_remove_pfn_num, batch_from_folios,
	pin_memfd_pages, pfn_reader_dmabuf_init, pfn_reader_fill_dmabuf
};
type T;
@@
- T f(...) { ... }

@remove_accounting@
identifier f = {
	incr_user_locked_vm, decr_user_locked_vm, update_mm_locked_vm,
	update_unpinned, pfn_reader_user_update_pinned, pfn_reader_update_pinned
};
type T;
@@
- T f(...) { ... }

@optional_accounting@
identifier f = {
	do_update_pinned, iopt_pages_update_pinned,
	need_charge_update, charge_current, change_mm
};
type T;
@@
- T f(...) { ... }

@remove_domains@
identifier f = {
	iopt_area_fill_domain, iopt_area_fill_domains,
	iopt_area_unpin_domain, __iopt_area_unfill_domain,
	iopt_area_unfill_partial_domain, iopt_area_unfill_domain,
	iopt_area_unfill_domains
};
type T;
@@
- T f(...) { ... }

@remove_access@
identifier f = {
	iopt_pages_unpin_xarray, iopt_pages_unfill_xarray,
	iopt_pages_fill_from_domain, iopt_pages_fill_xarray, iopt_pages_rw_slow
};
type T;
@@
- T f(...) { ... }

@optional_access@
identifier f = { iopt_pages_fill_from_mm, iopt_pages_fill };
type T;
@@
- T f(...) { ... }

@optional_owner@
identifier f = { iommufd_ioas_change_process };
@@
- int f(...) { ... }

@owner depends on optional_owner@
@@
+ #include "owner.c"
  int iommufd_option_rlimit_mode(...) { ... }

// The structures that only those functions used.
// gone pages.c: pfn_batch
// gone pages.c: pfn_reader
// gone-if-there pages.c: batch_kind
// gone-if-there io_pagetable.h: pfn_reader

@structs@
identifier s = { pfn_batch, pfn_reader_user, pfn_reader_dmabuf, pfn_reader };
@@
- struct s { ... };

@kinds@
@@
- enum batch_kind { ... };

@forward@
@@
- struct pfn_reader_user;

@prototype@
@@
- int iopt_pages_update_pinned(...);

// A dma-buf as long as this was turned down because a batch counted in 32 bits.
// gone-if-there pages.c: MAX_NPFNS

@npfns_define@
@@
- enum { MAX_NPFNS = ... };

@npfns_use@
@@
- MAX_NPFNS
+ U32_MAX

// gone pages.c: BATCH_BACKUP_SIZE

@backup@
@@
- #define BATCH_BACKUP_SIZE 32

// An iopt_pages owes in its account, and remembers its PFNs in its extents.
// expect io_pagetable.h: #include <linux/pinacct.h>
// expect io_pagetable.h: struct pin_account acct
// expect io_pagetable.h: struct pin_extents extents
// expect io_pagetable.h: size_t nzero_cow
// expect io_pagetable.h: void iopt_register_pins(
// expect io_pagetable.h: int iopt_pages_enter(
// expect io_pagetable.h: void iopt_pages_leave(
// gone io_pagetable.h: last_npinned
// gone io_pagetable.h: source_task
// gone io_pagetable.h: source_mm
// gone io_pagetable.h: source_user
// gone io_pagetable.h: account_mode

@header@
@@
  #include <linux/mutex.h>
+ #include <linux/pinacct.h>

@members@
@@
  struct iopt_pages {
	...
- 	size_t last_npinned;
- 	struct task_struct *source_task;
- 	struct mm_struct *source_mm;
- 	struct user_struct *source_user;
	...
- 	u8 account_mode;
+	struct pin_account acct;
+	struct pin_extents extents;
+	size_t nzero_cow;
	...
  };
+ void iopt_register_pins(struct io_pagetable *iopt, struct iopt_pages *pages);
+ int iopt_pages_enter(struct iopt_pages *pages, struct pin_account *acct);
+ void iopt_pages_leave(struct iopt_pages *pages, struct pin_account *acct, unsigned long npages);

// gone pages.c: source_task
// gone pages.c: ->source_mm
// gone pages.c: source_user
// gone pages.c: account_mode
// gone io_pagetable.c: pages->account_mode
// gone-if-there ioas.c: pages->account_mode
// expect io_pagetable.c: pages->acct.payer

@uses@
struct iopt_pages *P;
@@
(
- P->source_mm
+ P->acct.mm
|
- P->source_task
+ P->acct.task
|
- P->source_user
+ P->acct.user
|
- P->account_mode
+ P->acct.payer
)

@list_uses@
struct iopt_pages_list E;
@@
- E.pages->account_mode
+ E.pages->acct.payer

// expect pages.c: pin_extents_init(&pages->extents);
// expect pages.c: pages->acct.count_pinned = true;
// expect pages.c: pages->acct.zero_mode = pin_zero_mode();
// expect pages.c: pages->acct.once = pin_charge_once();
// expect pages.c: pin_account_close(&pages->acct);
// expect pages.c: pin_extents_destroy(&pages->extents);

@init@
struct iopt_pages *P;
@@
  mutex_init(&P->mutex);
+ pin_extents_init(&P->extents);
+ P->acct.count_pinned = true;
+ P->acct.zero_mode = pin_zero_mode();
+ P->acct.once = pin_charge_once();

@destroy@
struct iopt_pages *P;
@@
+ pin_account_close(&P->acct);
+ pin_extents_destroy(&P->extents);
  mutex_destroy(&P->mutex);

// Behind the last of the helpers that ours use.
// expect pages.c: #include "pages_read.c"
// expect pages.c: #include "pages_unfill.c"
// expect pages.c: #include "pages_fill.c"
// expect pages.c: #include "pages_access.c"
// expect pages.c: #include "pages_pins.c"

@ours@
@@
  static void copy_data_page(...) { ... }
+ #include "pages_read.c"
+ #include "pages_unfill.c"
+ #include "pages_fill.c"
+ #include "pages_access.c"
+ #include "pages_pins.c"

// Who asks which pages are pinned gets to each IOAS, once it has had a mapping:
// one that never had is sometimes freed without being destroyed.
// expect iommufd_private.h: #include <linux/pinacct.h>
// expect iommufd_private.h: struct pin_source pins;
// expect io_pagetable.c: iopt_register_pins(iopt, pages);
// expect io_pagetable.c: pin_source_unregister(&iopt->pins);

@private_header@
@@
  #include <linux/iommu.h>
+ #include <linux/pinacct.h>

@table_member@
@@
struct io_pagetable {
  ...
+	struct pin_source pins;
};

@table_insert@
symbol iopt, pages;
@@
  int iopt_insert_area(...)
  {
	lockdep_assert_held_write(&iopt->iova_rwsem);
+	iopt_register_pins(iopt, pages);
	...
  }

@table_destroy@
symbol iopt;
@@
void iopt_destroy_table(...)
{
+	pin_source_unregister(&iopt->pins);
  ...
}
