/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcurl, loaded by the one process that speaks to a server. Linked, it would bring thirty
 * libraries (LDAP, Kerberos, SSH and with it OpenSSL), 3 MiB, into every process of a
 * machine that has no server, the one that writes the firewall among them.
 */
#pragma once

#include "base/err.h"

#include <curl/curl.h>

/* What is used of it. Numbers handed to setopt functions have to be long. */
struct libcurl {
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_getinfo) *easy_getinfo;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_perform) *easy_perform;
	__typeof__(curl_easy_setopt) *easy_setopt;
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_multi_add_handle) *multi_add_handle;
	__typeof__(curl_multi_cleanup) *multi_cleanup;
	__typeof__(curl_multi_info_read) *multi_info_read;
	__typeof__(curl_multi_init) *multi_init;
	__typeof__(curl_multi_perform) *multi_perform;
	__typeof__(curl_multi_poll) *multi_poll;
	__typeof__(curl_multi_remove_handle) *multi_remove_handle;
	__typeof__(curl_multi_setopt) *multi_setopt;
	__typeof__(curl_multi_wakeup) *multi_wakeup;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
};

/*
 * Loads it once, for as long as the process lives; before a sandbox closes the door to what it
 * reads while it starts, and before there are threads. -ENOENT: it is not on this machine.
 */
int libcurl_load(struct err *err);
/* After libcurl_load(). */
const struct libcurl *libcurl(void);
