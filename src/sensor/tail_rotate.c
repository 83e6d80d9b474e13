/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happened to the names: which open or remembered file is which now.
 *
 * There is one procedure for a rotation noticed at once and for any number of
 * rotations while nobody watched (tail_look() → adopt()):
 *
 *  1. The file at the path is one of the list (inode and first bytes): it goes on.
 *  2. Else the siblings are listed, newest first. A list entry that is not open is
 *     found among them by inode and first bytes (renamed), or as another file with
 *     the same first bytes that is at least as long and as new (copytruncate).
 *  3. Siblings newer than the last entry's place in that order, of which nothing
 *     is known, came and went unseen: they are read from their start. If the last
 *     entry has no place (removed, compressed), those changed after it was; these
 *     too if nothing was read of it, as its text may have been copied away.
 *  4. The file at the path is read from its start.
 *  5. Entries still not found are gaps.
 *
 * Renamed files are safe at any rate, as they are held open. Copytruncate again and
 * again within one look (some ms) is not: a copy under way can be missed or taken
 * for another.
 *
 * While there is no file at the path (between rename and creation, a directory
 * not mounted yet), nothing is given up.
 */
#include "sensor/tail_private.h"

#include "base/util.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

/* those <linux/magic.h> does not have everywhere */
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xFF534D42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xFE534D42
#endif
#define LOOK_EVERY 10000 /* ms */
#define POLL_EVERY 1000  /* ms */

static void found_done(struct tail_found *found)
{
	closep(&found->fd);
	found->fd = -1;
}

/* Siblings, newest first. */
struct hunt {
	struct tail_found at[INPUT_SIBLINGS_MAX];
	size_t n;
	size_t place; /* where the list entry in question is among them; n: not there */
};

static void hunt_done(struct hunt *h)
{
	for (size_t i = 0; i < h->n; i++)
		found_done(&h->at[i]);
}

static bool same_inode(const struct tail_found *a, uint64_t device, uint64_t inode)
{
	return a->device == device && a->inode == inode;
}

static bool is_unfound(const struct tail_file *f)
{
	return f->fd < 0 && !f->done;
}

static bool any_unfound(const struct tail *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (is_unfound(&t->files[i]))
			return true;
	return false;
}

static bool hunt_has(const struct hunt *h, const struct tail_found *found)
{
	for (size_t i = 0; i < h->n; i++)
		if (same_inode(&h->at[i], found->device, found->inode))
			return true;
	return false;
}

/* current: the file at the path, which is no sibling (NULL: none). */
static int hunt_list(struct hunt *h, struct tail *t, const struct tail_found *current)
{
	const struct tail_file *last = tail_last(t);
	bool all = any_unfound(t) || (last && last->head_n == 0);
	for (unsigned n = 0; n < INPUT_SIBLINGS_MAX; n++) {
		int fd = t->ops.open_sibling(t->ops.ctx, t->input, n);
		if (fd == -ENOENT)
			break;
		if (fd == -EACCES || fd == -EPERM || fd == -EINVAL)
			continue; /* it will not be better later */
		if (fd < 0)
			return fd;
		struct tail_found *new = &h->at[h->n];
		int r = tail_found_stat(fd, new);
		/* names may shift while they are listed: one file can come twice */
		if (r < 0 || hunt_has(h, new) ||
			(current && same_inode(new, current->device, current->inode))) {
			(void)close(fd);
			continue;
		}
		h->n++;
		if (!all && last && same_inode(new, last->device, last->inode))
			break;
	}
	return 0;
}

static size_t hunt_find(const struct hunt *h, const struct tail_file *f,
	bool (*is)(const struct tail_file *f, const struct tail_found *found))
{
	for (size_t i = 0; i < h->n; i++)
		if (h->at[i].fd >= 0 && is(f, &h->at[i]))
			return i;
	return h->n;
}

static size_t hunt_inode(const struct hunt *h, const struct tail_file *f)
{
	size_t i = 0;
	while (i < h->n && !same_inode(&h->at[i], f->device, f->inode))
		i++;
	return i;
}

