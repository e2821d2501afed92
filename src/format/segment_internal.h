/*
 * segment_internal.h - the tables of a segment's fixed structures, for segment.c and
 * segment_describe.c.
 */
#ifndef HF_FORMAT_SEGMENT_INTERNAL_H
#define HF_FORMAT_SEGMENT_INTERNAL_H

#include "format/layout.h"

extern const struct layout segment_header_layout;
extern const struct layout segment_record_layout;
extern const struct layout segment_trailer_layout;

/* The footer: its own header, then a row for each block, then a row for each chunk. */
#define SEGMENT_FOOTER_HEAD_BYTES 12u
#define SEGMENT_FOOTER_BLOCK_BYTES 20u
#define SEGMENT_FOOTER_CHUNK_BYTES 36u

#endif
