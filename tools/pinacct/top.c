// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct top: who has how much pinned, live.
 *
 * Everything is read anew for each picture, so that a process that has ended is
 * just not there any more.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "table.h"

static const char help_text[] =
"Use: pinacct top [OPTION]...\n"
"\n"
"Shows who has memory pinned for devices, as pinacct show does, again and again.\n"
"\n"
"  -d, --delay SECONDS   between pictures (2)\n"
"  -n, --number N        end after so many pictures\n"
"  -s, --sort COLUMN     by which it is sorted (charged)\n"
"  -a, --all             also those that have only locked memory (mlock)\n"
"  -h, --help\n"
"\n"
"Keys: q quit, h help, < > sort by the column beside, R the other way round,\n"
"N by PID, C charged, L left, M locked, P pinned, a all, d delay, space now,\n"
"up and down, page up and down, home and end scroll. NO_COLOR=1 is respected.\n"
"\n"
"Examples:\n"
"  pinacct top\n"
"  pinacct top --sort left --delay 10\n";

static const struct option options[] = {
	{ "delay", required_argument, NULL, 'd' },
	{ "number", required_argument, NULL, 'n' },
	{ "sort", required_argument, NULL, 's' },
	{ "all", no_argument, NULL, 'a' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* What is shown, and how. */
struct view {
	const struct column *by;
	bool reverse;
	bool all;
	unsigned int delay;
	unsigned int scroll;
	unsigned int nr;
	bool help;
};

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
	ended = 1;
}

/* One line, cut off at the edge; a bar is inverse over the whole width. */
static void put_line(int y, const char *line, attr_t attributes, bool bar)
{
	if (y >= LINES)
		return;
	attrset(attributes);
	mvaddnstr(y, 0, line, COLS);
	if (bar)
		for (int x = strlen(line); x < COLS; x++)
			addch(' ');
	attrset(A_NORMAL);
}

static void draw_help(void)
{
	static const char * const lines[] = {
		"Keys of pinacct top",
		"",
		"  q, Ctrl-C     quit",
		"  h, ?          this page; any key leaves it",
		"  <, >          sort by the column to the left, to the right",
		"  R             the other way round",
		"  N C L M P     sort by PID, charged, left, locked, pinned",
		"  a             also processes that have only locked memory",
		"  d, s          seconds between pictures",
		"  space         a new picture now",
		"  arrows, page up, page down, home, end   scroll",
		"",
		"Columns are explained by pinacct show --help; what has no room is left out.",
	};

	erase();
	for (unsigned int i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		put_line(i, lines[i], i ? A_NORMAL : A_BOLD, false);
	refresh();
}

static attr_t look_of(const struct process *process)
{
	int64_t left = process_left(process);

	if (left < 0)
		return has_colors() ? COLOR_PAIR(1) | A_BOLD : A_BOLD;
	if (left != INT64_MAX && left < process->limit / 100)
		return has_colors() ? COLOR_PAIR(2) : A_BOLD;
	return A_NORMAL;
}

static void draw_summary(const struct process *processes, unsigned int nr)
{
	uint64_t charged = 0, pinned = 0;
	struct params params;
	time_t now = time(NULL);
	char line[256], clock[16];

	for (unsigned int i = 0; i < nr; i++) {
		charged += processes[i].locked;
		pinned += processes[i].pinned;
	}
	params_read(&params);
	strftime(clock, sizeof(clock), "%T", localtime(&now));
	snprintf(line, sizeof(line), "pinacct top - %s, %u process%s, locked %llu MiB, pinned %llu MiB",
		 clock, nr, nr == 1 ? "" : "es", (unsigned long long)(charged / MIB),
		 (unsigned long long)(pinned / MIB));
	put_line(0, line, A_NORMAL, false);
	if (params.loaded)
		snprintf(line, sizeof(line), "zero_page=%s zero_slack_mb=%u charge_once=%s; sizes in KiB",
			 zero_page_names[params.zero_page], params.zero_slack_mb,
			 params.charge_once ? "Y" : "N");
	else
		snprintf(line, sizeof(line), "pinacct.ko is not loaded: - is what only it knows; sizes in KiB");
	put_line(1, line, A_NORMAL, false);
}

/* The head has its column marked by which it is sorted. */
static void draw_head(const struct view *view)
{
	char line[512], *mark;

	table_head(line, sizeof(line), COLS);
	put_line(3, line, A_REVERSE, true);
	mark = column_fits(view->by, COLS) ? strstr(line, view->by->title) : NULL;
	if (mark && mark - line < COLS) {
		attrset(A_REVERSE | A_BOLD | A_UNDERLINE);
		mvaddnstr(3, mark - line, view->by->title, COLS - (mark - line));
		attrset(A_NORMAL);
	}
}

static void draw(struct view *view)
{
	struct process *processes = processes_read(&view->nr, view->all);
	unsigned int room = LINES > 4 ? LINES - 4 : 0;
	char line[512];

	table_sort(processes, view->nr, view->by, view->reverse);
	if (view->scroll + room > view->nr)
		view->scroll = view->nr > room ? view->nr - room : 0;
	erase();
	draw_summary(processes, view->nr);
	draw_head(view);
	for (unsigned int i = 0; i < room && view->scroll + i < view->nr; i++) {
		const struct process *process = &processes[view->scroll + i];

		table_line(line, sizeof(line), COLS, process);
		put_line(4 + i, line, look_of(process), false);
	}
	if (!view->nr)
		put_line(4, "Nobody has memory pinned for devices (a: show locked memory, too).",
			 A_NORMAL, false);
	refresh();
	processes_free(processes, view->nr);
}

static void sort_by(struct view *view, const char *title)
{
	view->by = column_named(title);
	view->reverse = false;
}

static void sort_beside(struct view *view, int step)
{
	int at = view->by - columns + step;

	if (at >= 0 && at < (int)nr_columns)
		view->by = &columns[at];
}

static void ask_delay(struct view *view)
{
	char answer[8] = "";
	int n;

	put_line(2, "Seconds between pictures: ", A_BOLD, false);
	clrtoeol();
	echo();
	timeout(-1);
	if (getnstr(answer, sizeof(answer) - 1) != ERR) {
		n = atoi(answer);
		if (n > 0 && n <= 3600)
			view->delay = n;
	}
	noecho();
}

/* Return: whether to go on. */
static bool obey(struct view *view, int key)
{
	unsigned int page = LINES > 4 ? LINES - 4 : 1;

	if (view->help) {
		view->help = false;
		return key != 'q';
	}
	switch (key) {
	case 'q':
		return false;
	case 'h':
	case '?':
	case KEY_F(1):
		view->help = true;
		break;
	case '<':
	case ',':
		sort_beside(view, -1);
		break;
	case '>':
	case '.':
		sort_beside(view, 1);
		break;
	case 'R':
	case 'I':
		view->reverse = !view->reverse;
		break;
	case 'N':
		sort_by(view, "PID");
		break;
	case 'C':
		sort_by(view, "CHARGED");
		break;
	case 'L':
		sort_by(view, "LEFT");
		break;
	case 'M':
		sort_by(view, "LOCKED");
		break;
	case 'P':
		sort_by(view, "PINNED");
		break;
	case 'a':
		view->all = !view->all;
		break;
	case 'd':
	case 's':
		ask_delay(view);
		break;
	case KEY_UP:
		view->scroll -= !!view->scroll;
		break;
	case KEY_DOWN:
		view->scroll++;
		break;
	case KEY_PPAGE:
		view->scroll -= view->scroll < page ? view->scroll : page;
		break;
	case KEY_NPAGE:
		view->scroll += page;
		break;
	case KEY_HOME:
		view->scroll = 0;
		break;
	case KEY_END:
		view->scroll = view->nr;
		break;
	}
	return true;
}

static void close_terminal(void)
{
	if (!isendwin())
		endwin();
}

static void open_terminal(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	const char *no_color = getenv("NO_COLOR");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		fail(STATUS_USE, "top needs a terminal: use pinacct show");
	setlocale(LC_CTYPE, "");
	if (!newterm(NULL, stdout, stdin))
		fail(STATUS_SYSTEM, "the terminal '%s' is not known: set TERM, or use pinacct show",
		     getenv("TERM") ?: "");
	/* However this ends, the terminal is put back. */
	atexit(close_terminal);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	if (!(no_color && *no_color) && start_color() != ERR && has_colors()) {
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
		init_pair(2, COLOR_YELLOW, -1);
	}
}

static void run(struct view *view, unsigned int pictures)
{
	bool forever = !pictures;
	int key;

	while (!ended && (forever || pictures)) {
		if (view->help) {
			draw_help();
		} else {
			draw(view);
			pictures--;
		}
		if (!forever && !pictures && !view->help)
			break;
		timeout(view->help ? -1 : (int)view->delay * 1000);
		errno = 0;
		key = getch();
		/* Its input is gone, as when a terminal is closed. */
		if (key == ERR && errno == EIO)
			break;
		if (key != ERR && key != KEY_RESIZE && !obey(view, key))
			break;
	}
}

/**
 * top - the command
 * @argc: of it
 * @argv: of it
 */
int top(int argc, char **argv)
{
	struct view view = { .by = column_named("CHARGED"), .delay = 2 };
	unsigned int pictures = 0;
	int option;

	while ((option = getopt_long(argc, argv, "d:n:s:ah", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			view.delay = parse_number("--delay", optarg, 3600) ?: 1;
			break;
		case 'n':
			pictures = parse_number("--number", optarg, 1000000000);
			break;
		case 's':
			view.by = column_named(optarg);
			if (!view.by)
				fail(STATUS_USE, "no column is called '%s': see the head of pinacct show",
				     optarg);
			break;
		case 'a':
			view.all = true;
			break;
		default:
			return other_option(option, argv, help_text);
		}
	}
	no_more(argv[0], argc, argv);
	open_terminal();
	run(&view, pictures);
	return STATUS_OK;
}