/* Finds the files that are not open; sets the place of files[of]. */
static int hunt_match(struct hunt *h, struct tail *t, size_t of, int64_t mono)
{
	h->place = h->n;
	for (size_t i = 0; i < t->n; i++) {
		struct tail_file *f = &t->files[i];
		size_t at;
		if (!is_unfound(f)) {
			at = i == of ? hunt_inode(h, f) : h->n;
		} else {
			at = hunt_find(h, f, tail_file_is);
			bool copy = at == h->n;
			if (copy)
				at = hunt_find(h, f, tail_file_is_copied);
			int r = at < h->n ? tail_file_attach(f, &h->at[at], mono) : 0;
			if (r < 0)
				return r;
			f->copy = f->copy || (at < h->n && copy);
		}
		if (i == of)
			h->place = at;
	}
	return 0;
}

/* Something is known of the sibling: it is an entry of the list, or a copy of one. */
static bool is_known(const struct tail *t, const struct tail_found *found)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct tail_file *f = &t->files[i];
		if ((f->fd >= 0 && same_inode(found, f->device, f->inode)) ||
			tail_file_is(f, found) || (f->head_n > 0 && tail_file_begins(f, found)))
			return true;
	}
	return false;
}

static int add(struct tail *t, size_t index, struct tail_found *found, int64_t mono)
{
	struct tail_file new = tail_file_new(found, mono);
	if (tail_last(t))
		tail_last(t)->quiet = mono; /* from here on it counts as rotated */
	if (!tail_insert(t, index, &new))
		return -ENOMEM;
	found->fd = -1;
	t->stats.rotations++;
	return 0;
}

