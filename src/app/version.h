/*
 * version.h - which holdfast this is, and which formats of a repository it knows.
 */
#ifndef HF_APP_VERSION_H
#define HF_APP_VERSION_H

#define VERSION_TEXT "0.1.0"
#define VERSION_TOOL "holdfast " VERSION_TEXT
#define VERSION_FORMAT 0u /* of repositories made and read */

#endif
