// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of who is charged how much: account.c and ledger.c, and what
 * refusal.c and cause.c make of a charge that does not fit.
 *
 * The sources are included, so what is tested is a copy of the code that
 * pinacct.ko has, with parameters and ledgers of its own. Payers are an mm and a
 * user_struct that nobody else has; the limit is that of the test's own thread.
 *
 * Fails if the inequality of the limit is off by a page, wraps around, or sees
 * the sum of one moment and the zero COWs of another; if a refusal charges
 * something; and if a ledger or a counter is not what the accounts add up to,
 * after any of many random steps.
 */
#define __DISABLE_EXPORTS
#define NOTRACE		/* The events are pinacct.ko's. */
#include "internal.h"

/* Before it has a lock, and once it has it no more, others may be quicker. */
static void be_overtaken(void);

#define spin_lock(lock)		({ be_overtaken(); (spin_lock)(lock); })
#define spin_unlock(lock)	({ (spin_unlock)(lock); be_overtaken(); })
#include "account.c"
#include "ledger.c"
#undef spin_lock
#undef spin_unlock
#include "params.c"
#include "cause.c"
#include "refusal.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>

/* Of zero_slack_mb=1. */
#define SLACK	((1UL << 20) / PAGE_SIZE)

#define TEST_SEEDS	32
#define TEST_STEPS	400
#define TEST_ACCOUNTS	6

/* Everybody who can pay. Each test has its own, so that a failure stays in it. */
struct payers {
	struct mm_struct *mm[2];
	struct user_struct *user[2];
};

/* cause.c asks it whether a page sits in movable memory; there are no pages. */
long pin_addresses(struct pin_reader *reader, unsigned long start,
		   unsigned long npages, unsigned int gup_flags,
		   struct page **pages)
{
	return -EFAULT;
}

/* Nothing is excluded, and nobody waits. */
bool pin_exclusions_exist(void)
{
	return false;
}

void pin_exclusions_wake(void)
{
}

static int account_init(struct kunit *test)
{
	struct payers *payers = kunit_kzalloc(test, sizeof(*payers),
					      GFP_KERNEL);

	if (!payers)
		return -ENOMEM;
	test->priv = payers;
	for (int i = 0; i < 2; i++) {
		struct user_struct *user = kunit_kzalloc(test, sizeof(*user),
							 GFP_KERNEL);

		payers->mm[i] = mm_alloc();
		if (!user || !payers->mm[i])
			return -ENOMEM;
		/* A reference that is never put: it is not alloc_uid()'s. */
		refcount_set(&user->__count, 1);
		user->uid = KUIDT_INIT(4711 + i);
		payers->user[i] = user;
	}
	zero_slack_mb = 0;
	strict_errno = false;
	return 0;
}

static void account_exit(struct kunit *test)
{
	struct payers *payers = test->priv;

	for (int i = 0; payers && i < 2; i++)
		if (payers->mm[i])
			mmput(payers->mm[i]);
}

static void account_suite_exit(struct kunit_suite *suite)
{
	pin_refusals_free();
	INIT_LIST_HEAD(&rings);
	nr_rings = 0;
}

static struct pin_account account_of(struct kunit *test, u8 payer, int which)
{
	struct payers *payers = test->priv;

	return (struct pin_account){
		.mm = payers->mm[which],
		.task = current,
		.user = payers->user[which],
		.payer = payer,
	};
}

/* A front end's account has references to its owner. */
static void hold_owner(const struct pin_account *acct)
{
	mmgrab(acct->mm);
	get_task_struct(acct->task);
	get_uid(acct->user);
}

static void put_owner(const struct pin_account *acct)
{
	free_uid(acct->user);
	put_task_struct(acct->task);
	mmdrop(acct->mm);
}

static void set_limit(unsigned long npages)
{
	current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur = npages << PAGE_SHIFT;
}

/* What everybody has charged to the payer of @acct. */
static unsigned long charged_to(const struct pin_account *acct)
{
	return charged_by_all(acct->payer, payer_key(acct));
}

