// SPDX-License-Identifier: GPL-2.0-only
/*
 * How pinacct(8) reads and writes: messages, sizes, small files.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pinacct.h"

/**
 * fail - one line that says what is wrong and what to do, and the end
 * @status: exit status
 * @format: as printf's
 */
void fail(enum status status, const char *format, ...)
{
	va_list args;
	char *line;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		abort();
	va_end(args);
	fflush(stdout);
	fprintf(stderr, "pinacct: %s\n", line);
	exit(status);
}

/**
 * text - a string of its own; it is never freed, since no command keeps many
 * @format: as printf's
 */
char *text(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	if (vasprintf(&s, format, args) < 0)
		must(NULL);
	va_end(args);
	return s;
}

/**
 * must - memory that has to be there
 * @memory: what malloc() and its like returned
 */
void *must(void *memory)
{
	if (!memory)
		fail(STATUS_SYSTEM, "out of memory");
	return memory;
}

/**
 * read_text - all of a file, to be freed; NULL with errno if it cannot be read
 * @path: - is the standard input
 * @length: of it, without the zero that is put behind it; may be NULL
 */
char *read_text(const char *path, size_t *length)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(0);
	size_t used = 0, room = 0;
	char *s = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	do {
		if (room - used < 4096)
			s = must(realloc(s, (room = room * 2 + 8192)));
		n = read(fd, s + used, room - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = errno;

			free(s);
			close(fd);
			errno = error;
			return NULL;
		}
		used += n;
	} while (n);
	close(fd);
	s[used] = 0;
	if (length)
		*length = used;
	return s;
}

/**
 * write_beside - write a file under another name first
 * @path: of the file
 * @content: what is to be in it
 *
 * A full disk leaves the file as it was. put_in_place() or unlink() must follow.
 *
 * Return: the other name.
 */
char *write_beside(const char *path, const char *content)
{
	char *tmp = text("%s.XXXXXX", path);
	size_t length = strlen(content);
	int fd, error;

	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		fail(errno == EACCES || errno == EPERM ? STATUS_PERMISSION : STATUS_SYSTEM,
		     "cannot write beside %s: %m; name a directory that you may write", path);
	/* A short write, of a full disk, sets none. */
	errno = 0;
	if (write(fd, content, length) != (ssize_t)length || fchmod(fd, 0644) || fsync(fd)) {
		error = errno ?: ENOSPC;
		unlink(tmp);
		errno = error;
		fail(STATUS_SYSTEM, "cannot write %s: %m; it is as it was", path);
	}
	close(fd);
	return tmp;
}

/**
 * put_in_place - let a file that is written beside take its name
 * @tmp: what write_beside() has returned; is freed
 * @path: as there
 *
 * Whoever reads it meanwhile reads the old one.
 */
void put_in_place(char *tmp, const char *path)
{
	int error;

	if (rename(tmp, path)) {
		error = errno;
		unlink(tmp);
		errno = error;
		fail(STATUS_SYSTEM, "cannot write %s: %m; it is as it was", path);
	}
	free(tmp);
}

/**
 * make_printable - take out what a terminal would obey
 * @s: what somebody else has chosen: a name, a path, an argument. What is not ASCII
 *	is left as it is.
 */
void make_printable(char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			*s = '?';
}

/* Powers of 1024 as libvirt and QEMU write them, and of 1000 as libvirt does. */
static uint64_t unit_of(const char *s)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{ "b", 1 }, { "byte", 1 }, { "bytes", 1 },
		{ "k", KIB }, { "kib", KIB }, { "m", MIB }, { "mib", MIB },
		{ "g", 1024 * MIB }, { "gib", 1024 * MIB },
		{ "t", 1024 * 1024 * MIB }, { "tib", 1024 * 1024 * MIB },
		{ "kb", 1000 }, { "mb", 1000000 }, { "gb", 1000000000 },
		{ "tb", 1000000000000 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcasecmp(s, units[i].name))
			return units[i].bytes;
	return 0;
}

/**
 * parse_size - 8G, 512MiB, 1048576
 * @what: what it is, for the message if it is no size; NULL to get UNLIMITED then
 * @s: the text
 * @unit: bytes, of a number without a unit
 *
 * Return: bytes.
 */
uint64_t parse_size(const char *what, const char *s, uint64_t unit)
{
	unsigned long long n;
	uint64_t bytes;
	char *end;

	errno = 0;
	n = strtoull(s, &end, 10);
	while (isspace(*end))
		end++;
	if (*end)
		unit = unit_of(end);
	if (errno || !isdigit(*s) || !unit || __builtin_mul_overflow(n, unit, &bytes) ||
	    bytes >> 60) {
		if (!what)
			return UNLIMITED;
		fail(STATUS_USE, "%s '%s' is no size: write a number with K, M, G or T", what, s);
	}
	return bytes;
}

/**
 * parse_number - a plain one
 * @what: what it is, for the message
 * @s: the text
 * @max: the largest that makes sense
 */
uint64_t parse_number(const char *what, const char *s, uint64_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno || *end || !isdigit(*s) || n > max)
		fail(STATUS_USE, "%s is a number from 0 to %llu, not '%s'", what,
		     (unsigned long long)max, s);
	return n;
}

/**
 * kib - bytes for people to read; valid until it was called eight times more
 * @bytes: UNLIMITED is said in words
 */
const char *kib(uint64_t bytes)
{
	static char texts[8][24];
	static unsigned int next;
	char *s = texts[next++ % 8];

	if (bytes == UNLIMITED)
		return "unlimited";
	snprintf(s, sizeof(texts[0]), "%llu KiB", (unsigned long long)(bytes / KIB));
	return s;
}

/**
 * plural - the ending of a noun
 * @n: how many there are
 */
const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/**
 * round_up - the next multiple
 * @n: number
 * @unit: of which it is to be one
 */
uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/**
 * other_option - an option that is not the command's own
 * @option: what getopt_long() gave: 'h', or what it does not know
 * @argv: the command line
 * @help: of the command
 *
 * Return: exit status, if it is help that was asked for
 */
int other_option(int option, char **argv, const char *help)
{
	if (option == 'h') {
		fputs(help, stdout);
		return STATUS_OK;
	}
	if (optopt && optopt < 128)
		fail(STATUS_USE, "-%c is no option, or needs a value: see pinacct %s --help",
		     optopt, argv[0]);
	fail(STATUS_USE, "%s is no option, or is lacking its value: see pinacct %s --help",
	     argv[optind - 1], argv[0]);
}

/**
 * no_more - the command takes no further argument
 * @command: which
 * @argc: of the command line
 * @argv: of the command line; optind says what was used of it
 */
void no_more(const char *command, int argc, char **argv)
{
	if (optind < argc)
		fail(STATUS_USE, "'%s' is one argument too many: see pinacct %s --help",
		     argv[optind], command);
}

/**
 * print_json - to the standard output
 * @object: which is released
 */
void print_json(json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/**
 * json_limit - a limit; null if there is none
 * @bytes: of it
 */
json_object *json_limit(uint64_t bytes)
{
	return bytes == UNLIMITED ? NULL : json_object_new_int64(bytes);
}

/**
 * json_number - object.key = n
 * @object: which gets it
 * @key: its name
 * @n: the number
 */
void json_number(json_object *object, const char *key, uint64_t n)
{
	json_object_object_add(object, key, json_object_new_int64(n));
}

/**
 * json_text - object.key = value
 * @object: which gets it
 * @key: its name
 * @value: NULL becomes null
 */
void json_text(json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
}
