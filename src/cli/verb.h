/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs of `cordon`. argv[0] is the verb's name; the result is the exit code.
 */
#pragma once

int verb_accounts(int argc, char **argv);
int verb_allow(int argc, char **argv);
int verb_audit(int argc, char **argv);
int verb_block(int argc, char **argv);
int verb_blocks(int argc, char **argv);
int verb_config(int argc, char **argv);
int verb_db(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_flush(int argc, char **argv);
int verb_hosts(int argc, char **argv);
int verb_keys(int argc, char **argv);
int verb_rules(int argc, char **argv);
int verb_scan(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_unblock(int argc, char **argv);
int verb_verify(int argc, char **argv);