/* Somebody else charges the payer of @acct, up to @npages in all. */
static void others_charge(const struct pin_account *acct, unsigned long npages)
{
	if (acct->payer == PIN_PAYER_MM)
		acct->mm->locked_vm = npages;
	else
		atomic_long_set(&acct->user->locked_vm, npages);
}

static int charge(struct pin_account *acct, unsigned long npages,
		  unsigned long zero_cow)
{
	struct pin_request request = { .acct = acct, .npages = npages };

	return pin_account_charge(acct, npages, zero_cow, &request);
}

static void refund_all(struct pin_account *acct)
{
	pin_account_refund(acct, acct->charged, acct->zero_cow);
	pin_account_close(acct);
}

static void check_ledger(struct kunit *test, const struct pin_account *acct,
			 unsigned long charged, unsigned long zero_cow)
{
	struct pin_totals totals = pin_ledger_read(acct->payer,
						   payer_key(acct));

	KUNIT_ASSERT_EQ(test, charged, totals.charged);
	KUNIT_ASSERT_EQ(test, zero_cow, totals.zero_cow);
}

static bool no_ledger(const struct pin_account *acct)
{
	bool none;

	spin_lock(&ledgers_lock);
	none = !ledger_find(acct->payer, payer_key(acct));
	spin_unlock(&ledgers_lock);
	return none;
}

/* One corner: with @others and @before charged, zero COWs are @zero of them. */
struct corner {
	unsigned long limit, others, before, npages, zero;
};

static void check_corner(struct kunit *test, u8 payer, const struct corner *c)
{
	struct pin_account before = account_of(test, payer, 0);
	struct pin_account acct = account_of(test, payer, 0);
	unsigned long slack = min(c->before + c->zero, pin_zero_slack());
	unsigned long sum = c->others + c->before + c->npages;
	int want = sum <= c->limit + slack ? 0 : -ENOMEM;

	others_charge(&acct, c->others);
	set_limit(c->limit);
	before.unlimited = true;
	KUNIT_ASSERT_EQ(test, 0, charge(&before, c->before, c->before));

	KUNIT_ASSERT_EQ_MSG(test, want, charge(&acct, c->npages, c->zero),
			    "payer %u, limit %lu, charged %lu + %lu zero COWs, asked %lu with %lu",
			    payer, c->limit, c->others, c->before, c->npages,
			    c->zero);
	KUNIT_ASSERT_EQ(test, want ? 0 : c->npages, acct.charged);
	KUNIT_ASSERT_EQ(test, want ? 0 : c->zero, acct.zero_cow);
	KUNIT_ASSERT_EQ(test, c->others + c->before + acct.charged,
			charged_to(&acct));
	check_ledger(test, &acct, c->before + acct.charged,
		     c->before + acct.zero_cow);

	/* The check beforehand knows of no zero COWs to come. */
	refund_all(&acct);
	want = sum <= c->limit + min(c->before, pin_zero_slack()) ? 0 : -ENOMEM;
	KUNIT_ASSERT_EQ(test, want,
			pin_account_check(&acct, c->npages,
					  &(struct pin_request){
						.acct = &acct,
						.npages = c->npages,
					  }));
	KUNIT_ASSERT_EQ(test, !want, pin_account_fits(&acct, c->npages));
	KUNIT_ASSERT_EQ(test, c->others + c->before, charged_to(&acct));

	refund_all(&before);
	KUNIT_ASSERT_EQ(test, c->others, charged_to(&acct));
	KUNIT_ASSERT_TRUE(test, no_ledger(&acct));
	others_charge(&acct, 0);
}

static unsigned long pick(unsigned int *number, const unsigned long *from,
			  unsigned int nr)
{
	unsigned long picked = from[*number % nr];

	*number /= nr;
	return picked;
}

#define PICK(number, ...)						\
	({								\
		static const unsigned long _from[] = { __VA_ARGS__ };	\
		pick(number, _from, ARRAY_SIZE(_from));			\
	})

