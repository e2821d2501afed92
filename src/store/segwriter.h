/*
 * segwriter.h - writing one segment, from its creation in tmp/ to its name in segments/.
 *
 * Blocks are placed in order by one thread (segwriter_place), written at their place by any
 * (segwriter_write), and summed in order by the first (segwriter_sum). segwriter_finish writes the
 * frame, syncs and names the file; it is durable once segments/ has been synced, and acknowledged
 * by the entry that adopts it. Any failed write or sync poisons the writer: the segment is given
 * up, never retried. A segment that has got its name is never unlinked by its author.
 */
#ifndef HF_STORE_SEGWRITER_H
#define HF_STORE_SEGWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rnd.h"
#include "format/entry.h"
#include "format/keyring.h"
#include "format/segment.h"
#include "io/fs.h"

struct segwriter;

struct segwriter_options {
    struct fs *fs;
    struct rnd *rnd;
    const struct keyring *keys;
    const uint8_t *repo_id;
    enum cipher_kind cipher;
};

struct segwriter_place {
    uint64_t position;
    enum segment_record type;
    uint8_t nonce[CIPHER_NONCE_BYTES];
    size_t record_bytes; /* what segment_record_seal will make */
};

int segwriter_open(const struct segwriter_options *options, struct segwriter **out_writer);
/* Gives the segment up unless it was finished. Accepts NULL. */
void segwriter_free(struct segwriter *w);

/* The next place, for a block whose plaintext has plain_len bytes and these chunks. */
int segwriter_place(struct segwriter *w, enum segment_record type, size_t plain_len,
                    const struct segment_chunk *chunks, size_t count,
                    struct segwriter_place *out_place);
/*
 * Encrypts in place and writes the record. `record` has place->record_bytes bytes: room for the
 * header, the plaintext, room again; afterwards the record as it stands in the file. Any thread.
 */
int segwriter_write(struct segwriter *w, struct cipher *cipher, const struct segwriter_place *place,
                    uint8_t *record, size_t plain_len);
/* Takes the bytes of the next record, in the order of their places, into the sums. */
int segwriter_sum(struct segwriter *w, const void *record, size_t len);

int segwriter_finish(struct segwriter *w, struct entry_adopt *out_adopt);

const uint8_t *segwriter_uuid(const struct segwriter *w);
uint64_t segwriter_bytes(const struct segwriter *w); /* placed so far */
const struct segment_footer *segwriter_contents(const struct segwriter *w);

#endif
