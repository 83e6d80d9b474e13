/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sshd's lines: tests/cases/sshd/lines.txt, one line one meaning;
 * tests/cases/sshd/sessions.log, whole connections and how many logins failed in
 * them. What an attacker may put into them: test_injection.c.
 */
#include "case_files.h"
#include "cases.h"

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed = case_files_lines("tests/cases/sshd/lines.txt", 90);
	return failed + case_files_sessions("tests/cases/sshd/sessions.log", 25) != 0;
}
