/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet/libcurl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define FUNCTION(member)                                                                           \
	{                                                                                          \
		"curl_" #member, offsetof(struct libcurl, member)                                  \
	}
	FUNCTION(global_init),
	FUNCTION(easy_cleanup),
	FUNCTION(easy_getinfo),
	FUNCTION(easy_init),
	FUNCTION(easy_perform),
	FUNCTION(easy_setopt),
	FUNCTION(easy_strerror),
	FUNCTION(multi_add_handle),
	FUNCTION(multi_cleanup),
	FUNCTION(multi_info_read),
	FUNCTION(multi_init),
	FUNCTION(multi_perform),
	FUNCTION(multi_poll),
	FUNCTION(multi_remove_handle),
	FUNCTION(multi_setopt),
	FUNCTION(multi_wakeup),
	FUNCTION(slist_append),
	FUNCTION(slist_free_all),
#undef FUNCTION
};

_Static_assert(sizeof(struct libcurl) == countof(functions) * sizeof(void *), "one is missing");

/* Debian's GnuTLS flavour, as GnuTLS is here anyway; else whatever there is. */
static const char *const names[] = {"libcurl-gnutls.so.4", "libcurl.so.4"};

static struct libcurl loaded;

static int find_functions(void *library, struct err *err)
{
	struct libcurl found;
	for (size_t i = 0; i < countof(functions); i++) {
		void *symbol = dlsym(library, functions[i].name);
		if (!symbol)
			return err_set(err, -ENOENT, "libcurl is too old: it has no %s",
				functions[i].name);
		memcpy((char *)&found + functions[i].offset, &symbol, sizeof(symbol));
	}
	if (found.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, -ENOTSUP, "libcurl does not start");
	loaded = found;
	return 0;
}

int libcurl_load(struct err *err)
{
	void *library = NULL;
	if (loaded.easy_init)
		return 0;
	for (size_t i = 0; i < countof(names) && !library; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return err_set(err, -ENOENT,
			"libcurl is not on this machine (on Debian: apt install libcurl3-gnutls)");
	return find_functions(library, err);
}

const struct libcurl *libcurl(void)
{
	return &loaded;
}
