/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pinacct

#if !defined(_TRACE_PINACCT_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PINACCT_H

#include <linux/pid.h>
#include <linux/pinacct.h>
#include <linux/tracepoint.h>
#include <linux/uidgid.h>
#include <linux/sched/user.h>
#include <uapi/linux/pinacct.h>

#define show_pin_payer(payer)					\
	__print_symbolic(payer,					\
			 { PIN_PAYER_NONE, "nobody" },		\
			 { PIN_PAYER_USER, "user" },		\
			 { PIN_PAYER_MM, "process" })

#define show_pin_cause(cause)					\
	__print_symbolic(cause,					\
			 { PINACCT_CAUSE_LIMIT, "limit" },	\
			 { PINACCT_CAUSE_NO_MEMORY, "no-memory" },	\
			 { PINACCT_CAUSE_ZERO_PAGE, "zero-page" },	\
			 { PINACCT_CAUSE_FILE, "file" },	\
			 { PINACCT_CAUSE_NOT_MEMFD, "not-memfd" },	\
			 { PINACCT_CAUSE_UNPINNABLE, "unpinnable" },	\
			 { PINACCT_CAUSE_UNMAPPED, "unmapped" },	\
			 { PINACCT_CAUSE_PROTECTED, "protected" },	\
			 { PINACCT_CAUSE_MOVABLE, "movable" },	\
			 { PINACCT_CAUSE_DEVICE, "device" },	\
			 { PINACCT_CAUSE_OTHER, "other" },	\
			 { PINACCT_CAUSE_EXCLUDED, "excluded" })

DECLARE_EVENT_CLASS(pinacct_account,

	TP_PROTO(const struct pin_account *acct, unsigned long npages,
		 unsigned long zero_cow),

	TP_ARGS(acct, npages, zero_cow),

	TP_STRUCT__entry(
		__field(u8, payer)
		__field(int, owner)
		__field(unsigned int, uid)
		__field(unsigned long, npages)
		__field(unsigned long, zero_cow)
		__field(unsigned long, charged)
	),

	TP_fast_assign(
		__entry->payer = acct->payer;
		__entry->owner = task_tgid_nr(acct->task);
		__entry->uid = acct->user ? __kuid_val(acct->user->uid) : -1;
		__entry->npages = npages;
		__entry->zero_cow = zero_cow;
		__entry->charged = acct->charged;
	),

	TP_printk("payer=%s owner=%d uid=%d npages=%lu zero_cow=%lu mapping=%lu",
		  show_pin_payer(__entry->payer), __entry->owner,
		  (int)__entry->uid, __entry->npages, __entry->zero_cow,
		  __entry->charged)
);

/* Pages have been charged to a mapping's payer. */
DEFINE_EVENT(pinacct_account, pinacct_charge,
	TP_PROTO(const struct pin_account *acct, unsigned long npages,
		 unsigned long zero_cow),
	TP_ARGS(acct, npages, zero_cow)
);

/* Pages have been refunded. */
DEFINE_EVENT(pinacct_account, pinacct_refund,
	TP_PROTO(const struct pin_account *acct, unsigned long npages,
		 unsigned long zero_cow),
	TP_ARGS(acct, npages, zero_cow)
);

/* A mapping was refused. Sizes are in bytes. */
TRACE_EVENT(pinacct_refusal,

	TP_PROTO(const struct pinacct_refusal *refusal),

	TP_ARGS(refusal),

	TP_STRUCT__entry(
		__field(u32, cause)
		__field(u32, error)
		__field(u64, start)
		__field(u64, iova)
		__field(u64, length)
		__field(u64, asked)
		__field(u64, charged)
		__field(u64, limit)
		__field(u64, slack)
		__field(u64, needed)
	),

	TP_fast_assign(
		__entry->cause = refusal->cause;
		__entry->error = refusal->error;
		__entry->start = refusal->start;
		__entry->iova = refusal->iova;
		__entry->length = refusal->length;
		__entry->asked = refusal->asked;
		__entry->charged = refusal->charged;
		__entry->limit = refusal->limit;
		__entry->slack = refusal->slack;
		__entry->needed = refusal->needed;
	),

	TP_printk("cause=%s errno=%u start=%#llx iova=%#llx length=%llu asked=%llu charged=%llu limit=%llu slack=%llu needed=%llu",
		  show_pin_cause(__entry->cause), __entry->error,
		  __entry->start, __entry->iova, __entry->length,
		  __entry->asked, __entry->charged, __entry->limit,
		  __entry->slack, __entry->needed)
);

#endif

#include <trace/define_trace.h>
