/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of vsftpd: its log file, through syslog, and PAM's.
 */
#include "sensor_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_lines(SERVICE_VSFTPD, data, size);
}