/* The corner of a number: all that can be combined. False behind the last. */
static bool corner_of(unsigned int number, struct corner *c)
{
	c->limit = PICK(&number, SLACK + 1, 0, 1, 16, SLACK, 1000);
	/* What is left of it, or how far it was lowered below the charge. */
	c->others = c->limit - PICK(&number, 0, 1, 5, SLACK + 1, -1UL, -SLACK,
				    -SLACK - 1);
	if ((long)c->others < 0)
		c->others = 0;
	c->before = PICK(&number, 0, 1, SLACK - 1, SLACK, SLACK + 1);
	c->npages = PICK(&number, 1, 2, 5, 6, SLACK, SLACK + 1, SLACK + 5,
			 SLACK + 6, 2 * SLACK);
	c->zero = min(c->npages, PICK(&number, 0, 1, 4, SLACK - 1, SLACK,
				      SLACK + 1, 2 * SLACK));
	zero_slack_mb = PICK(&number, 0, 1);
	return !number;
}

static void limit_is_exact(struct kunit *test)
{
	struct corner c;

	for (unsigned int number = 0; corner_of(number, &c); number++) {
		check_corner(test, PIN_PAYER_MM, &c);
		check_corner(test, PIN_PAYER_USER, &c);
		cond_resched();
	}
}

/* Neither does a sum that is too large come out small. */
static void limit_does_not_wrap(struct kunit *test)
{
	static const u8 payers[] = { PIN_PAYER_MM, PIN_PAYER_USER };
	const unsigned long infinite = RLIM_INFINITY >> PAGE_SHIFT;

	zero_slack_mb = ZERO_SLACK_MAX_MB;
	for (int i = 0; i < ARRAY_SIZE(payers); i++) {
		struct pin_account acct = account_of(test, payers[i], 0);

		current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur = RLIM_INFINITY;
		KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, ULONG_MAX, 0));
		KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, ULONG_MAX, ULONG_MAX));
		KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, infinite + 1, 0));
		KUNIT_EXPECT_EQ(test, 0, charge(&acct, infinite, 0));
		KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, 1, 0));
		KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, -infinite, 0));
		KUNIT_EXPECT_EQ(test, 0, charge(&acct, 1, 1));
		KUNIT_EXPECT_EQ(test, infinite + 1, charged_to(&acct));
		refund_all(&acct);

		others_charge(&acct, LONG_MAX);
		KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, 1, 1));
		KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, LONG_MAX, LONG_MAX));
		others_charge(&acct, 0);
		pin_account_close(&acct);
	}
}

/* A limit is in bytes, and what is left of a page is lost. */
static void limit_is_rounded_down(struct kunit *test)
{
	struct pin_account acct = account_of(test, PIN_PAYER_MM, 0);

	current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur = 3 * PAGE_SIZE - 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, 3, 0));
	KUNIT_EXPECT_EQ(test, 0, charge(&acct, 2, 0));
	refund_all(&acct);
}

/* type1's lock_cap is charged and not refused; for iommufd's nobody pays. */
static void exempt(struct kunit *test)
{
	struct pin_account unlimited = account_of(test, PIN_PAYER_MM, 0);
	struct pin_account nobody = account_of(test, PIN_PAYER_NONE, 0);
	struct pin_request request = { .acct = &unlimited };

	set_limit(1);
	unlimited.unlimited = true;
	KUNIT_EXPECT_EQ(test, 0, charge(&unlimited, 20, 5));
	KUNIT_EXPECT_EQ(test, 0, pin_account_check(&unlimited, 20, &request));
	KUNIT_EXPECT_TRUE(test, pin_account_fits(&unlimited, 20));
	KUNIT_EXPECT_EQ(test, 20, charged_to(&unlimited));
	check_ledger(test, &unlimited, 20, 5);

	nobody.count_pinned = true;
	KUNIT_EXPECT_EQ(test, 0, charge(&nobody, 30, 6));
	KUNIT_EXPECT_EQ(test, 0, pin_account_check(&nobody, 30, &request));
	KUNIT_EXPECT_TRUE(test, pin_account_fits(&nobody, 30));
	KUNIT_EXPECT_EQ(test, 20, charged_to(&unlimited));
	KUNIT_EXPECT_EQ(test, 30, atomic64_read(&nobody.mm->pinned_vm));
	check_ledger(test, &nobody, 30, 6);
	check_ledger(test, &unlimited, 20, 5);

	refund_all(&nobody);
	refund_all(&unlimited);
	KUNIT_EXPECT_EQ(test, 0, charged_to(&unlimited));
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&nobody.mm->pinned_vm));
}

