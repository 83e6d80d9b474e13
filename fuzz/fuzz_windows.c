/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events of Windows: JSON and text.
 */
#include "sensor_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_lines(SERVICE_RDP, data, size);
}
