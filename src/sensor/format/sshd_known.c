/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sensor/format/sshd_known.h"

#include "sensor/format/text.h"

/*
 * How they begin, by their first letter (see starts_like_any()): those of OpenSSH 7 to 10 from
 * INFO on, and what goes with "debugN: ". A beginning that no message about a login has is as
 * short as it can be, as their wording changes.
 */
static const char *const known[128] = {
	['('] = "(pam_unix) \0",
	['/'] = "/\0",
	['A'] = "Accepted certificate ID \0"
		"Accepted key \0"
		"Address \0"
		"Allocating pty\0"
		"Attempt to write login records \0"
		"Authentication key \0"
		"Authentication refused for \0"
		"Authentication tried for \0"
		"Authorized to \0"
		"AuthorizedKeysCommand \0"
		"AuthorizedPrincipalsCommand \0",
	['B'] = "Bad packet length \0"
		"Bad protocol version identification \0"
		"Bad remote protocol version identification: \0"
		"Bind to port \0"
		"Bytes per second: \0",
	['C'] = "Cannot \0"
		"Certificate \0"
		"Changed root directory to \0"
		"Client \0"
		"Close session: \0"
		"Closing connection to \0"
		"Connection refused by tcp wrapper\0"
		"Corrupted \0"
		"Could not \0"
		"Couldn't \0",
	['D'] = "Deprecated option \0"
		"Did not receive identification string from \0"
		"Disabling \0",
	['E'] = "Entering interactive session\0"
		"Error \0"
		"Exiting on signal \0",
	['F'] = "Failed to \0"
		"Forced command \0"
		"Found matching \0",
	['G'] = "GSSAPI \0"
		"Got \0",
	['H'] = "Host key \0"
		"Hostbased \0",
	['I'] = "INTERNAL ERROR: \0"
		"Ignored \0"
		"Ignoring \0"
		"Inconsistent authentication options: \0"
		"Invalid AllowUsers pattern \0"
		"Invalid DenyUsers pattern \0",
	['K'] = "Kerberos \0"
		"Killing privsep child \0",
	['L'] = "Last login: \0"
		"Local disconnected: \0",
	['M'] = "Missing privilege separation directory: \0",
	['N'] = "Nasty PTR record \0"
		"No matching private key for certificate: \0"
		"No supported \0",
	['P'] = "PAM adding \0"
		"PAM service(\0"
		"PAM unable to \0"
		"PAM: User account has expired\0"
		"PAM: pam_\0"
		"PTY allocation request failed\0"
		"Partial \0"
		"Permission denied \0"
		"Possible attack: \0"
		"Postponed \0"
		"Privilege separation user \0"
		"Protocol major versions differ\0"
		"Public key \0",
	['R'] = "RESTART FAILED\0"
		"Read error from remote host \0"
		"Received SIGHUP\0"
		"Received signal \0"
		"Refusing \0"
		"Remote: \0"
		"Rhosts authentication refused \0"
		"Root login accepted for forced command\0"
		"Running \0",
	['S'] = "SELinux \0"
		"SSH: Server;\0"
		"Server has \0"
		"Server listening on \0"
		"Set /proc/self/\0"
		"Setting \0"
		"Starting session: \0",
	['T'] = "Timeout, client not responding\0"
		"Too many \0"
		"Transferred: \0"
		"Tunnel \0",
	['U'] = "Unable to \0"
		"Unknown \0"
		"Unsupported \0"
		"User child is on pid \0",
	['W'] = "WARNING: \0"
		"Write error \0"
		"Write failed: \0",
	['a'] = "accept: \0"
		"audit \0"
		"auth_\0"
		"authentication methods \0",
	['b'] = "bad \0"
		"banner exchange: \0"
		"beginning MaxStartups throttling\0"
		"buffer_\0",
	['c'] = "cannot \0"
		"channel \0"
		"channel_\0"
		"chown(\0"
		"chroot(\0"
		"connect_to \0"
		"cryptographic \0",
	['d'] = "debug1: \0"
		"debug2: \0"
		"debug3: \0"
		"dispatch_\0"
		"do_\0"
		"drop connection \0",
	['e'] = "exited MaxStartups throttling\0",
	['f'] = "forced-command \0"
		"fork\0",
	['g'] = "get_\0"
		"getnameinfo\0"
		"getpeername\0",
	['h'] = "hash mismatch\0",
	['i'] = "in MaxStartups throttling\0"
		"input_userauth_\0"
		"internal error: \0"
		"ioctl(\0",
	['k'] = "kex protocol error\0"
		"kex: \0"
		"kex_\0"
		"key_\0",
	['l'] = "lastlog_\0"
		"linux_audit_\0"
		"listen\0"
		"login_\0"
		"logout\0",
	['m'] = "message authentication code \0"
		"mm_\0"
		"monitor_\0",
	['n'] = "no hostkey alg\0"
		"no matching \0"
		"no such \0"
		"nss_\0",
	['o'] = "openpty\0",
	['p'] = "packet_\0"
		"parse_\0"
		"penalty\0"
		"ppoll: \0"
		"preauth child \0"
		"privsep_\0"
		"process_\0",
	['r'] = "read_\0"
		"recv_\0"
		"refused local port forward\0"
		"refused streamlocal port forward\0"
		"rekey\0"
		"reverse mapping checking getaddrinfo for \0"
		"rexec \0",
	['s'] = "safely_\0"
		"server_\0"
		"session \0"
		"session_\0"
		"setsockopt \0"
		"sign_\0"
		"srclimit_\0"
		"ssh_\0"
		"sshd version \0"
		"sshkey_\0"
		"sshpkt_\0"
		"subsystem\0"
		"syslogin_\0",
	['t'] = "temporarily_use_uid: \0"
		"terminating \0"
		"too many \0",
	['u'] = "unexpected \0"
		"user \0"
		"userauth-request \0"
		"userauth_\0",
	['w'] = "wait\0",
	['x'] = "x11_\0",
};

bool sshd_says(struct slice message)
{
	/* the latter by the process of one who is logged in */
	return starts_like_any(message, known) || slice_ends(message, SLICE(" [postauth]"));
}
