// SPDX-License-Identifier: GPL-2.0-only
//
// Takes pinning and accounting out of mainline's type1, for ours to take their
// place. What stays is the user interface, the groups and domains, the list of
// IOVA ranges, the tree of mappings and dirty tracking.
//
// spliced: vfio_iommu_type1.c

// Ours go behind all private structures and the list of mediated pins, and
// before the first caller.
@ours@
@@
+ #include "type1_account.c"
+ #include "type1_map.c"
+ #include "type1_mediated.c"
+ #include "type1_pins.c"
+ #include "type1_owner.c"
static int vfio_iommu_type1_pin_pages(...) { ... }

// expect vfio_iommu_type1.c: #include "type1_account.c"
// expect vfio_iommu_type1.c: #include "type1_map.c"
// expect vfio_iommu_type1.c: #include "type1_mediated.c"
// expect vfio_iommu_type1.c: #include "type1_pins.c"
// expect vfio_iommu_type1.c: #include "type1_owner.c"

@api@
@@
  #include <linux/mm.h>
+ #include <linux/pinacct.h>

// expect vfio_iommu_type1.c: #include <linux/pinacct.h>

@remove@
type T;
identifier f = {
	follow_fault_pfn, is_invalid_reserved_pfn, mm_lock_acct, put_pfn,
	unmap_unpin_fast, unmap_unpin_slow, vaddr_get_pfns, vfio_batch_fini,
	vfio_batch_init, vfio_batch_unpin, vfio_change_dma_owner,
	vfio_iommu_map, vfio_iommu_replay, vfio_iommu_unmap_unpin_reaccount,
	vfio_iova_put_vfio_pfn, vfio_lock_acct, vfio_pin_map_dma,
	vfio_pin_page_external, vfio_pin_pages_remote, vfio_sync_unpin,
	vfio_unmap_unpin, vfio_unpin_page_external, vfio_unpin_pages_remote };
@@
- T f(...) { ... }

@optional@
type T;
identifier f = {
	__vfio_batch_init, put_valid_unreserved_pfns, vfio_batch_init_single,
	vfio_test_domain_fgsp, vpfn_pages };
@@
- T f(...) { ... }

@prototype@
symbol pfn, prot;
@@
- static int put_pfn(unsigned long pfn, int prot);

// gone vfio_iommu_type1.c: put_pfn

@structures@
@@
(
- struct vfio_batch { ... };
|
- struct vfio_regions { ... };
)

// gone vfio_iommu_type1.c: struct vfio_batch
// gone vfio_iommu_type1.c: struct vfio_regions

@capacity@
expression E;
@@
- #define VFIO_BATCH_MAX_CAPACITY E

@sync@
expression E;
@@
- #define VFIO_IOMMU_TLB_SYNC_MAX E

// gone vfio_iommu_type1.c: VFIO_BATCH_MAX_CAPACITY
// gone vfio_iommu_type1.c: VFIO_IOMMU_TLB_SYNC_MAX

// What a mapping owes, and whom, is the layer's. (A member that stays is taken
// out and put back, or the comment of the one before would become its own.)
@members@
@@
struct vfio_dma {
	...
-	struct mm_struct *mm;
-	size_t locked_vm;
+	struct pin_account acct;
+	struct pin_extents extents;
};

@members_before_rsvd@
@@
struct vfio_dma {
	...
-	bool lock_cap;
-	bool vaddr_invalid;
-	struct task_struct *task;
+	bool vaddr_invalid;
	...
};

@members_with_rsvd@
@@
struct vfio_dma {
	...
-	bool lock_cap;
-	bool vaddr_invalid;
-	bool has_rsvd;
-	struct task_struct *task;
+	bool vaddr_invalid;
	...
};

// expect vfio_iommu_type1.c: struct pin_account acct;
// expect vfio_iommu_type1.c: struct pin_extents extents;
// gone vfio_iommu_type1.c: lock_cap
// gone vfio_iommu_type1.c: locked_vm
// gone-if-there vfio_iommu_type1.c: has_rsvd

@owner@
symbol current;
struct vfio_dma *dma;
@@
- get_task_struct(current->group_leader);
- dma->task = current->group_leader;
- dma->lock_cap = capable(CAP_IPC_LOCK);
- dma->mm = current->mm;
- mmgrab(dma->mm);
+ vfio_dma_set_owner(iommu, dma);
+ pin_extents_init(&dma->extents);