/*
 * Which of the pages are zero COWs may be forgotten by whoever unpins them. As
 * many leave as were told, or the nearest number with which what stays is
 * possible: no more zero COWs than pages.
 */
static void refund_clamps_zero_cow(struct kunit *test)
{
	struct pin_account acct = account_of(test, PIN_PAYER_USER, 0);

	set_limit(100);
	for (unsigned int i = 0; i < 8 * 8 * 8 * 10; i++) {
		unsigned long npages = i % 8, zero = i / 8 % 8;
		unsigned long leave = i / 64 % 8, told = i / 512;
		unsigned long best = ULONG_MAX, stay = 0;

		if (zero > npages || !leave || leave > npages)
			continue;
		for (unsigned long n = 0; n <= zero; n++) {
			if (n > npages - leave ||
			    abs_diff(zero - n, told) >= best)
				continue;
			best = abs_diff(zero - n, told);
			stay = n;
		}

		KUNIT_ASSERT_EQ(test, 0, charge(&acct, npages, zero));
		pin_account_refund(&acct, leave, told);
		KUNIT_ASSERT_EQ(test, npages - leave, acct.charged);
		KUNIT_ASSERT_EQ_MSG(test, stay, acct.zero_cow,
				    "of %lu with %lu zero COWs, %lu with %lu left",
				    npages, zero, leave, told);
		check_ledger(test, &acct, acct.charged, acct.zero_cow);
		KUNIT_ASSERT_EQ(test, acct.charged, charged_to(&acct));
		pin_account_refund(&acct, acct.charged, 0);
		check_ledger(test, &acct, 0, 0);
	}
	pin_account_close(&acct);
}

/* To another owner: 0, or -ENOMEM if he may not have that much. */
static int hand_over(struct kunit *test, struct pin_account *acct, u8 payer,
		     int which)
{
	struct pin_account to = account_of(test, payer, which);
	int ret = 0;

	to.unlimited = acct->unlimited;
	to.count_pinned = acct->count_pinned;
	if (!pin_account_same_payer(acct, &to))
		ret = charge(&to, acct->charged, acct->zero_cow);
	if (!ret)
		pin_account_hand_over(acct, &to, acct->charged);
	KUNIT_EXPECT_EQ(test, 0, to.charged);
	KUNIT_EXPECT_EQ(test, 0, to.zero_cow);
	pin_account_close(&to);
	return ret;
}

static void hand_over_moves_all(struct kunit *test)
{
	static const u8 kinds[] = {
		PIN_PAYER_NONE, PIN_PAYER_USER, PIN_PAYER_MM,
	};
	struct payers *payers = test->priv;

	set_limit(10);
	for (int i = 0; i < 3 * 3 * 2; i++) {
		u8 from = kinds[i % 3], to = kinds[i / 3 % 3];
		unsigned long npages = i / 9 ? 10 : 0;
		struct pin_account acct = account_of(test, from, 0);
		struct pin_account old = acct, new = account_of(test, to, 1);

		acct.count_pinned = true;
		hold_owner(&acct);
		KUNIT_ASSERT_EQ(test, 0, charge(&acct, npages, npages / 2));
		KUNIT_ASSERT_EQ(test, 0, hand_over(test, &acct, to, 1));

		KUNIT_EXPECT_EQ(test, npages, acct.charged);
		KUNIT_EXPECT_EQ(test, npages / 2, acct.zero_cow);
		KUNIT_EXPECT_EQ(test, to, acct.payer);
		KUNIT_EXPECT_EQ(test, 0, charged_to(&old));
		KUNIT_EXPECT_EQ(test, to == PIN_PAYER_NONE ? 0 : npages,
				charged_to(&new));
		check_ledger(test, &new, npages, npages / 2);
		KUNIT_EXPECT_TRUE(test, no_ledger(&old));
		KUNIT_EXPECT_EQ(test, 0, atomic64_read(&old.mm->pinned_vm));
		KUNIT_EXPECT_EQ(test, npages, atomic64_read(&new.mm->pinned_vm));

		refund_all(&acct);
		put_owner(&acct);
		for (int n = 0; n < 2; n++) {
			KUNIT_EXPECT_EQ(test, 1,
					atomic_read(&payers->mm[n]->mm_count));
			KUNIT_EXPECT_EQ(test, 1,
					refcount_read(&payers->user[n]->__count));
		}
	}
}

