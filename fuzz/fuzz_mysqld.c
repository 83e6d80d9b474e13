/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of MySQL and MariaDB: error logs of all versions, and through syslog.
 */
#include "sensor_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_lines(SERVICE_MYSQL, data, size);
}
