/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens log files, their rotated copies and their directories by path.
 *
 * A configured path may be a symlink, and that one's target another: each link
 * of the chain is a "place" (directory and name). Every place's directory is
 * watched, as a link may be re-pointed in one and the file rotated in another,
 * and rotated copies are looked for in each. Only regular files are opened,
 * never to write, and never so that the opening could wait (a FIFO, a tape).
 */
#include "sensor/input.h"

#include "base/util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define LINKS_MAX 8
#define WATCH_MASK                                                                                 \
	(IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE |        \
		IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

static int give(int *fd)
{
	int given = *fd;
	*fd = -1;
	return given;
}

static int open_regular(int dir, const char *name)
{
	struct stat st;
	/* looked at before opening: to open a device can already do something */
	if (fstatat(dir, name, &st, 0) < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	_cleanup_(closep) int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return give(&fd);
}

/* One place of a path: dir is "." or ends before the last slash. */
struct place {
	char dir[PATH_MAX];
	const char *name; /* the end of `path` */
	char path[PATH_MAX];
};

static int place_set(struct place *p, const char *path)
{
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof(p->path))
		return -ENAMETOOLONG;
	memcpy(p->path, path, n + 1);
	char *slash = strrchr(p->path, '/');
	p->name = slash ? slash + 1 : p->path;
	if (!slash) {
		memcpy(p->dir, ".", 2);
		return 0;
	}
	size_t keep = slash == p->path ? 1 : (size_t)(slash - p->path);
	memcpy(p->dir, p->path, keep);
	p->dir[keep] = '\0';
	return 0;
}

/* Goes on to what the place's link says: 1, 0 when it is no link, or -errno. */
static int place_follow(struct place *p)
{
	char target[PATH_MAX], next[PATH_MAX];
	ssize_t n = readlink(p->path, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = '\0';
	int length = target[0] == '/' ? snprintf(next, sizeof(next), "%s", target)
				      : snprintf(next, sizeof(next), "%s/%s", p->dir, target);
	if (length < 0 || (size_t)length >= sizeof(next))
		return -ENAMETOOLONG;
	int r = place_set(p, next);
	return r < 0 ? r : 1;
}

/* Calls fn for each place of the path's chain of links. */
static int each_place(const char *path, int (*fn)(void *ctx, const struct place *place), void *ctx)
{
	struct place place;
	int r = place_set(&place, path);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		r = fn(ctx, &place);
		if (r < 0)
			return r;
		r = place_follow(&place);
		if (r <= 0)
			return r;
	}
	return -ELOOP;
}

struct sibling {
	char name[NAME_MAX + 1];
	size_t prefix;  /* of the name: the file's name and '.' or '-' */
	unsigned place; /* which directory it is in */
	uint64_t device, inode;
	int64_t modified; /* ns */
};

/* A directory can hold any number of files; a bounded number of them is kept. */
#define LISTED_MAX ((size_t)4 * INPUT_SIBLINGS_MAX)

struct siblings {
	struct sibling *at;
	size_t n;
	bool numbers, dates; /* all suffixes are so far */
	char dirs[LINKS_MAX][PATH_MAX];
	unsigned places;
};

static bool is_compressed(const char *name)
{
	static const char *const ends[] = {
		".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma", ".lzo", ".Z", ".zip", ".br"};
	size_t n = strlen(name);
	for (size_t i = 0; i < countof(ends); i++) {
		size_t k = strlen(ends[i]);
		if (n > k && strcmp(name + n - k, ends[i]) == 0)
			return true;
	}
	return false;
}

/* 1-5 digits count generations; 6 and more digits (with - _ : T . between) are a date. */
static bool is_number(const char *suffix)
{
	size_t n = strspn(suffix, "0123456789");
	return n > 0 && n <= 5 && suffix[n] == '\0';
}

static bool is_date(const char *suffix)
{
	return strspn(suffix, "0123456789") >= 4 && strlen(suffix) >= 6 &&
	       suffix[strspn(suffix, "0123456789-_:T.")] == '\0';
}

static bool is_known(const struct siblings *s, const struct stat *st)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].inode == st->st_ino && s->at[i].device == st->st_dev)
			return true;
	return false;
}

