// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does the kernel keep for a mapping?
 *
 * Has the kernel trace while memory is mapped. It is for who runs it to say what is
 * traced, and to read it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "memory.h"

static void trace(int fd, const char *on)
{
	if (write(fd, on, 1) != 1)
		fail("tracing_on", "", "", errno);
}

void measure_kept(const struct path *path, const struct kind *kind, size_t size)
{
	int fd = open("/sys/kernel/tracing/tracing_on", O_WRONLY | O_CLOEXEC);
	struct memory memory;
	struct front front;
	int rc;

	if (fd < 0)
		fail("tracing_on", path->name, kind->name, errno);
	path_open(path, &front);
	path_memory(path, &front, kind, size, &memory);
	/* The first one may leave what all others use. */
	for (int i = 0; i < 2; i++) {
		if (i)
			trace(fd, "1");
		rc = path_map(path, &front, kind, &memory, 0, IOVA, size);
		if (rc)
			fail("map", path->name, kind->name, -rc);
		if (!i)
			front_unmap(&front, IOVA, size, NULL);
	}
	/* Some is freed a little later. */
	usleep(100000);
	trace(fd, "0");
	printf("kept %s %s %zu\n", path->name, kind->name, size / memory_page());
	front_unmap(&front, IOVA, size, NULL);
	kind_free(&memory);
	front_close(&front);
	close(fd);
}
