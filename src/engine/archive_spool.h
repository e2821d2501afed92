/*
 * archive_spool.h - records, added in any order, come out sorted by path.
 *
 * Archives name things in the order of their making, manifests in path order. A spool holds as
 * many records as fit into its memory; beyond that sorted runs of them go to a file without a name
 * and are merged as they are read. Records of one path come out in the order of their adding.
 *
 * Add all, then rewind, then read from there to the end; rewinding and reading may be repeated.
 */
#ifndef HF_ENGINE_ARCHIVE_SPOOL_H
#define HF_ENGINE_ARCHIVE_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct archive_spool;

struct archive_spool_record { /* borrowed until the next one is read */
    const char *path;
    size_t path_len;
    const void *data;
    size_t len;
    uint64_t number; /* which one it was, counted from 0 in the order of adding */
};

/* folder: where the file goes, once there is one. memory: bytes of records that are held. */
int archive_spool_new(const char *folder, size_t memory, struct archive_spool **out_spool);
void archive_spool_free(struct archive_spool *s); /* accepts NULL */

int archive_spool_add(struct archive_spool *s, const char *path, size_t path_len, const void *data,
                      size_t len);
int archive_spool_rewind(struct archive_spool *s);
/* 1: the next record; 0: the end; negative: an error. */
int archive_spool_next(struct archive_spool *s, struct archive_spool_record *out);

/* A file without a name, in that folder. */
int archive_spool_file(const char *folder, int *out_fd);
/* All of len at an offset; reading less than that is an error. */
int archive_spool_write(int fd, const void *data, size_t len, uint64_t offset);
int archive_spool_read(int fd, void *out, size_t len, uint64_t offset);

#endif