/* The user stays, the process does not: at a full limit there is no way round. */
static void hand_over_to_same_payer(struct kunit *test)
{
	struct payers *payers = test->priv;
	struct pin_account acct = account_of(test, PIN_PAYER_USER, 0);
	struct pin_account to = account_of(test, PIN_PAYER_USER, 0);

	set_limit(10);
	acct.count_pinned = true;
	hold_owner(&acct);
	KUNIT_ASSERT_EQ(test, 0, charge(&acct, 10, 3));
	to.mm = payers->mm[1];
	KUNIT_ASSERT_TRUE(test, pin_account_same_payer(&acct, &to));
	pin_account_hand_over(&acct, &to, 10);
	KUNIT_EXPECT_EQ(test, 10, charged_to(&acct));
	check_ledger(test, &acct, 10, 3);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&payers->mm[0]->pinned_vm));
	KUNIT_EXPECT_EQ(test, 10, atomic64_read(&payers->mm[1]->pinned_vm));
	refund_all(&acct);
	put_owner(&acct);
}

/* A process ends: nobody is charged for it any more, and the ledger still adds up. */
static void payer_is_gone(struct kunit *test)
{
	struct payers *payers = test->priv;
	struct pin_account acct = account_of(test, PIN_PAYER_MM, 0);
	struct mm_struct *mm = acct.mm;

	set_limit(10);
	mmgrab(mm);
	KUNIT_ASSERT_EQ(test, 0, charge(&acct, 4, 2));
	payers->mm[0] = NULL;
	mmput(mm);
	KUNIT_EXPECT_EQ(test, -EINVAL, charge(&acct, 1, 0));
	check_ledger(test, &acct, 4, 2);
	refund_all(&acct);
	/* What is in it is left alone: it may be another thread's to free. */
	KUNIT_EXPECT_EQ(test, 4, mm->locked_vm);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&mm->mm_count));
	mmdrop(mm);
}

static bool same_ledger(const struct pin_account *a,
			const struct pin_account *b)
{
	return a->payer == b->payer && payer_key(a) == payer_key(b);
}

/* Every payer owes what the accounts add up to, and others have charged 7. */
static void check_sums(struct kunit *test, const struct pin_account *accts)
{
	static const u8 kinds[] = {
		PIN_PAYER_NONE, PIN_PAYER_USER, PIN_PAYER_MM,
	};

	for (int i = 0; i < ARRAY_SIZE(kinds) * 2; i++) {
		struct pin_account payer = account_of(test, kinds[i / 2], i % 2);
		unsigned long charged = 0, zero_cow = 0, pinned = 0;

		for (int n = 0; n < TEST_ACCOUNTS; n++) {
			KUNIT_ASSERT_LE(test, accts[n].zero_cow,
					accts[n].charged);
			if (accts[n].mm == payer.mm && accts[n].count_pinned)
				pinned += accts[n].charged;
			if (!same_ledger(&accts[n], &payer))
				continue;
			charged += accts[n].charged;
			zero_cow += accts[n].zero_cow;
		}
		check_ledger(test, &payer, charged, zero_cow);
		KUNIT_ASSERT_EQ(test, pinned,
				atomic64_read(&payer.mm->pinned_vm));
		if (payer.payer != PIN_PAYER_NONE)
			KUNIT_ASSERT_EQ(test, 7 + charged, charged_to(&payer));
	}
}

static void random_step(struct kunit *test, struct rnd_state *rnd,
			struct pin_account *acct)
{
	unsigned long npages = prandom_u32_state(rnd) % 2 ?
			       prandom_u32_state(rnd) % 8 :
			       prandom_u32_state(rnd) % SLACK;
	unsigned long zero = min(npages, prandom_u32_state(rnd) % SLACK);