/* Puts the siblings begin..end of which nothing is known, changed after `since`, in at index. */
static int add_unseen(struct tail *t, struct hunt *h, size_t begin, size_t end, int64_t since,
	size_t index, int64_t mono)
{
	bool unseen[INPUT_SIBLINGS_MAX] = {false};
	for (size_t i = begin; i < end; i++)
		unseen[i] =
			h->at[i].fd >= 0 && h->at[i].modified > since && !is_known(t, &h->at[i]);
	for (size_t i = begin; i < end; i++) { /* each older one goes before the newer */
		int r = unseen[i] ? add(t, index, &h->at[i], mono) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Nothing was read of the last entry, which has a place in the order: its text may have been
   copied away before it was renamed. */
static int add_copied_away(
	struct tail *t, struct hunt *h, int64_t modified, size_t last, int64_t mono)
{
	if (h->place == h->n || t->files[last].head_n > 0)
		return 0;
	return add_unseen(t, h, h->place + 1, h->n, modified, last, mono);
}

/* What came between the last entry and the file at the path now. */
static int add_between(struct tail *t, struct hunt *h, int64_t modified, int64_t mono)
{
	if (h->place == h->n) /* no place in the order: the time must tell */
		return add_unseen(t, h, 0, h->n, modified, t->n, mono);
	size_t last = t->n - 1;
	int r = add_unseen(t, h, 0, h->place, INT64_MIN, t->n, mono);
	return r < 0 ? r : add_copied_away(t, h, modified, last, mono);
}

/* A rotated file that had been read to its end is most likely compressed or deleted by now,
   and nothing of it lost. */
static void drop_unfound(struct tail *t)
{
	for (size_t i = t->n; i-- > 0;)
		if (is_unfound(&t->files[i])) {
			t->stats.gaps += t->files[i].size > t->files[i].offset;
			tail_remove(t, i);
		}
}

/* Before the first file: what lies beside it is history, and is remembered as read. */
static int remember_siblings(struct tail *t, const struct tail_found *current)
{
	_cleanup_(hunt_done) struct hunt h = {.n = 0};
	int r = hunt_list(&h, t, current);
	for (size_t i = MIN_OF(h.n, TAIL_DONE_MAX); r == 0 && i-- > 0;) {
		struct tail_file f = tail_file_new(&h.at[i], 0);
		if (f.size == 0 || tail_file_to_end(&f) < 0)
			continue;
		f.fd = -1;
		f.done = true;
		if (!tail_insert(t, t->n, &f))
			r = -ENOMEM;
	}
	return r;
}

/* The very first file. */
static int begin(struct tail *t, struct tail_found *now, int64_t mono)
{
	struct tail_file new = tail_file_new(now, mono);
	int r = t->from_start ? 0 : tail_file_to_end(&new);
	r = r < 0 ? r : remember_siblings(t, now);
	if (r < 0)
		return r;
	if (!tail_insert(t, t->n, &new))
		return -ENOMEM;
	now->fd = -1;
	t->begun = true;
	return 0;
}

static bool is_current(const struct tail *t, const struct tail_found *now)
{
	const struct tail_file *last = tail_last(t);
	return last && last->fd >= 0 && same_inode(now, last->device, last->inode);
}

static size_t find_entry(const struct tail *t, const struct tail_found *now)
{
	for (size_t i = t->n; i-- > 0;) {
		const struct tail_file *f = &t->files[i];
		if (f->fd >= 0 ? same_inode(now, f->device, f->inode) : tail_file_is(f, now))
			return i;
	}
	return t->n;
}

static void move_to_end(struct tail *t, uint64_t device, uint64_t inode)
{
	for (size_t i = 0; i + 1 < t->n; i++) {
		struct tail_file f = t->files[i];
		if (f.fd < 0 || f.device != device || f.inode != inode)
			continue;
		tail_last(t)->quiet = f.quiet;
		memmove(&t->files[i], &t->files[i + 1], (t->n - i - 1) * sizeof(f));
		*tail_last(t) = f;
		return;
	}
}

/* The last entry has no name any more and this is its text under another inode: an editor's
   or `sed -i`'s way of writing. */
static bool takes_over(const struct tail *t, const struct hunt *h, const struct tail_found *now)
{
	const struct tail_file *last = tail_last(t);
	return last && h->place == h->n && last->head_n >= 64 && tail_file_is_copied(last, now);
}

static int take_over(struct tail *t, struct tail_found *now, int64_t mono)
{
	tail_file_close(tail_last(t));
	return tail_file_attach(tail_last(t), now, mono);
}

/* The file at the path is none of the list. */
static int adopt_new(struct tail *t, struct tail_found *now, int64_t mono)
{
	_cleanup_(hunt_done) struct hunt h = {.n = 0};
	int64_t modified = tail_last(t) ? tail_last(t)->modified : INT64_MAX;
	int r = hunt_list(&h, t, now);
	r = r < 0 ? r : hunt_match(&h, t, t->n - 1, mono);
	if (r == 0 && takes_over(t, &h, now))
		return take_over(t, now, mono);
	r = r < 0 ? r : add_between(t, &h, modified, mono);
	return r < 0 ? r : add(t, t->n, now, mono);
}

/* The file at the path is files[known]. */
static int adopt_known(struct tail *t, size_t known, struct tail_found *now, int64_t mono)
{
	_cleanup_(hunt_done) struct hunt h = {.n = 0};
	struct tail_file *f = &t->files[known];
	int64_t modified = f->modified;
	int r = f->fd < 0 ? tail_file_attach(f, now, mono) : 0;
	/* with nothing read of it, its text may have been copied away unseen */
	bool unsure = f->head_n == 0;
	uint64_t device = f->device, inode = f->inode;
	if (r == 0 && (unsure || any_unfound(t))) {
		r = hunt_list(&h, t, NULL);
		r = r < 0 ? r : hunt_match(&h, t, known, mono);
		if (r == 0 && unsure)
			r = add_unseen(t, &h, 0, h.n, modified, known, mono);
	}
	move_to_end(t, device, inode);
	return r;
}

static int adopt(struct tail *t, struct tail_found *now, int64_t mono)
{
	struct tail_file *last = tail_last(t);
	if (last && is_unfound(last))
		last->size = INT64_MAX; /* it went on to be written after the last look */
	size_t known = find_entry(t, now);
	int r = known < t->n ? adopt_known(t, known, now, mono) : adopt_new(t, now, mono);
	if (r == 0)
		drop_unfound(t);
	return r;
}

/* Nothing is at the path: it may come yet, and what is not found may too. */
static int wait_for_file(struct tail *t, int64_t mono)
{
	if (!t->begun) {
		int r = remember_siblings(t, NULL);
		t->begun = r == 0;
		return r;
	}
	const struct tail_file *last = tail_last(t);
	if (!last || (!any_unfound(t) && last->head_n > 0))
		return 0;
	_cleanup_(hunt_done) struct hunt h = {.n = 0};
	int64_t modified = last->modified;
	int r = hunt_list(&h, t, NULL);
	r = r < 0 ? r : hunt_match(&h, t, t->n - 1, mono);
	return r < 0 ? r : add_copied_away(t, &h, modified, t->n - 1, mono);
}

static int open_current(struct tail *t, struct tail_found *ret)
{
	int fd = t->ops.open_current(t->ops.ctx, t->input);
	if (fd < 0)
		return fd;
	int r = tail_found_stat(fd, ret);
	if (r < 0)
		(void)close(fd);
	return r;
}

/* File systems whose changes by other machines cause no events here. */
static bool is_remote(const struct tail *t)
{
	static const unsigned long remote[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
		SMB2_SUPER_MAGIC, V9FS_MAGIC, AFS_SUPER_MAGIC, AFS_FS_MAGIC, CODA_SUPER_MAGIC,
		CEPH_SUPER_MAGIC, FUSE_SUPER_MAGIC};
	const struct tail_file *last = tail_last(t);
	struct statfs fs;
	if (!last || last->fd < 0 || fstatfs(last->fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < countof(remote); i++)
		if ((unsigned long)fs.f_type == remote[i])
			return true;
	return false;
}

/* Bounded: many rotations a moment cannot make the list grow for ever. */
static void trim(struct tail *t)
{
	while (t->n > TAIL_FILES_MAX) {
		t->stats.gaps += !t->files[0].done;
		tail_remove(t, 0);
	}
}

/* The old one is closed after, so that the new one never has its number: who waits for it
   would not notice. */
static void watch_anew(struct tail *t)
{
	int old = t->watch;
	t->watch = t->ops.open_watch(t->ops.ctx, t->input);
	if (t->watch < 0)
		t->watch = -1;
	t->watch_ended = false;
	closep(&old);
}

int tail_look(struct tail *t, int64_t mono)
{
	_cleanup_(found_done) struct tail_found now = {.fd = -1};
	t->look = false;
	int r = open_current(t, &now);
	bool other = r == 0 && !is_current(t, &now);
	if (t->watch < 0 || t->watch_ended || other || (r < 0 && mono >= t->look_at)) {
		/* Directories may have changed with the name; what changes from the new
		   watch on will be said, so the name is looked at once more after it. */
		watch_anew(t);
		found_done(&now);
		r = open_current(t, &now);
	}
	bool missing = r == -ENOENT;
	if (missing)
		r = wait_for_file(t, mono);
	else if (r == 0 && !t->begun)
		r = begin(t, &now, mono);
	else if (r == 0 && (!is_current(t, &now) || tail_last(t)->head_n == 0))
		r = adopt(t, &now, mono);
	trim(t);
	bool poll = r < 0 || missing || t->watch < 0 || is_remote(t);
	t->look_at = mono + (poll ? POLL_EVERY : LOOK_EVERY);
	return r;
}

/* Emptied while its first bytes were being read: they are in a copy, or nowhere. */
static int emptied_unread(struct tail *t, size_t index, int64_t mono)
{
	_cleanup_(hunt_done) struct hunt h = {.n = 0};
	size_t n = t->n;
	int r = hunt_list(&h, t, NULL);
	r = r < 0 ? r : add_unseen(t, &h, 0, h.n, t->files[index].modified, index, mono);
	t->stats.gaps += r == 0 && t->n == n;
	trim(t);
	return r;
}

int tail_replaced(struct tail *t, size_t index, int64_t mono, bool hole)
{
	_cleanup_(hunt_done) struct hunt h = {.n = 0};
	struct tail_file *f = &t->files[index];
	if (f->head_n == 0)
		return emptied_unread(t, index, mono);
	bool lost = !hole && f->size > f->offset && !f->skipping;
	struct tail_found now;
	int r = tail_found_stat(f->fd, &now);
	if (r < 0)
		return r;
	struct tail_file fresh = hole ? *f : tail_file_new(&now, mono);
	f = tail_insert(t, index + 1, &fresh);
	if (!f)
		return -ENOMEM;
	t->files[index].fd = -1; /* from here on it stands for the bytes that were read */
	t->stats.rotations += !hole;
	r = hunt_list(&h, t, &now);
	r = r < 0 ? r : hunt_match(&h, t, index, mono);
	if (r == 0 && h.place < h.n)
		r = add_unseen(t, &h, 0, h.place, INT64_MIN, index + 1, mono);
	if (is_unfound(&t->files[index])) {
		tail_remove(t, index);
		t->stats.gaps += lost;
	}
	trim(t);
	return r;
}
