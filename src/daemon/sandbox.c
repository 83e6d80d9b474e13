/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct identity identity_find(const char *user, unsigned offset, bool *ret_known)
{
	const struct passwd *pw = getpwnam(user);
	struct identity who = {
		.uid = pw ? pw->pw_uid : UNNAMED_UID + offset,
		.gid = pw ? pw->pw_gid : UNNAMED_UID + offset,
	};
	const struct group *gr = getgrnam("systemd-journal");
	who.journal = gr ? gr->gr_gid : (gid_t)-1;
	*ret_known = pw != NULL;
	return who;
}

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int r = none && cap_set_proc(none) == 0 ? 0 : -errno;
	if (none)
		(void)cap_free(none);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return r;
}

int sandbox_become(const struct identity *who, struct err *err)
{
	if (geteuid() == 0) {
		size_t n = who->journal == (gid_t)-1 ? 0 : 1;
		/* the bounding set first: dropping it takes a capability */
		for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
		if (setgroups(n, &who->journal) < 0 ||
			setresgid(who->gid, who->gid, who->gid) < 0 ||
			setresuid(who->uid, who->uid, who->uid) < 0)
			return err_set(
				err, -errno, "becoming uid %u: %s", who->uid, strerror(errno));
	}
	if (drop_capabilities() < 0)
		return err_set(err, -errno, "dropping capabilities: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, -errno, "no_new_privs: %s", strerror(errno));
	/* no core file, no ptrace by others of the same user: secrets are in this memory */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

#define READ_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILES                                                                                \
	(READ_FILES | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                \
		LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define ALL_FILES                                                                                  \
	(WRITE_FILES | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                \
		LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                       \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                      \
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int allow_below(int ruleset, const char *path, uint64_t access)
{
	_cleanup_(closep) int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return 0; /* what is not there cannot be read */
	struct stat st;
	struct landlock_path_beneath_attr beneath = {.parent_fd = fd, .allowed_access = access};
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		beneath.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0
		       ? -errno
		       : 0;
}

int sandbox_files(const char *journal_dir)
{
	/* users and groups, resolvers, zones, log-ins, addresses of this machine, entropy */
	static const char *const readable[] = {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
		"/etc/resolv.conf", "/run/systemd/resolve", "/run/resolvconf", "/etc/localtime",
		"/etc/timezone", "/usr/share/zoneinfo", "/etc/hosts", "/etc/machine-id",
		"/etc/ld.so.cache", "/usr/lib", "/lib", "/lib64", "/run/utmp", "/var/run/utmp",
		"/proc", "/sys/devices/system/cpu", "/dev/urandom", "/dev/null", "/var/log/journal",
		"/run/log/journal", "/run/systemd/journal"};
	struct landlock_ruleset_attr attr = {.handled_access_fs = ALL_FILES};
	_cleanup_(closep) int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	int r = allow_below(ruleset, ".", WRITE_FILES);
	for (size_t i = 0; i < countof(readable) && r == 0; i++)
		r = allow_below(ruleset, readable[i], READ_FILES);
	if (r == 0 && journal_dir && journal_dir[0])
		r = allow_below(ruleset, journal_dir, READ_FILES);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

static const int forbidden_calls[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsmount),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(bpf),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(personality),
	SCMP_SYS(quotactl),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(vhangup),
	SCMP_SYS(syslog),
	SCMP_SYS(lookup_dcookie),
};

int sandbox_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; i < countof(forbidden_calls) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden_calls[i], 0);
	/* a filter cannot see clone3's flags: glibc falls back to clone */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	static const uint64_t bits[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
		CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
	for (size_t i = 0; i < countof(bits) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, bits[i], bits[i]));
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
