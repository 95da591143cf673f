/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the model have for each other. predict_...() tells what a step
 * returns, and apply_...() does it, once it has been done.
 */
#ifndef PINACCT_RANDOM_PARTS_H
#define PINACCT_RANDOM_PARTS_H

#include "model.h"

/**
 * struct plan - what pinning a memory now would come to
 * @rc: 0, -errno or MODEL_UNKNOWN
 * @npages: pages in front of a hole
 * @charge: pages that would be charged
 * @zero_cow: how many of them are zero COWs
 */
struct plan {
	int rc;
	long npages;
	long charge;
	long zero_cow;
};

static inline bool is_private(enum segment segment)
{
	return segment < SEGMENT_FILE;
}

static inline long min(long a, long b)
{
	return a < b ? a : b;
}

/* charge.c */
struct page *new_page(void);
int limit_error(const struct model *model);
bool fits(const struct model *model, int payer, long limit, long charge, long zero_cow);
bool may_charge(const struct model *model, const struct memory *memory, long charge,
		long zero_cow);
struct page *page_at(const struct model *model, int process, enum segment segment, long at);
struct page **page_slot(struct model *model, const struct memory *memory, long i);
struct plan plan_pin(const struct model *model, const struct memory *memory, bool own);
void enter_page(struct model *model, const struct memory *memory, struct page *page,
		bool zero_cow);
void leave_page(struct model *model, const struct memory *memory, struct page *page);
void enter(struct model *model, struct memory *memory);
void leave(struct model *model, struct memory *memory);
void hold(struct model *model, struct memory *memory);
void drop(struct model *model, struct memory *memory);
void add_up_charge(struct memory *memory);
void pin(struct model *model, struct memory *memory);

/* map.c */
void remove_mapping(struct model *model, struct mapping *mapping);
int predict_map(const struct model *model, const struct step *step);
void apply_map(struct model *model, const struct step *step);
int predict_copy(const struct model *model, const struct step *step);
void apply_copy(struct model *model, const struct step *step);
int predict_attach(const struct model *model, const struct step *step);
void apply_attach(struct model *model, const struct step *step, int rc);
void apply_detach(struct model *model, const struct step *step);
int predict_unmap(const struct model *model, const struct step *step);
void apply_unmap(struct model *model, const struct step *step);

/* owner.c */
int predict_hand_over(const struct model *model, const struct step *step);
void apply_hand_over(struct model *model, const struct step *step, int rc);
int predict_change_process(const struct model *model, const struct step *step);
void apply_change_process(struct model *model, const struct step *step);

/* mediated.c */
int predict_mediated(const struct model *model, const struct step *step);
void apply_mediated(struct model *model, const struct step *step);
void unpin_range(struct model *model, struct memory *memory, struct step *range);
void apply_unpin(struct model *model, const struct step *step);

/* exclude.c */
bool is_excluded(const struct model *model, const struct memory *memory, long i, long npages);
int predict_exclude(const struct model *model, const struct step *step);
void apply_exclude(struct model *model, const struct step *step);
int predict_include(const struct model *model, const struct step *step);
void apply_include(struct model *model, const struct step *step);
void include_all(struct model *model, int process);

/* process.c */
int predict_lock(const struct model *model, const struct step *step);
void write_pages(struct model *model, int process, enum segment segment, long first, long npages);
void apply_lock(struct model *model, const struct step *step);
void apply_unlock(struct model *model, const struct step *step);
int predict_drop(const struct model *model, const struct step *step);
void apply_drop(struct model *model, const struct step *step);
void apply_punch(struct model *model, const struct step *step);
void apply_renew(struct model *model, const struct step *step);
int predict_limit(const struct model *model, const struct step *step);
void new_mm(struct model *model, struct process *process);
void apply_fork(struct model *model, const struct step *step);
int predict_mm(const struct model *model);

#endif
