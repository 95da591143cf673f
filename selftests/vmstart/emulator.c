// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does libvirt start as QEMU, where QEMU is to get a /dev/iommu that somebody
 * else has opened? This. It runs QEMU with the same arguments, but that "fd=@SOCKET"
 * in one of them becomes "fd=N", with N a file descriptor that iommufd-pass has sent
 * through SOCKET. Without such an argument, as when libvirt asks what QEMU can do, it
 * is QEMU.
 *
 * Which QEMU: the link beside this program with ".qemu" behind its name.
 */
#define _GNU_SOURCE
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MARK	"fd=@"

/* Stays open across exec. */
static int get_fd(const char *path)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct cmsghdr *header;
	int connection, fd;

	if (strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s is too long for the name of a socket", path);
	strcpy(address.sun_path, path);
	connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s (does iommufd-pass run?)", path);
	if (recvmsg(connection, &message, 0) < 0)
		err(1, "%s", path);
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		errx(1, "%s: no file descriptor came", path);
	close(connection);
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

int main(int argc, char **argv)
{
	char self[PATH_MAX], qemu[PATH_MAX + 8];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		err(1, "/proc/self/exe");
	self[length] = 0;
	snprintf(qemu, sizeof(qemu), "%s.qemu", self);

	for (int i = 1; i < argc; i++) {
		char *mark = strstr(argv[i], MARK);
		char *changed;

		if (!mark)
			continue;
		if (asprintf(&changed, "%.*sfd=%d", (int)(mark - argv[i]), argv[i],
			     get_fd(mark + strlen(MARK))) < 0)
			err(1, "no memory");
		argv[i] = changed;
	}
	execv(qemu, argv);
	err(1, "%s", qemu);
}