	switch (prandom_u32_state(rnd) % 8) {
	case 0:
		hand_over(test, acct, prandom_u32_state(rnd) % 3,
			  prandom_u32_state(rnd) % 2);
		break;
	case 1:
		refund_all(acct);
		break;
	case 2:
	case 3:
	case 4:
		pin_account_refund(acct, min(npages, acct->charged), zero);
		break;
	default:
		charge(acct, npages, zero);
	}
}

static void random_orders(struct kunit *test)
{
	struct pin_account accts[TEST_ACCOUNTS];
	struct rnd_state rnd;

	zero_slack_mb = 1;
	for (u64 seed = 0; seed < TEST_SEEDS; seed++) {
		kunit_info(test, "seed %llu", seed);
		prandom_seed_state(&rnd, seed);
		for (int n = 0; n < TEST_ACCOUNTS; n++) {
			accts[n] = account_of(test, n % 3, n & 1);
			accts[n].count_pinned = n & 2;
			hold_owner(&accts[n]);
			if (accts[n].payer != PIN_PAYER_NONE)
				others_charge(&accts[n], 7);
		}

		for (int step = 0; step < TEST_STEPS; step++) {
			int n = prandom_u32_state(&rnd) % TEST_ACCOUNTS;

			set_limit(prandom_u32_state(&rnd) % (4 * SLACK));
			accts[n].unlimited = !(step % 4);
			random_step(test, &rnd, &accts[n]);
			check_sums(test, accts);
		}

		for (int n = 0; n < TEST_ACCOUNTS; n++) {
			refund_all(&accts[n]);
			KUNIT_ASSERT_EQ(test, 0, accts[n].zero_cow);
			check_sums(test, accts);
			put_owner(&accts[n]);
		}
		for (int n = 0; n < TEST_ACCOUNTS; n++)
			KUNIT_ASSERT_TRUE(test, no_ledger(&accts[n]));
		cond_resched();
	}
}

/*
 * Another mapping of the same payer, that has or gets zero COWs. It is quicker at
 * one of the points where somebody can be: @point says at which.
 */
static struct rival {
	struct pin_account acct;
	unsigned int point;
	bool waiting;
	bool maps;
} rival;

#define RIVAL_ZERO	30UL
#define RIVAL_LIMIT	16UL

static void be_overtaken(void)
{
	struct pin_ledger *ledger = rival.acct.ledger;
	unsigned long npages = RIVAL_ZERO;

	if (!rival.waiting || rival.point--)
		return;
	rival.waiting = false;

	/* Not with mmap_lock, which cannot be taken inside of ledgers_lock. */
	spin_lock(&ledger->lock);
	if (rival.maps) {
		others_charge(&rival.acct, charged_to(&rival.acct) + npages);
		enter(ledger, npages, npages);
	} else {
		others_charge(&rival.acct, charged_to(&rival.acct) - npages);
		leave(ledger, npages, npages);
	}
	spin_unlock(&ledger->lock);
	npages = rival.maps ? npages : 0;
	rival.acct.charged = npages;
	rival.acct.zero_cow = npages;
}

/*
 * Whether the rival comes first or last, the answer is the same. It is another
 * one if the sum of before is held against the zero COWs of after, or the other
 * way round.
 */
