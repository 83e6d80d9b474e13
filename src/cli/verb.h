/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs of `cordon`. argv[0] is the verb's name; the result is the exit code.
 */
#pragma once

int verb_explain(int argc, char **argv);
int verb_scan(int argc, char **argv);
