/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model: what the layer promises, in as few lines as it takes.
 *
 *   page      one physical page. Which one stands where is all that is known of it
 *   space     an mm: of a process, or of one that is gone and still pays
 *   process   what stands at each page of its arena, what is mlocked, its limit
 *   memory    a vfio_dma or an iopt_pages: what is pinned, and who pays for it
 *   mapping   where a device sees a memory: one for each vfio_dma or iopt_area
 */
#ifndef PINACCT_RANDOM_MODEL_H
#define PINACCT_RANDOM_MODEL_H

#include <stdbool.h>

#include "front.h"
#include "step.h"

/* Payers in a round: the user, and every mm that there was. */
#define PAYERS 32
#define PAYER_USER 0
#define MAPPINGS 24

/* What a mediated device has pinned at a time */
#define RANGES 6

/* Excluded at a time. If they were more, little could be mapped. */
#define EXCLUSIONS 5

/* model_predict(): this may have two outcomes, and is not to be done */
#define MODEL_UNKNOWN 1

enum zero_page {
	ZERO_COW,
	ZERO_IGNORE,
	ZERO_STRICT,
};

/**
 * struct page - a physical page. Never freed: somebody may hold it
 * @held: by how many mappings of each payer that charge it once
 * @zero_cow: it was charged to that payer as a zero COW
 */
struct page {
	short held[PAYERS];
	bool zero_cow[PAYERS];
};

/**
 * struct payer - the user, or an mm. In pages
 * @base: charged by others, since before the round
 * @charged: through mappings for devices
 * @zero_cow: how many of them are zero COWs
 * @mlocked: by mlock()
 * @pinned: VmPin
 * @exempt: pinned by the privileged, and paid for by nobody
 */
struct payer {
	long base;
	long charged;
	long zero_cow;
	long mlocked;
	long pinned;
	long exempt;
};

/**
 * struct process - one of PROCESSES
 * @alive: it is there
 * @executed: it has called exec(): it cannot be root any more, and has no devices
 * @mm: its payer
 * @limit: RLIMIT_MEMLOCK in pages
 * @pages: what stands in private segments; NULL where nothing was written
 * @locked: by mlock()
 */
struct process {
	bool alive;
	bool executed;
	int mm;
	long limit;
	struct page *pages[SEGMENT_FILE][ARENA_LARGE];
	bool locked[SEGMENTS][ARENA_LARGE];
};

/**
 * struct mediated_page - a page that a mediated device has pinned
 * @page: which; it may be another one than that of the container's domains
 * @users: how often the device has asked for it
 * @charged: by number, since a domain has the zero page there
 * @zero_cow: the pin has made it
 */
struct mediated_page {
	struct page *page;
	int users;
	bool charged;
	bool zero_cow;
};

/**
 * struct memory - what one or more mappings have pinned
 * @process: who mapped it, or took it over
 * @mm: that process's payer then
 * @payer: who pays
 * @segment: what it is
 * @first: its first page there
 * @npages: its length
 * @prot: what devices may do
 * @iommufd: VmPin is counted
 * @by_file: it was mapped by file, not by address
 * @unlimited: no limit applies
 * @exempt: nobody pays
 * @once: charge_once as it was
 * @zero_page: zero_page as it was
 * @charged: to the payer, if not @once
 * @zero_cow: to the payer, if not @once
 * @pages: what is pinned; NULL is the zero page
 * @is_zero_cow: pages that the pin has made
 * @mediated: what a mediated device has pinned
 * @areas: mappings that use it
 * @active: how many of these a device sees; it is pinned while that is not 0
 */
struct memory {
	int process;
	int mm;
	int payer;
	enum segment segment;
	long first;
	long npages;
	int prot;
	bool iommufd;
	bool by_file;
	bool unlimited;
	bool exempt;
	bool once;
	enum zero_page zero_page;
	long charged;
	long zero_cow;
	struct page *pages[ARENA_LARGE];
	bool is_zero_cow[ARENA_LARGE];
	struct mediated_page mediated[ARENA_LARGE];
	int areas;
	int active;
};

/**
 * struct mapping - a memory at IOVAs; free if @memory is NULL
 * @memory: what
 * @front: where
 * @ioas: where
 * @at: first page of the IOVAs
 * @no_address: type1 was told that the address is not valid
 */
struct mapping {
	struct memory *memory;
	int front;
	int ioas;
	long at;
	bool no_address;
};

/**
 * struct model - all of it
 * @ops: of each front end
 * @maps_files: a front end can map by file, and change its process
 * @only_files: and is to do nothing else, since memory by address cannot change it
 * @attached: an IOAS has a device
 * @parameters: as they are now
 * @payers: all
 * @npayers: how many of them are used
 * @processes: all
 * @file: what stands in the memfd
 * @mappings: all
 * @mediated: the front end that has the mediated device, or -1
 * @ranges: what that has pinned: steps. Free if it has no pages
 * @exclusions: what is excluded, likewise: the steps that did it
 * @pins: pages that are pinned, each time that they are
 */
struct model {
	const struct front_ops *ops[FRONTS];
	bool maps_files[FRONTS];
	bool only_files[FRONTS];
	bool attached[FRONTS][IOASES];
	long parameters[PARAMETERS];
	struct payer payers[PAYERS];
	int npayers;
	struct process processes[PROCESSES];
	struct page *file[ARENA_SMALL];
	struct mapping mappings[MAPPINGS];
	int mediated;
	struct step ranges[RANGES];
	struct step exclusions[EXCLUSIONS];
	long pins;
};

void model_begin(struct model *model, const struct front_ops *const ops[FRONTS], long user_base);
int model_predict(const struct model *model, const struct step *step);
void model_apply(struct model *model, const struct step *step, int rc);
long model_charged(const struct model *model, int payer);
struct mapping *model_mapping(const struct model *model, const struct step *step);
bool model_is_native(const struct model *model, int front);
int model_payer(const struct model *model, int process, int front);
bool model_is_refused(const struct step *step, int rc);
int model_owner(const struct model *model, const struct step *step);
bool model_has_excluded(const struct model *model, int process);
int model_wait(const struct model *model, int process);
void model_close(struct model *model);

#endif
