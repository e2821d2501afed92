/*
 * reportkit.h - a report that has all that a report can have, and what is hard to show: long paths,
 * markup, control characters, bad UTF-8, every state, plots of every unit.
 */
#ifndef HF_TESTS_REPORTKIT_H
#define HF_TESTS_REPORTKIT_H

#include "app/report.h"

#define REPORTKIT_AT 1795262400000000000LL /* 2026-11-21 12:00 UTC */

/* The caller frees it. NULL: out of memory. */
struct report *reportkit_new(void);

#endif
