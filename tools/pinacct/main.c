// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct: who has what pinned for devices, why was more refused, what does a VM
 * take, and what could be set otherwise.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "pinacct.h"

static const char help[] =
"Use: pinacct COMMAND [OPTION]... [ARGUMENT]...\n"
"\n"
"  show       who has how much pinned and locked, and what is left of his limit\n"
"  top        the same, live\n"
"  explain    why memory was refused, and what to do\n"
"  estimate   the RLIMIT_MEMLOCK that a VM takes\n"
"  tune       what can be set, and what it would change for the VMs that run\n"
"  export     metrics for Prometheus\n"
"\n"
"pinacct COMMAND --help says more, with examples; so does pinacct(8).\n"
"\n"
"Examples:\n"
"  pinacct show\n"
"  pinacct explain\n"
"  pinacct estimate win11.xml\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "show", show },
	{ "top", top },
	{ "explain", explain },
	{ "estimate", estimate },
	{ "tune", tune },
	{ "export", export },
};

int main(int argc, char **argv)
{
	if (argc < 2)
		fail(STATUS_USE, "which command? show, top, explain, estimate, tune or export: see pinacct --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	/* Each error is one line of ours. */
	opterr = 0;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name)) {
			int status = commands[i].run(argc - 1, argv + 1);

			if (fflush(stdout) || ferror(stdout))
				fail(STATUS_SYSTEM, "cannot write what was found: %m");
			return status;
		}
	fail(STATUS_USE, "no command is called '%s': show, top, explain, estimate, tune or export",
	     argv[1]);
}
