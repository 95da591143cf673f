// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/pinacct/: who owes what, for root to look at.
 */
#include "internal.h"

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

static struct dentry *dir;

static int ledgers_show(struct seq_file *seq, void *unused)
{
	seq_printf(seq, "%-8s %10s %14s %14s %14s %14s\n", "payer", "id",
		   "charged_kib", "zero_cow_kib", "shared_kib", "once_chunks");
	pin_ledgers_show(seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ledgers);

/**
 * pin_debugfs_create - make the files appear
 *
 * Context: module init. Without debugfs there are none, and that is all right.
 */
void pin_debugfs_create(void)
{
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("ledgers", 0400, dir, NULL, &ledgers_fops);
}

/**
 * pin_debugfs_remove - make them go
 *
 * Context: module exit.
 */
void pin_debugfs_remove(void)
{
	debugfs_remove(dir);
}
