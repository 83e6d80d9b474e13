/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What PAM's modules say of a failed login, in the name of the daemon that asked.
 */
#pragma once

#include "sensor/format/source.h"

/*
 * "pam_unix(SERVICE:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=bob
 *  rhost=ADDR  user=bob", also "(pam_unix) authentication failure; …" and without anything in
 * front. ret_user: p NULL when it names none.
 */
bool pam_read(struct slice text, struct slice service, struct source *ret, struct slice *ret_user);
