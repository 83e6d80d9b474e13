/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of xrdp: its log file and through syslog.
 */
#include "sensor_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_lines(SERVICE_RDP, data, size);
}