static void check_rival(struct kunit *test, u8 payer, bool maps, bool early,
			unsigned long npages)
{
	struct pin_account holds_ledger = account_of(test, payer, 0);
	struct pin_account acct = account_of(test, payer, 0);
	struct pin_request request = { .acct = &acct, .npages = npages };
	unsigned int points = 0;
	bool last;
	int ret;

	zero_slack_mb = 1;
	set_limit(RIVAL_LIMIT + 1);
	KUNIT_ASSERT_EQ(test, 0, charge(&holds_ledger, 1, 0));
	for (;; points++) {
		rival = (struct rival){
			.acct = account_of(test, payer, 0),
			.point = points,
			.maps = maps,
		};
		KUNIT_ASSERT_EQ(test, 0, charge(&rival.acct, RIVAL_ZERO,
						RIVAL_ZERO));
		if (maps)
			pin_account_refund(&rival.acct, RIVAL_ZERO, RIVAL_ZERO);
		rival.waiting = true;

		if (early)
			ret = pin_account_check(&acct, npages, &request);
		else
			ret = charge(&acct, npages, 0);
		KUNIT_EXPECT_EQ_MSG(test, npages > RIVAL_LIMIT ? -ENOMEM : 0,
				    ret, "%lu pages, overtaken at point %u by %s",
				    npages, points, maps ? "a map" : "an unmap");
		last = rival.waiting;
		rival.waiting = false;
		refund_all(&acct);
		refund_all(&rival.acct);
		if (last)
			break;
	}
	refund_all(&holds_ledger);
	KUNIT_EXPECT_GT(test, points, 1);
	KUNIT_EXPECT_EQ(test, 0, charged_to(&acct));
}

static void check_rivals(struct kunit *test, u8 payer, bool early)
{
	for (int i = 0; i < 4; i++)
		check_rival(test, payer, i & 1, early, RIVAL_LIMIT + i / 2);
}

/* A charge to an mm cannot be overtaken: it has mmap_lock. */
static void charge_is_of_one_moment(struct kunit *test)
{
	check_rivals(test, PIN_PAYER_USER, false);
}

static void check_is_of_one_moment(struct kunit *test)
{
	check_rivals(test, PIN_PAYER_USER, true);
	check_rivals(test, PIN_PAYER_MM, true);
}

/* With the limit that a refusal names, all of the mapping fits. */
static void needed_is_enough(struct kunit *test)
{
	const unsigned long all = 100, window = 8, others = 5;

	for (unsigned long limit = 0; limit < others + all; limit++) {
		struct pin_account acct = account_of(test, PIN_PAYER_USER, 0);
		struct pin_request request = { .acct = &acct, .npages = all };
		struct pinacct_refusal refusal;
		unsigned long n;
		int ret;

		others_charge(&acct, others);
		set_limit(limit);
		for (ret = 0; !ret && acct.charged < all;) {
			n = min(window, all - acct.charged);
			ret = pin_account_charge(&acct, n, 0, &request);
		}
		KUNIT_ASSERT_EQ(test, -ENOMEM, ret);
		KUNIT_ASSERT_EQ(test, 0, pin_refusal_last(current, &refusal));
		KUNIT_ASSERT_EQ(test, PINACCT_CAUSE_LIMIT, refusal.cause);
		KUNIT_ASSERT_EQ(test, ENOMEM, refusal.error);
		KUNIT_ASSERT_EQ(test, task_tgid_nr(current), refusal.pid);
		KUNIT_ASSERT_EQ(test, all * PAGE_SIZE, refusal.length);
		KUNIT_ASSERT_EQ(test, n * PAGE_SIZE, refusal.asked);
		KUNIT_ASSERT_EQ(test, limit * PAGE_SIZE, refusal.limit);
		KUNIT_ASSERT_EQ(test, (others + acct.charged) * PAGE_SIZE,
				refusal.charged);
		KUNIT_ASSERT_EQ(test, 0, refusal.slack);
		KUNIT_ASSERT_EQ(test, (others + all) * PAGE_SIZE,
				refusal.needed);
		refund_all(&acct);
		KUNIT_ASSERT_EQ(test, others, charged_to(&acct));
		others_charge(&acct, 0);
	}
}

