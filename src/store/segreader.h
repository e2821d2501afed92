/*
 * segreader.h - reading one segment: its frame against what the journal adopted, its footer, its
 * blocks.
 *
 * Every byte is checked before it is believed: the trailer against the hash in the ADOPT, header,
 * footer and sums against the trailer, records by their AEAD tag. Absence and any difference are
 * HF_EDAMAGE (absence is HF_EABSENT: the caller knows whether a CONDEMN explains it). A segreader
 * may be used by several threads at once, each with its own cipher.
 */
#ifndef HF_STORE_SEGREADER_H
#define HF_STORE_SEGREADER_H

#include <stdint.h>

#include "format/keyring.h"
#include "format/segment.h"
#include "io/fs.h"
#include "store/catalog.h"

struct segreader;

/* Opens and checks length and header. */
int segreader_open(struct fs *fs, const struct keyring *keys, const uint8_t repo_id[16],
                   const struct catalog_segment *segment, struct segreader **out_reader);
void segreader_close(struct segreader *r);

/* Checks the trailer against the ADOPT and the frame against the trailer; reads the footer. */
int segreader_footer(struct segreader *r, struct segment_footer *out_footer);
/* Reads the whole file and compares its sums, without keys: HF_EDAMAGE names the first bad MiB. */
int segreader_scrub(struct segreader *r, uint64_t *out_bytes);
/*
 * Reads one record and decrypts it: its plaintext (format/block.h) replaces what `out` held. type
 * 0: data or pages, whichever it says it is.
 */
int segreader_block(struct segreader *r, struct cipher *cipher, enum segment_record type,
                    uint64_t position, struct buf *out);
/* Whether what fills up the record at this position is zeros: HF_EDAMAGE. */
int segreader_padding(struct segreader *r, uint64_t position);
enum cipher_kind segreader_cipher(const struct segreader *r);
uint64_t segreader_bytes_read(const struct segreader *r);

#endif