static int sibling_add(struct siblings *s, const char *name, size_t prefix, const struct stat *st)
{
	struct sibling *more = reallocarray(s->at, s->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->at = more;
	struct sibling *new = &more[s->n++];
	*new = (struct sibling){.prefix = prefix,
		.place = s->places - 1,
		.device = st->st_dev,
		.inode = st->st_ino,
		.modified = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec};
	(void)snprintf(new->name, sizeof(new->name), "%s", name);
	s->numbers = s->numbers && is_number(name + prefix);
	s->dates = s->dates && is_date(name + prefix);
	return 0;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static bool is_copy_of(const struct place *place, size_t n, const char *name)
{
	return strncmp(name, place->name, n) == 0 && (name[n] == '.' || name[n] == '-') &&
	       name[n + 1] != '\0' && !is_compressed(name);
}

static int list_place(void *ctx, const struct place *place)
{
	struct siblings *s = ctx;
	size_t n = strlen(place->name);
	_cleanup_(closedirp) DIR *dir = opendir(place->dir);
	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	memcpy(s->dirs[s->places++], place->dir, sizeof(place->dir));
	for (struct dirent *e; s->n < LISTED_MAX && (e = readdir(dir));) {
		struct stat st;
		if (!is_copy_of(place, n, e->d_name))
			continue;
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode) || is_known(s, &st))
			continue;
		int r = sibling_add(s, e->d_name, n + 1, &st);
		if (r < 0)
			return r;
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct sibling *x = a, *y = b;
	return strverscmp(x->name + x->prefix, y->name + y->prefix);
}

static int by_date(const void *a, const void *b)
{
	return -by_number(a, b);
}

static int by_change(const void *a, const void *b)
{
	const struct sibling *x = a, *y = b;
	if (x->modified != y->modified)
		return x->modified > y->modified ? -1 : 1;
	return by_number(a, b);
}

static void siblings_done(struct siblings *s)
{
	free(s->at);
}

static const char *const *paths_of(void *ctx)
{
	return ctx;
}

static int direct_current(void *ctx, unsigned input)
{
	return open_regular(AT_FDCWD, paths_of(ctx)[input]);
}

static int open_listed(const struct siblings *s, const struct sibling *file)
{
	_cleanup_(closep) int dir = open(s->dirs[file->place], O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : open_regular(dir, file->name);
}

static int open_nth(const char *path, unsigned n, bool *ret_listed)
{
	_cleanup_(siblings_done) struct siblings s = {.numbers = true, .dates = true};
	int r = each_place(path, list_place, &s);
	if (r < 0)
		return r;
	*ret_listed = n < s.n && n < INPUT_SIBLINGS_MAX;
	if (!*ret_listed)
		return -ENOENT;
	qsort(s.at, s.n, sizeof(*s.at), s.numbers ? by_number : s.dates ? by_date : by_change);
	return open_listed(&s, &s.at[n]);
}

static int direct_sibling(void *ctx, unsigned input, unsigned n)
{
	bool listed = true;
	int r = -ENOENT;
	/* one that was renamed since it was listed is not past the last */
	for (unsigned i = 0; i < 4 && r == -ENOENT && listed; i++) {
		listed = false;
		r = open_nth(paths_of(ctx)[input], n, &listed);
	}
	return r == -ENOENT && listed ? -EAGAIN : r;
}

static int watch_place(void *ctx, const struct place *place)
{
	return inotify_add_watch(*(int *)ctx, place->dir, WATCH_MASK) < 0 ? -errno : 0;
}

static int direct_watch(void *ctx, unsigned input)
{
	_cleanup_(closep) int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = each_place(paths_of(ctx)[input], watch_place, &fd);
	if (r < 0)
		return r;
	return give(&fd);
}

struct input_ops input_direct(const char *const *paths)
{
	return (struct input_ops){.open_current = direct_current,
		.open_sibling = direct_sibling,
		.open_watch = direct_watch,
		.ctx = (void *)(uintptr_t)paths};
}
