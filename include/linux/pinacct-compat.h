/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the kernels that pinacct is built for differ, from 6.12 on. The code
 * reads as if written for the newest; what an older one lacks is made up here.
 */
#ifndef _LINUX_PINACCT_COMPAT_H
#define _LINUX_PINACCT_COMPAT_H

#include <linux/capability.h>
#include <linux/err.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/version.h>
/* For struct folio_batch, whose own header has had two names */
#include <linux/writeback.h>

#if KERNEL_VERSION(7, 2, 0) <= LINUX_VERSION_CODE
#include <linux/sched/exec_state.h>
#endif

/* Memory private to a guest has a file system of its own since 6.18. */
#ifndef GUEST_MEMFD_MAGIC
#define GUEST_MEMFD_MAGIC 0x474d454d
#endif

#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
/* Before, only get_user_pages() added pins, in the same way. */
static inline int folio_add_pins(struct folio *folio, unsigned int pins)
{
	/* A small one counts otherwise; but it has one page, and a pin for it. */
	if (WARN_ON_ONCE(!folio_test_large(folio)))
		return -EINVAL;
	folio_ref_add(folio, pins);
	atomic_add(pins, &folio->_pincount);
	node_stat_mod_folio(folio, NR_FOLL_PIN_ACQUIRED, pins);
	return 0;
}
#endif

/* A kernel without vhost need not have its threads. */
#ifdef CONFIG_VHOST_TASK
#include <linux/sched/vhost_task.h>
#else
struct vhost_task;

static inline struct vhost_task *vhost_task_create(bool (*fn)(void *),
						   void (*killed)(void *),
						   void *arg, const char *name)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void vhost_task_start(struct vhost_task *task)
{
}

static inline void vhost_task_stop(struct vhost_task *task)
{
}
#endif

/*
 * How far the page table entry goes that follow_pfnmap_start() has found:
 * before 6.15 it did not tell, and a page is what is certain.
 */
static inline unsigned long
pinacct_pfnmap_mask(const struct follow_pfnmap_args *args)
{
#if KERNEL_VERSION(6, 15, 0) > LINUX_VERSION_CODE
	return PAGE_MASK;
#else
	return args->addr_mask;
#endif
}

/*
 * May the caller look into @task, whose memory is @mm, as a debugger? Since 7.2
 * the user namespace that decides is kept with the program, not with its memory.
 */
static inline bool pinacct_may_ptrace(const struct task_struct *task,
				      const struct mm_struct *mm)
{
#if KERNEL_VERSION(7, 2, 0) > LINUX_VERSION_CODE
	return ns_capable(mm->user_ns, CAP_SYS_PTRACE);
#else
	guard(rcu)();
	return ns_capable(rcu_dereference(task->exec_state)->user_ns,
			  CAP_SYS_PTRACE);
#endif
}

/* For iommufd's own files, which include its private header before this one. */
#ifdef __IO_PAGETABLE_H

/*
 * Where the memory of an iopt_pages begins: at an address, or in bytes from the
 * start of a file. Before 6.13 it had no files.
 */
#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
static inline struct file *pinacct_iopt_file(const struct iopt_pages *pages)
{
	return NULL;
}

static inline unsigned long pinacct_iopt_start(const struct iopt_pages *pages)
{
	return (unsigned long)pages->uptr;
}
#else
static inline struct file *pinacct_iopt_file(const struct iopt_pages *pages)
{
	return pages->type == IOPT_ADDRESS_FILE ? pages->file : NULL;
}

static inline unsigned long pinacct_iopt_start(const struct iopt_pages *pages)
{
	return pages->type == IOPT_ADDRESS_FILE ? pages->start :
						  (unsigned long)pages->uptr;
}
#endif

/* Before 6.19 it had no dma-buf. */
#if KERNEL_VERSION(6, 19, 0) > LINUX_VERSION_CODE
static inline bool iopt_is_dmabuf(const struct iopt_pages *pages)
{
	return false;
}

static inline bool iopt_dmabuf_revoked(const struct iopt_pages *pages)
{
	return false;
}

static inline int iopt_dmabuf_track_all_domains(struct iopt_area *area,
						struct iopt_pages *pages)
{
	return 0;
}

static inline void iopt_dmabuf_untrack_all_domains(struct iopt_area *area,
						   struct iopt_pages *pages)
{
}

static inline phys_addr_t pinacct_iopt_phys(const struct iopt_pages *pages)
{
	return 0;
}
#else
static inline phys_addr_t pinacct_iopt_phys(const struct iopt_pages *pages)
{
	return pages->dmabuf.phys.paddr + pages->dmabuf.start;
}
#endif

#endif /* __IO_PAGETABLE_H */

#endif