// expect vfio_iommu_type1.c: vfio_dma_set_owner(iommu, dma);
// expect vfio_iommu_type1.c: pin_extents_init(&dma->extents);

@hand_over@
struct vfio_dma *dma;
symbol iommu;
@@
- vfio_change_dma_owner(dma)
+ vfio_change_dma_owner(iommu, dma)

// expect vfio_iommu_type1.c: vfio_change_dma_owner(iommu, dma);

@unmap@
symbol iommu, true;
struct vfio_dma *dma;
@@
- vfio_unmap_unpin(iommu, dma, true);
+ vfio_unmap_dma(iommu, dma);
  ...
- put_task_struct(dma->task);
- mmdrop(dma->mm);
+ vfio_dma_put_owner(iommu, dma);

// expect vfio_iommu_type1.c: vfio_unmap_dma(iommu, dma);
// expect vfio_iommu_type1.c: vfio_dma_put_owner(iommu, dma);

// Ours pins a page, decides who pays for it and puts it into the list.
@mediated@
symbol iommu, iova, ret, remote_vaddr, phys_pfn, do_accounting;
identifier dma;
identifier pin_unwind;
@@
- remote_vaddr = dma->vaddr + (iova - dma->iova);
- ret = vfio_pin_page_external(dma, remote_vaddr, &phys_pfn, do_accounting);
+ ret = vfio_pin_page_external(iommu, dma, iova, &phys_pfn);
  if (ret)
	goto pin_unwind;
- if (!pfn_valid(phys_pfn)) { ... }
- ret = vfio_add_to_pfn_list(...);
- if (ret) { ... }

// expect vfio_iommu_type1.c: vfio_pin_page_external(iommu, dma, iova, &phys_pfn);
// gone vfio_iommu_type1.c: pfn_valid(

@mediated_unpin@
symbol iova, do_accounting;
identifier dma;
@@
- vfio_unpin_page_external(dma, iova, do_accounting);
+ vfio_unpin_page_external(dma, iova);

@mediated_variable@
@@
- unsigned long remote_vaddr;

@mediated_payer@
symbol do_accounting;
@@
- bool do_accounting;
  ...
- do_accounting = ...;

// gone vfio_iommu_type1.c: remote_vaddr
// gone vfio_iommu_type1.c: do_accounting

// What a mediated pin is, and whether it is charged by itself.
@mediated_member@
@@
struct vfio_pfn {
	...
+	enum pin_kind kind;
+	bool charged;
};

// expect vfio_iommu_type1.c: enum pin_kind kind;
// expect vfio_iommu_type1.c: bool charged;

@mm@
struct vfio_dma *dma;
@@
- dma->mm
+ dma->acct.mm

// expect vfio_iommu_type1.c: dma->acct.mm

// Mainline closes a container without the lock, since nobody else can have it
// any more. Ours asserts it wherever it is relied on.
@release@
symbol iommu;
@@
vfio_iommu_type1_release(...)
{
	<...
+	mutex_lock(&iommu->lock);
	vfio_iommu_unmap_unpin_all(iommu);
+	mutex_unlock(&iommu->lock);
+	pin_source_unregister(&iommu->pins);
	...>
}

// expect vfio_iommu_type1.c: mutex_lock(&iommu->lock); vfio_iommu_unmap_unpin_all(iommu);
// expect vfio_iommu_type1.c: pin_source_unregister(&iommu->pins);

// Who asks which pages are pinned gets to each container.
@pins_member@
@@
struct vfio_iommu {
	...
+	struct pin_source pins;
};

@pins@
symbol iommu;
@@
vfio_iommu_type1_open(...)
{
	<...
+	vfio_register_pins(iommu);
	return iommu;
	...>
}

// expect vfio_iommu_type1.c: struct pin_source pins;
// expect vfio_iommu_type1.c: vfio_register_pins(iommu);

// The test that finds out how an IOMMU unmaps: ours need not know.
@fine_grained@
@@
- vfio_test_domain_fgsp(...);

// gone-if-there vfio_iommu_type1.c: vfio_test_domain_fgsp

@fine_grained_member@
@@
struct vfio_domain {
	...
-	bool fgsp : 1;
-	bool enforce_cache_coherency : 1;
+	bool enforce_cache_coherency : 1;
};

// gone-if-there vfio_iommu_type1.c: fgsp
