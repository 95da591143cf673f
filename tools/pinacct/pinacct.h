/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of pinacct(8) share: how it ends, and how it speaks.
 *
 * main.c	which command is meant		show.c, top.c, explain.c, estimate.c,
 *						tune.c, export.c: one command each
 * kernel.c	what pinacct.ko knows		process.c	what /proc knows
 * domain.c	what a libvirt domain has	cmdline.c	what a QEMU was told
 * need.c	what that adds up to		backing.c	can it be pinned at all?
 * text.c	sizes, numbers, messages, files
 */
#ifndef _PINACCT_PINACCT_H
#define _PINACCT_PINACCT_H

#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * enum status - exit status; the man page has the same list
 * @STATUS_OK: answered
 * @STATUS_NO: answered, and the answer is no: the VM cannot start so, nothing is
 *	known of a refusal
 * @STATUS_USE: wrong option or argument
 * @STATUS_NOT_FOUND: no such process, domain or file
 * @STATUS_INPUT: the file is not what it should be
 * @STATUS_PERMISSION: it takes root, or the process is somebody else's
 * @STATUS_KERNEL: it takes pinacct.ko, which is not loaded
 * @STATUS_SYSTEM: something else failed: disk full, no terminal
 */
enum status {
	STATUS_OK = 0,
	STATUS_NO = 1,
	STATUS_USE = 2,
	STATUS_NOT_FOUND = 3,
	STATUS_INPUT = 4,
	STATUS_PERMISSION = 5,
	STATUS_KERNEL = 6,
	STATUS_SYSTEM = 7,
};

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define UNLIMITED UINT64_MAX

/* The commands: argv[0] is the command's name. Each gives its exit status. */
int show(int argc, char **argv);
int top(int argc, char **argv);
int explain(int argc, char **argv);
int estimate(int argc, char **argv);
int tune(int argc, char **argv);
int export(int argc, char **argv);

/* text.c */
void fail(enum status status, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *must(void *memory);
char *read_text(const char *path, size_t *length);
char *write_beside(const char *path, const char *content);
void put_in_place(char *tmp, const char *path);
void make_printable(char *s);
uint64_t parse_size(const char *what, const char *s, uint64_t unit);
uint64_t parse_number(const char *what, const char *s, uint64_t max);
const char *kib(uint64_t bytes);
const char *plural(uint64_t n);
uint64_t round_up(uint64_t n, uint64_t unit);
int other_option(int option, char **argv, const char *help);
void no_more(const char *command, int argc, char **argv);
void print_json(json_object *object);
json_object *json_limit(uint64_t bytes);
void json_number(json_object *object, const char *key, uint64_t n);
void json_text(json_object *object, const char *key, const char *value);

#endif
