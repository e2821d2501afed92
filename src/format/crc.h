/*
 * crc.h - CRC-32C (Castagnoli), for headers: is this what was written, or not?
 *
 * Uses the processor's instruction where it has one (asked at run time), else a table.
 */
#ifndef HF_FORMAT_CRC_H
#define HF_FORMAT_CRC_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc_32c(const void *data, size_t len);

#endif
