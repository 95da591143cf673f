// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/pinacct: how user space asks.
 *
 * Anybody may open it and ask about himself. About another process it takes
 * CAP_SYS_PTRACE in the user namespace that its memory belongs to, as it would
 * to read that memory. Processes are called in questions and in answers as the
 * caller's pid namespace has them. What can be changed here is what may be pinned
 * of the caller's own memory, as long as he has the device open.
 */
#include "internal.h"

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pinacct-compat.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>
#include <linux/uaccess.h>

/* Who is asked about: a thread group leader, and its memory. */
struct subject {
	struct task_struct *task;
	struct mm_struct *mm;
};

static int subject_get(struct subject *subject, pid_t nr)
{
	struct pid *pid;

	if (!nr) {
		subject->task = get_task_struct(current->group_leader);
	} else {
		pid = find_get_pid(nr);
		subject->task = get_pid_task(pid, PIDTYPE_TGID);
		put_pid(pid);
		if (!subject->task)
			return -ESRCH;
	}

	subject->mm = get_task_mm(subject->task);
	if (!subject->mm) {
		put_task_struct(subject->task);
		return -ESRCH;
	}
	if (subject->mm != current->mm &&
	    !pinacct_may_ptrace(subject->task, subject->mm)) {
		mmput(subject->mm);
		put_task_struct(subject->task);
		return -EPERM;
	}
	return 0;
}

static void subject_put(struct subject *subject)
{
	mmput(subject->mm);
	put_task_struct(subject->task);
}

static u64 bytes(unsigned long npages)
{
	return (u64)npages << PAGE_SHIFT;
}

static int answer_refusal(struct file *file, void *arg)
{
	struct pinacct_refusal *refusal = arg;
	struct subject subject;
	int ret;

	ret = subject_get(&subject, refusal->pid);
	if (ret)
		return ret;
	ret = pin_refusal_last(subject.task, refusal);
	refusal->pid = task_tgid_vnr(subject.task);
	subject_put(&subject);
	return ret;
}

static int answer_usage(struct file *file, void *arg)
{
	struct pinacct_usage *usage = arg;
	struct pin_totals totals;
	struct user_struct *user;
	struct subject subject;
	unsigned long rlimit;
	int ret;

	if (usage->flags || usage->reserved)
		return -EOPNOTSUPP;

	ret = subject_get(&subject, usage->pid);
	if (ret)
		return ret;

	rcu_read_lock();
	user = get_uid(__task_cred(subject.task)->user);
	rcu_read_unlock();

	usage->pid = task_tgid_vnr(subject.task);
	rlimit = task_rlimit(subject.task, RLIMIT_MEMLOCK);
	usage->limit = rlimit == RLIM_INFINITY ? U64_MAX : rlimit;
	usage->slack = bytes(pin_zero_slack());

	totals = pin_ledger_read(PIN_PAYER_MM, subject.mm);
	usage->mm_charged = bytes(totals.all);
	usage->mm_pinacct = bytes(totals.charged);
	usage->mm_zero_cow = bytes(totals.zero_cow);
	usage->mm_shared = bytes(totals.shared);

	totals = pin_ledger_read(PIN_PAYER_USER, user);
	usage->user_charged = bytes(totals.all);
	usage->user_pinacct = bytes(totals.charged);
	usage->user_zero_cow = bytes(totals.zero_cow);
	usage->user_shared = bytes(totals.shared);

	totals = pin_ledger_read(PIN_PAYER_NONE, subject.mm);
	usage->exempt = bytes(totals.charged);

	free_uid(user);
	subject_put(&subject);
	return 0;
}

static bool range_valid(u64 start, u64 length)
{
	u64 end;

	return length && PAGE_ALIGNED(start) && PAGE_ALIGNED(length) &&
	       !check_add_overflow(start, length, &end) && end <= ULONG_MAX;
}

