/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/statedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int make_parents(const char *path, mode_t mode)
{
	char copy[PATH_MAX];
	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(copy, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Only while the directory is still root's: later its contents are the engine's doing. */
static int hand_over(int dir, const struct identity *owner)
{
	DIR *list = fdopendir(dup(dir));
	if (!list)
		return -errno;
	int r = 0;
	for (struct dirent *d; r == 0 && (d = readdir(list));) {
		struct stat st;
		if (fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (fchownat(dir, d->d_name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
	}
	(void)closedir(list);
	if (r == 0 && fchown(dir, owner->uid, owner->gid) < 0)
		r = -errno;
	return r;
}

int statedir_make(const char *path, const struct identity *owner, struct err *err)
{
	int r = make_parents(path, 0700);
	_cleanup_(closep) int dir =
		r == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct stat st;
	if (dir < 0 || fstat(dir, &st) < 0)
		return err_set(
			err, r < 0 ? r : -errno, "%s: %s", path, strerror(r < 0 ? -r : errno));
	uid_t wanted = owner ? owner->uid : geteuid();
	/* from before the users were made: see identity_find() */
	bool ours = st.st_uid == wanted || st.st_uid == 0 || (owner && st.st_uid == UNNAMED_UID);
	if (!ours)
		return err_set(
			err, -EPERM, "%s: belongs to uid %u, not to %u", path, st.st_uid, wanted);
	if (owner && st.st_uid != wanted)
		r = hand_over(dir, owner);
	/* Root without CAP_FOWNER, as under systemd, may not even repeat what is there. */
	if (r == 0 && (st.st_mode & 07777) != 0700 && fchmod(dir, 0700) < 0)
		r = -errno;
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int statedir_make_run(const char *path, struct err *err)
{
	int r = make_parents(path, 0755);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int statedir_write_pid(const char *run_dir, struct err *err)
{
	char path[PATH_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s/cordond.pid", run_dir);
	(void)unlink(path);
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* A pid may have been given to somebody else since. */
static bool is_cordond(int pid)
{
	char path[64], name[32] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	return f && fgets(name, sizeof(name), f) && strcmp(name, "cordond\n") == 0;
}

pid_t statedir_daemon(const char *run_dir)
{
	char path[PATH_MAX + 16], text[32];
	(void)snprintf(path, sizeof(path), "%s/cordond.pid", run_dir);
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	long pid = f && fgets(text, sizeof(text), f) ? strtol(text, NULL, 10) : 0;
	return pid > 1 && pid <= INT_MAX && is_cordond((int)pid) ? (pid_t)pid : 0;
}

void statedir_remove_run(const char *run_dir)
{
	char path[PATH_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s/cordond.pid", run_dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/cordon.sock", run_dir);
	(void)unlink(path);
}
