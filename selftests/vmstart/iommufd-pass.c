// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who opens /dev/iommu for a guest that is charged as a process? Somebody with
 * privileges: a file descriptor of /dev/iommu charges the user who opened it, unless
 * IOMMU_OPTION_RLIMIT_MODE is set, which takes CAP_SYS_RESOURCE. libvirt does that
 * from version 12 on. For earlier ones this does: to each of the given user's
 * processes that connects to SOCKET it sends such a descriptor, a fresh one.
 *
 * Use, as root:	iommufd-pass SOCKET UID
 *
 * Runs until it is killed; SOCKET is there, and listened to, before it closes its
 * stdout. emulator.c is the other end.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int open_for_process(void)
{
	struct iommu_option option = {
		.size = sizeof(option),
		.option_id = IOMMU_OPTION_RLIMIT_MODE,
		.op = IOMMU_OPTION_OP_SET,
		.val64 = 1,
	};
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "/dev/iommu");
	if (ioctl(fd, IOMMU_OPTION, &option))
		err(1, "IOMMU_OPTION_RLIMIT_MODE (run as root)");
	return fd;
}

static void send_fd(int connection, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(connection, &message, MSG_NOSIGNAL) < 0)
		warn("sending /dev/iommu");
}

static int listen_for(const char *path, uid_t uid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s is too long for the name of a socket", path);
	strcpy(address.sun_path, path);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	umask(0177);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    chown(path, uid, -1) || listen(fd, 8))
		err(1, "%s", path);
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long uid;
	int socket, fd;
	char *end;

	if (argc != 3)
		errx(2, "use: iommufd-pass SOCKET UID");
	uid = strtoul(argv[2], &end, 10);
	if (*end || end == argv[2])
		errx(2, "'%s' is not the number of a user", argv[2]);

	/* So that who lacks the privilege hears of it at once. */
	close(open_for_process());
	socket = listen_for(argv[1], uid);
	close(STDOUT_FILENO);

	for (;;) {
		int connection = accept4(socket, NULL, NULL, SOCK_CLOEXEC);

		if (connection < 0)
			continue;
		fd = open_for_process();
		send_fd(connection, fd);
		close(fd);
		close(connection);
	}
}