/* The slack comes off it, as far as the refused zero COWs would have had it. */
static void needed_with_slack(struct kunit *test)
{
	zero_slack_mb = 1;
	for (unsigned int i = 0; i < 5 * 5 * 4; i++) {
		unsigned int number = i;
		unsigned long before = PICK(&number, 0, 1, SLACK - 9, SLACK,
					    SLACK + 9);
		unsigned long npages = PICK(&number, 10, 11, SLACK, SLACK + 1,
					    2 * SLACK);
		unsigned long zero = min(npages, PICK(&number, 0, 1, SLACK,
						      2 * SLACK));
		struct pin_account had = account_of(test, PIN_PAYER_MM, 0);
		struct pin_account acct = account_of(test, PIN_PAYER_MM, 0);
		struct pinacct_refusal refusal;
		unsigned long used;

		had.unlimited = true;
		KUNIT_ASSERT_EQ(test, 0, charge(&had, before + 3, before));
		set_limit(2);
		KUNIT_ASSERT_EQ(test, -ENOMEM, charge(&acct, npages, zero));
		KUNIT_ASSERT_EQ(test, 0, pin_refusal_last(current, &refusal));
		used = min(before + 1, SLACK);
		KUNIT_ASSERT_EQ(test, (SLACK - used) * PAGE_SIZE,
				refusal.slack);

		set_limit(refusal.needed / PAGE_SIZE - 1);
		KUNIT_ASSERT_EQ(test, -ENOMEM, charge(&acct, npages, zero));
		set_limit(refusal.needed / PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, 0, charge(&acct, npages, zero));
		refund_all(&acct);
		refund_all(&had);
	}
}

static void errnos(struct kunit *test)
{
	static const struct {
		int mainline, strict;
	} table[] = {
		[PINACCT_CAUSE_NONE] = { -EINVAL, -EINVAL },
		[PINACCT_CAUSE_LIMIT] = { -ENOMEM, -EDQUOT },
		[PINACCT_CAUSE_NO_MEMORY] = { -ENOMEM, -ENOMEM },
		[PINACCT_CAUSE_ZERO_PAGE] = { -ENODATA, -ENODATA },
		[PINACCT_CAUSE_FILE] = { -EFAULT, -EOPNOTSUPP },
		[PINACCT_CAUSE_NOT_MEMFD] = { -EINVAL, -EOPNOTSUPP },
		[PINACCT_CAUSE_UNPINNABLE] = { -EFAULT, -EOPNOTSUPP },
		[PINACCT_CAUSE_UNMAPPED] = { -EFAULT, -EFAULT },
		[PINACCT_CAUSE_PROTECTED] = { -EFAULT, -EFAULT },
		[PINACCT_CAUSE_MOVABLE] = { -ENOMEM, -EAGAIN },
		[PINACCT_CAUSE_DEVICE] = { -EFAULT, -EFAULT },
		[PINACCT_CAUSE_OTHER] = { -EBUSY, -EBUSY },
	};
	struct pin_account acct = account_of(test, PIN_PAYER_MM, 0);

	for (int cause = 0; cause < ARRAY_SIZE(table); cause++) {
		int error = table[cause].mainline;

		strict_errno = false;
		KUNIT_EXPECT_EQ(test, error, pin_cause_errno(cause, error));
		strict_errno = true;
		KUNIT_EXPECT_EQ(test, table[cause].strict,
				pin_cause_errno(cause, error));
	}

	/* And it is what a charge answers. */
	set_limit(3);
	KUNIT_EXPECT_EQ(test, -EDQUOT, charge(&acct, 4, 0));
	strict_errno = false;
	KUNIT_EXPECT_EQ(test, -ENOMEM, charge(&acct, 4, 0));
	pin_account_close(&acct);
}

static struct kunit_case account_cases[] = {
	KUNIT_CASE(limit_is_exact),
	KUNIT_CASE(limit_does_not_wrap),
	KUNIT_CASE(limit_is_rounded_down),
	KUNIT_CASE(exempt),
	KUNIT_CASE(refund_clamps_zero_cow),
	KUNIT_CASE(hand_over_moves_all),
	KUNIT_CASE(hand_over_to_same_payer),
	KUNIT_CASE(payer_is_gone),
	KUNIT_CASE(random_orders),
	KUNIT_CASE(charge_is_of_one_moment),
	KUNIT_CASE(check_is_of_one_moment),
	KUNIT_CASE(needed_is_enough),
	KUNIT_CASE(needed_with_slack),
	KUNIT_CASE(errnos),
	{}
};

static struct kunit_suite account_suite = {
	.name = "pinacct_account",
	.init = account_init,
	.exit = account_exit,
	.suite_exit = account_suite_exit,
	.test_cases = account_cases,
};

kunit_test_suite(account_suite);

/* mm_alloc() is for tests only. Since 6.13 MODULE_IMPORT_NS() takes a string. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