static int answer_estimate(struct file *file, void *arg)
{
	struct pinacct_estimate *estimate = arg;
	unsigned long least, most;
	int ret;

	if (estimate->flags & ~PINACCT_ESTIMATE_WRITE)
		return -EOPNOTSUPP;
	if (!range_valid(estimate->start, estimate->length))
		return -EINVAL;

	ret = pin_estimate(estimate->start, estimate->length >> PAGE_SHIFT,
			   estimate->flags & PINACCT_ESTIMATE_WRITE, &least,
			   &most);
	if (ret)
		return ret;
	estimate->least = bytes(least);
	estimate->most = bytes(most);
	return 0;
}

/*
 * Ranges on their way to user space. Before one is written, it is known that the
 * next does not continue it.
 */
struct pins_answer {
	struct pin_answer answer;
	struct pinacct_pin_range range;
	struct pinacct_pin_range __user *ranges;
	u32 room;
	u32 nr;
};

static int pins_flush(struct pins_answer *pins)
{
	if (!pins->range.length)
		return 0;
	if (copy_to_user(&pins->ranges[pins->nr], &pins->range,
			 sizeof(pins->range)))
		return -EFAULT;
	pins->range.length = 0;
	pins->nr++;
	return 0;
}

static int pins_add(struct pin_answer *answer, unsigned long start,
		    unsigned long npages, unsigned int count)
{
	struct pins_answer *pins = container_of(answer, struct pins_answer,
						answer);
	struct pinacct_pin_range *range = &pins->range;
	int ret;

	if (range->length && range->start + range->length == start &&
	    range->pins == count) {
		range->length += bytes(npages);
		return 0;
	}

	ret = pins_flush(pins);
	if (ret)
		return ret;
	if (pins->nr == pins->room)
		return -ENOSPC;
	range->start = start;
	range->length = bytes(npages);
	range->pins = count;
	return 0;
}

static int answer_pins(struct file *file, void *arg)
{
	struct pinacct_pins *question = arg;
	struct pins_answer pins = {
		.answer.add = pins_add,
		.ranges = u64_to_user_ptr(question->ranges),
		.room = question->nr,
	};
	struct subject subject;
	struct mm_struct *mm;
	int ret;

	if (question->by != PINACCT_PINS_BY_ADDRESS &&
	    question->by != PINACCT_PINS_BY_PAGE)
		return -EOPNOTSUPP;
	if (!range_valid(question->start, question->length) || !question->nr)
		return -EINVAL;

	ret = subject_get(&subject, question->pid);
	if (ret)
		return ret;
	/* It may take long: the process is not kept from ending. */
	mm = subject.mm;
	mmgrab(mm);
	question->pid = task_tgid_vnr(subject.task);
	subject_put(&subject);

	ret = pin_find_pins(mm, NULL, question->start,
			    question->start + question->length,
			    question->by == PINACCT_PINS_BY_PAGE ?
			    PIN_BY_PAGE : PIN_BY_ADDRESS, &pins.answer);
	mmdrop(mm);
	if (!ret)
		ret = pins_flush(&pins);
	question->nr = pins.nr;
	question->next = pins.answer.next;
	return ret;
}

/* change: pin_exclude() or pin_include() */
static int change_exclusions(struct file *file, const struct pinacct_exclude *range,
			     int (*change)(struct pin_exclusions *mine,
					   unsigned long start, unsigned long end))
{
	unsigned long start;

	if (range->flags)
		return -EOPNOTSUPP;
	start = pin_untagged(current->mm, range->start);
	if (!range_valid(start, range->length))
		return -EINVAL;
	return change(file->private_data, start, start + range->length);
}

static int answer_exclude(struct file *file, void *arg)
{
	return change_exclusions(file, arg, pin_exclude);
}

static int answer_include(struct file *file, void *arg)
{
	return change_exclusions(file, arg, pin_include);
}

static int answer_wait(struct file *file, void *arg)
{
	const struct pinacct_wait *wait = arg;
	long timeout = MAX_SCHEDULE_TIMEOUT;

	if (wait->timeout_ms < -1)
		return -EINVAL;
	if (wait->timeout_ms >= 0)
		timeout = msecs_to_jiffies(wait->timeout_ms);
	return pin_exclusions_wait(file->private_data, timeout);
}

