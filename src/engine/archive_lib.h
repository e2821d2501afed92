/*
 * archive_lib.h - libarchive, as far as holdfast uses it: archives entry by entry, both ways.
 *
 * The only file that knows libarchive is archive_lib.c. An entry is a node whose path is as it
 * stands in the archive, without any content of its own; its content is read or written in
 * pieces. ACLs are among the node's xattrs, in the form that file systems have them.
 *
 * Names are bytes. libarchive takes them for text of the locale, so its calls are made as if the
 * locale were C.UTF-8, whatever the program runs in: names that are UTF-8 are told so in archives,
 * all others pass as they are.
 *
 * One thread at a time uses a reader or a writer.
 */
#ifndef HF_ENGINE_ARCHIVE_LIB_H
#define HF_ENGINE_ARCHIVE_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/node.h"

/* ---- formats ---- */

enum archive_lib_holds {
    ARCHIVE_LIB_HOLDS_XATTRS = 1,
    ARCHIVE_LIB_HOLDS_ACLS = 2,
    ARCHIVE_LIB_HOLDS_FLAGS = 4,
    ARCHIVE_LIB_HOLDS_LINKS = 8,    /* several names of one file */
    ARCHIVE_LIB_HOLDS_SPECIAL = 16, /* devices and FIFOs */
    ARCHIVE_LIB_HOLDS_IDS = 32,     /* owner and group as numbers */
    ARCHIVE_LIB_HOLDS_NAMES = 64,   /* ... and as names */
    ARCHIVE_LIB_HOLDS_HOLES = 128,
    ARCHIVE_LIB_HOLDS_TOP = 256,        /* the root folder itself */
    ARCHIVE_LIB_HOLDS_CONTENT = 512,    /* not so a list */
    ARCHIVE_LIB_HOLDS_BYTES = 1024,     /* names that are not UTF-8 */
    ARCHIVE_LIB_HOLDS_ALL_LINKS = 2048, /* several names of a symbolic link, a device, ... */
};

struct archive_lib_format { /* that can be written */
    const char *name;
    unsigned holds;
    int64_t time_min_s, time_max_s;
    int64_t time_unit_ns;
    uint64_t size_max;
    uint32_t id_max;
};

/* NULL-terminated, for a command line's table; the first one is the default. */
extern const char *const archive_lib_formats[];
/* NULL if it is not known. */
const struct archive_lib_format *archive_lib_format(const char *name);

/* ---- writing ---- */

struct archive_lib_extent {
    uint64_t offset, len;
};

struct archive_lib_out { /* all borrowed */
    const struct node *node;
    const char *link; /* another name of this earlier entry; NULL: none */
    uint64_t serial;  /* tells things apart, but for several names of one: their inode */
    /* The stretches of a file that hold data, in order, if it has holes. */
    const struct archive_lib_extent *data;
    size_t data_count;
    bool sparse;
};

/* Takes what was written; 0, or an error code with its trail set. */
typedef int (*archive_lib_write_fn)(void *context, const void *data, size_t len);

struct archive_lib_writer;

int archive_lib_writer_new(const struct archive_lib_format *format, archive_lib_write_fn write,
                           void *context, struct archive_lib_writer **out_writer);
/*
 * Without archive_lib_writer_finish the archive has no end mark, and nothing more is written:
 * whoever reads it sees that it was cut. Accepts NULL.
 */
void archive_lib_writer_free(struct archive_lib_writer *w);

/*
 * Begins an entry. HF_EUNSUPPORTED: the format can't hold it, the trail says why, and the next one
 * may be tried. *out_why is NULL, or says what of it is not as it should be.
 */
int archive_lib_writer_begin(struct archive_lib_writer *w, const struct archive_lib_out *o,
                             const char **out_why);
/* Content of the entry, in order and without gaps: what lies in holes has to be given as zeros. */
int archive_lib_writer_data(struct archive_lib_writer *w, const void *data, size_t len);
/* The end of the archive. */
int archive_lib_writer_finish(struct archive_lib_writer *w);

/* ---- reading ---- */

struct archive_lib_source {
    /*
     * Yields the next bytes, borrowed until the next call; *out_len 0 at the end. A negative code
     * ends it all.
     */
    int (*read)(void *context, const void **out_data, size_t *out_len);
    /* Sets the position: from the start (whence 0) or the end (2). NULL: only forwards. */
    int (*seek)(void *context, int64_t offset, int whence, int64_t *out_position);
    void *context;
    bool contents_from_disk; /* of what an mtree list names */
};

struct archive_lib_in { /* valid until the next one is asked for */
    struct node node;   /* path as it stands there, "" if there is none; size 0 if unknown */
    const char *link;   /* another name of this earlier entry; NULL: none */
    bool known_type, has_size, has_owner, has_time, has_ctime;
    bool encrypted;
    bool sparse;      /* what no data comes for is a hole */
    const char *note; /* what of it could not be understood; NULL: nothing */
};

struct archive_lib_reader;

/* The source is copied. Errors that name the archive's fault are HF_EFAIL or HF_EUNSUPPORTED. */
int archive_lib_reader_new(const struct archive_lib_source *source,
                           struct archive_lib_reader **out_reader);
void archive_lib_reader_free(struct archive_lib_reader *r); /* accepts NULL */
/* 1: *out is the next entry; 0: the end, which is well marked; negative: an error. */
int archive_lib_reader_next(struct archive_lib_reader *r, struct archive_lib_in *out);
/* 1: the next piece of its content, which may begin behind a hole; 0: the end. */
int archive_lib_reader_data(struct archive_lib_reader *r, const void **out_data, size_t *out_len,
                            uint64_t *out_offset);
/* "GNU tar format"; known from the first entry on. And the compression, "gzip"; "none". */
const char *archive_lib_reader_format(struct archive_lib_reader *r);
const char *archive_lib_reader_filter(struct archive_lib_reader *r);
/* Whether it is a list of things that are elsewhere. */
bool archive_lib_reader_is_list(struct archive_lib_reader *r);

#endif
