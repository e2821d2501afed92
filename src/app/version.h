/*
 * version.h - which holdfast this is, and which formats of a repository it knows.
 *
 * The version stands in include/holdfast.h alone: program, library, packages take it from there.
 */
#ifndef HF_APP_VERSION_H
#define HF_APP_VERSION_H

#include "holdfast.h"

#define VERSION_TEXT HOLDFAST_VERSION
#define VERSION_DATE "November 21, 2026" /* of the man pages */
#define VERSION_TOOL "holdfast " VERSION_TEXT
#define VERSION_FORMAT 0u /* of repositories made and read */

#endif
