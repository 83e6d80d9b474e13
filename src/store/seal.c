/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_FILE "secret.key"

static int sync_dir(const char *dir)
{
	_cleanup_(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_key(const char *path)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	randombytes_buf(key, sizeof(key));
	ssize_t n = write(fd, key, sizeof(key));
	int r = n < 0 ? -errno : n != (ssize_t)sizeof(key) ? -ENOSPC : 0;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	sodium_memzero(key, sizeof(key));
	return r;
}

/* Whole or not at all: written aside, then linked, which never overwrites a key. */
static int make_key(const char *dir, const char *path, struct err *err)
{
	char aside[PATH_MAX];
	if ((size_t)snprintf(aside, sizeof(aside), "%s.new", path) >= sizeof(aside))
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", dir);
	(void)unlink(aside);
	int r = write_key(aside);
	if (r == 0 && link(aside, path) < 0 && errno != EEXIST)
		r = -errno;
	(void)unlink(aside);
	if (r == 0)
		r = sync_dir(dir);
	return r < 0 ? err_set(err, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

static int read_key(struct seal *seal, int fd, const char *path, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof(seal->key))
		return err_set(
			err, -EINVAL, "%s is not a key file of %zu bytes", path, sizeof(seal->key));
	if (st.st_mode & 077)
		return err_set(err, -EPERM, "%s may be read by others; it must be 0600", path);
	if (read(fd, seal->key, sizeof(seal->key)) != (ssize_t)sizeof(seal->key))
		return err_set(err, -EIO, "cannot read %s", path);
	return 0;
}

int seal_load(struct seal *seal, const char *dir, bool may_make, struct err *err)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/" KEY_FILE, dir) >= sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", dir);
	if (sodium_init() < 0)
		return err_set(err, -ENOSYS, "libsodium found no source of random numbers");
	if (may_make && access(path, F_OK) < 0 && errno == ENOENT) {
		int r = make_key(dir, path, err);
		if (r < 0)
			return r;
	}
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(err, -errno,
			"cannot open %s, under which the database's secrets are sealed: %s", path,
			strerror(errno));
	return read_key(seal, fd, path, err);
}

void seal_done(struct seal *seal)
{
	sodium_memzero(seal, sizeof(*seal));
}

void seal_close(const struct seal *seal, const void *plain, size_t n, unsigned char *ret)
{
	randombytes_buf(ret, crypto_secretbox_NONCEBYTES);
	(void)crypto_secretbox_easy(ret + crypto_secretbox_NONCEBYTES, plain, n, ret, seal->key);
}

bool seal_open(const struct seal *seal, const unsigned char *sealed, size_t n, void *ret)
{
	if (n < SEAL_EXTRA)
		return false;
	return crypto_secretbox_open_easy(ret, sealed + crypto_secretbox_NONCEBYTES,
		       n - crypto_secretbox_NONCEBYTES, sealed, seal->key) == 0;
}
