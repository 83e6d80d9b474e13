/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of Dropbear: through syslog and as it writes itself.
 */
#include "sensor_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_lines(SERVICE_SSH, data, size);
}