/* has_answer: there is something to copy back, which may fail when all is done. */
struct question {
	size_t size;
	int (*answer)(struct file *file, void *arg);
	bool has_answer;
};

static const struct question questions[] = {
	[_IOC_NR(PINACCT_REFUSAL)] = {
		sizeof(struct pinacct_refusal), answer_refusal, true,
	},
	[_IOC_NR(PINACCT_USAGE)] = {
		sizeof(struct pinacct_usage), answer_usage, true,
	},
	[_IOC_NR(PINACCT_ESTIMATE)] = {
		sizeof(struct pinacct_estimate), answer_estimate, true,
	},
	[_IOC_NR(PINACCT_PINS)] = {
		sizeof(struct pinacct_pins), answer_pins, true,
	},
	[_IOC_NR(PINACCT_EXCLUDE)] = {
		sizeof(struct pinacct_exclude), answer_exclude,
	},
	[_IOC_NR(PINACCT_INCLUDE)] = {
		sizeof(struct pinacct_exclude), answer_include,
	},
	[_IOC_NR(PINACCT_WAIT)] = {
		sizeof(struct pinacct_wait), answer_wait,
	},
};

/* All begin with the size that user space knows, and it gets no more back. */
static long pinacct_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	union {
		u32 size;
		struct pinacct_refusal refusal;
		struct pinacct_usage usage;
		struct pinacct_estimate estimate;
		struct pinacct_pins pins;
		struct pinacct_exclude exclude;
		struct pinacct_wait wait;
	} question = {};
	void __user *uarg = (void __user *)arg;
	const struct question *known;
	u32 size;
	int ret;

	if (cmd != _IO(PINACCT_IOC_TYPE, _IOC_NR(cmd)) ||
	    _IOC_NR(cmd) >= ARRAY_SIZE(questions))
		return -ENOTTY;
	known = &questions[_IOC_NR(cmd)];
	if (!known->answer)
		return -ENOTTY;

	if (get_user(size, (u32 __user *)uarg))
		return -EFAULT;
	if (size < sizeof(size))
		return -EINVAL;
	/* What is not known is looked through for zeros in one go. */
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&question, known->size, uarg, size);
	if (ret)
		return ret;

	ret = known->answer(file, &question);
	if (ret || !known->has_answer)
		return ret;

	question.size = size;
	if (copy_to_user(uarg, &question, min_t(size_t, size, known->size)))
		return -EFAULT;
	return 0;
}

static int pinacct_open(struct inode *inode, struct file *file)
{
	file->private_data = pin_exclusions_open();
	return file->private_data ? 0 : -ENOMEM;
}

static int pinacct_release(struct inode *inode, struct file *file)
{
	pin_exclusions_close(file->private_data);
	return 0;
}

/* Readable: nothing is pinned of what was excluded through this descriptor. */
static __poll_t pinacct_poll(struct file *file, struct poll_table_struct *pt)
{
	int ret;

	poll_wait(file, pin_exclusions_queue(), pt);
	ret = pin_exclusions_busy(file->private_data);
	if (!ret)
		return EPOLLIN | EPOLLRDNORM;
	return ret == -EBUSY ? 0 : EPOLLERR;
}

static const struct file_operations pinacct_fops = {
	.owner = THIS_MODULE,
	.open = pinacct_open,
	.release = pinacct_release,
	.poll = pinacct_poll,
	.unlocked_ioctl = pinacct_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice pinacct_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pinacct",
	.fops = &pinacct_fops,
	.mode = 0666,
};

/**
 * pin_device_register - make /dev/pinacct appear
 *
 * Context: module init.
 *
 * Return: 0 or a negative errno.
 */
int pin_device_register(void)
{
	return misc_register(&pinacct_device);
}

/**
 * pin_device_unregister - make it go
 *
 * Context: module exit: nobody has it open.
 */
void pin_device_unregister(void)
{
	misc_deregister(&pinacct_device);
}
