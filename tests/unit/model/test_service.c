/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that are stored, printed and read back: services and block states.
 */
#include "model/block.h"
#include "model/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void service_names_round_trip(void **state)
{
	(void)state;
	uint32_t all = 0;
	for (enum service s = SERVICE_SSH; s < SERVICE_COUNT; s++) {
		assert_int_equal(service_parse(slice_of(service_name(s))), s);
		assert_int_not_equal(service_default_port(s), 0);
		all |= SERVICE_BIT(s);
	}
	assert_int_equal(all, SERVICE_ALL);
}

static void unknown_services_are_none(void **state)
{
	(void)state;
	assert_int_equal(service_parse(SLICE("none")), SERVICE_NONE);
	assert_int_equal(service_parse(SLICE("SSH")), SERVICE_NONE);
	assert_int_equal(service_parse(SLICE("sshd")), SERVICE_NONE);
	assert_int_equal(service_parse(SLICE_NULL), SERVICE_NONE);
	assert_string_equal(service_name((enum service)99), "none");
	assert_int_equal(service_default_port((enum service)99), 0);
	assert_int_equal(service_default_port(SERVICE_RDP), 3389);
}

static void block_states_have_names(void **state)
{
	(void)state;
	assert_string_equal(block_state_name(BLOCK_WANTED), "wanted");
	assert_string_equal(block_state_name(BLOCK_APPLIED), "applied");
	assert_string_equal(block_state_name(BLOCK_FAILED), "failed");
	assert_string_equal(block_state_name(BLOCK_EXPIRED), "expired");
	assert_string_equal(block_state_name(BLOCK_CANCELLING), "cancelling");
	assert_string_equal(block_state_name(BLOCK_CANCELED), "canceled");
	assert_string_equal(block_state_name(BLOCK_STATES), "unknown");
	assert_true(block_is_active(BLOCK_WANTED) && block_is_active(BLOCK_APPLIED));
	assert_false(block_is_active(BLOCK_CANCELLING));
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_names_round_trip),
		cmocka_unit_test(unknown_services_are_none),
		cmocka_unit_test(block_states_have_names),
	};
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
