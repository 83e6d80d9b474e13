/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

struct call;

/* Hands the call to the dialect its path belongs to. */
void router_handle(struct call *c);
