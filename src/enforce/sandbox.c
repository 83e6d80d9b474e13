/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/sandbox.h"

#include "base/util.h"

#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

static int become(uid_t uid, gid_t gid)
{
	if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) < 0 || setgroups(1, &gid) < 0 ||
		setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static int keep_net_admin(void)
{
	static const cap_value_t kept[] = {CAP_NET_ADMIN};
	cap_t caps = cap_init(); /* all clear */
	if (!caps)
		return -errno;
	int r = 0;
	if (cap_set_flag(caps, CAP_PERMITTED, countof(kept), kept, CAP_SET) < 0 ||
		cap_set_flag(caps, CAP_EFFECTIVE, countof(kept), kept, CAP_SET) < 0 ||
		cap_set_proc(caps) < 0)
		r = -errno;
	(void)cap_free(caps);
	return r;
}

int sandbox_drop(uid_t uid, gid_t gid)
{
	/* no program may be started with more, should the filter below ever fail */
	for (cap_value_t cap = 0; CAP_IS_SUPPORTED(cap); cap++)
		if (cap != CAP_NET_ADMIN)
			(void)cap_drop_bound(cap);
	int r = uid ? become(uid, gid) : 0;
	if (r == 0)
		r = keep_net_admin();
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
		r = -errno;
	return r;
}

#ifdef CORDON_SANITIZED

/* A sanitizer's runtime needs what no list of ours has. */
int sandbox_filter(void)
{
	return 0;
}

#else

/* glibc's and libmnl's, seen with strace(1), and what each is for. */
static const int allowed[] = {
	SCMP_SYS(ppoll),           /* the loop */
	SCMP_SYS(recvmsg),         /* both sockets' */
	SCMP_SYS(recvfrom),        /* answers of a transaction */
	SCMP_SYS(sendmsg),         /* to the engine */
	SCMP_SYS(sendto),          /* to the kernel */
	SCMP_SYS(write),           /* the log */
	SCMP_SYS(close),           /* a descriptor the engine passed */
	SCMP_SYS(clock_gettime),   /* where the vDSO has none */
	SCMP_SYS(brk),             /* malloc */
	SCMP_SYS(munmap),          /* free */
	SCMP_SYS(mremap),          /* realloc */
	SCMP_SYS(getrandom),       /* malloc's first use of its cache */
	SCMP_SYS(sysinfo),         /* qsort asks how much memory there is */
	SCMP_SYS(futex),           /* the log's lock */
	SCMP_SYS(rt_sigreturn),    /* SIGTERM */
	SCMP_SYS(restart_syscall), /* after a stop */
	SCMP_SYS(exit_group),
};

int sandbox_filter(void)
{
	tzset(); /* the log's first stamp would open the zone's file */
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; i < countof(allowed) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* joining and leaving a multicast group */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1,
			SCMP_A1(SCMP_CMP_EQ, SOL_NETLINK));
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}

#endif
