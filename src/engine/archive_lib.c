/*
 * archive_lib.c - see archive_lib.h: the only file that includes libarchive.
 */
#include "engine/archive_lib.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/archive_posix_acl.h"
#include "engine/attrs.h"
#include "engine/names.h"

#define NS 1000000000LL
#define TAR_BLOCK 512

/* ---- the locale ---- */

/* NULL where the system lacks it: names that are not ASCII then pass as bytes, unnamed. */
static locale_t utf8_locale(void)
{
    return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* In it names from tars, which libarchive would normalize, can't be converted, and stay bytes. */
static locale_t bytes_locale(void)
{
    return newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
}

static locale_t enter(locale_t ours)
{
    return ours != (locale_t)0 ? uselocale(ours) : (locale_t)0;
}

static void leave(locale_t before)
{
    if (before != (locale_t)0) {
        uselocale(before);
    }
}

static void drop_locale(locale_t ours)
{
    if (ours != (locale_t)0) {
        freelocale(ours);
    }
}

static const char *why_of(struct archive *a)
{
    const char *text = archive_error_string(a);
    return text != NULL ? text : "for no reason that it would tell; it may be out of memory";
}

static int code_of(struct archive *a)
{
    return archive_errno(a) == ENOMEM ? HF_ENOMEM : HF_EFAIL;
}

/* ---- formats ---- */

#define OWNERS (ARCHIVE_LIB_HOLDS_IDS | ARCHIVE_LIB_HOLDS_NAMES)
#define LINKS (ARCHIVE_LIB_HOLDS_LINKS | ARCHIVE_LIB_HOLDS_ALL_LINKS)
#define TAR                                                                                        \
    (OWNERS | LINKS | ARCHIVE_LIB_HOLDS_SPECIAL | ARCHIVE_LIB_HOLDS_TOP |                          \
     ARCHIVE_LIB_HOLDS_CONTENT | ARCHIVE_LIB_HOLDS_BYTES)

static const struct archive_lib_format formats[] = {
    { "pax",
      TAR | ARCHIVE_LIB_HOLDS_XATTRS | ARCHIVE_LIB_HOLDS_ACLS | ARCHIVE_LIB_HOLDS_FLAGS |
          ARCHIVE_LIB_HOLDS_HOLES,
      INT64_MIN, INT64_MAX, 1, INT64_MAX, UINT32_MAX },
    { "gnutar", TAR, 0, 077777777777, NS, INT64_MAX, UINT32_MAX },
    { "ustar", TAR, 0, 077777777777, NS, 077777777777, 07777777 },
    { "cpio", TAR & ~(unsigned)(ARCHIVE_LIB_HOLDS_NAMES | ARCHIVE_LIB_HOLDS_ALL_LINKS), 0,
      UINT32_MAX, NS, UINT32_MAX, UINT32_MAX },
    { "zip", ARCHIVE_LIB_HOLDS_IDS | ARCHIVE_LIB_HOLDS_CONTENT, 0, INT32_MAX, NS, INT64_MAX,
      UINT32_MAX },
    { "7zip", ARCHIVE_LIB_HOLDS_CONTENT, 0, INT32_MAX, 100, INT64_MAX, 0 },
    { "mtree", (TAR | ARCHIVE_LIB_HOLDS_FLAGS) & ~(unsigned)(ARCHIVE_LIB_HOLDS_CONTENT | LINKS), 0,
      INT64_MAX, 1, INT64_MAX, UINT32_MAX },
};

const char *const archive_lib_formats[] = { "pax", "gnutar", "ustar", "cpio",
                                            "zip", "7zip",   "mtree", NULL };

const struct archive_lib_format *archive_lib_format(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

/* ---- writing ---- */

struct archive_lib_writer {
    const struct archive_lib_format *format;
    archive_lib_write_fn write;
    void *context;
    struct archive *a;
    struct archive_entry *entry;
    locale_t locale;
    struct archive_posix_acl acl;
    int failed; /* what the receiver returned; its trail stands */
    bool given_up;
};

/*
 * libarchive is never told of a failure, nor that an archive is given up: it would not free all it
 * has. What it writes after that goes nowhere, and each call is followed by a look at w->failed.
 */
static la_ssize_t on_write(struct archive *a, void *context, const void *data, size_t len)
{
    struct archive_lib_writer *w = context;
    (void)a;
    if (w->failed == 0 && !w->given_up) {
        w->failed = w->write(w->context, data, len);
    }
    return (la_ssize_t)len;
}

/* Attributes are written as GNU tar does, and cpio as its own program does today. */
static int set_format(struct archive *a, const char *name)
{
    if (strcmp(name, "pax") == 0) {
        int rc = archive_write_set_format_pax(a);
        return rc == ARCHIVE_OK ? archive_write_set_options(a, "pax:xattrheader=SCHILY") : rc;
    }
    if (strcmp(name, "cpio") == 0) {
        return archive_write_set_format_cpio_newc(a);
    }
    if (strcmp(name, "mtree") == 0) {
        int rc = archive_write_set_format_mtree(a);
        return rc == ARCHIVE_OK ? archive_write_set_options(a, "mtree:sha256") : rc;
    }
    return archive_write_set_format_by_name(a, name);
}

static int open_writer(struct archive_lib_writer *w)
{
    bool is_tar = strstr(w->format->name, "tar") != NULL || strcmp(w->format->name, "pax") == 0;
    int rc = set_format(w->a, w->format->name);
    if (rc == ARCHIVE_OK) {
        rc = archive_write_add_filter_none(w->a);
    }
    if (rc == ARCHIVE_OK && !is_tar) {
        rc = archive_write_set_bytes_in_last_block(w->a, 1); /* no padding */
    }
    if (rc == ARCHIVE_OK) {
        rc = archive_write_open(w->a, w, NULL, on_write, NULL);
    }
    if (w->failed != 0) {
        return w->failed;
    }
    return rc == ARCHIVE_OK ? 0
                            : err_raise(code_of(w->a), "libarchive can't write %s: %s",
                                        w->format->name, why_of(w->a));
}

int archive_lib_writer_new(const struct archive_lib_format *format, archive_lib_write_fn write,
                           void *context, struct archive_lib_writer **out_writer)
{
    struct archive_lib_writer *w = mem_zalloc(sizeof(*w));
    if (w == NULL) {
        return err_nomem();
    }
    w->format = format;
    w->write = write;
    w->context = context;
    w->locale = utf8_locale();
    w->a = archive_write_new();
    w->entry = archive_entry_new();
    locale_t before = enter(w->locale);
    int rc = w->a != NULL && w->entry != NULL ? open_writer(w) : err_nomem();
    leave(before);
    if (rc != 0) {
        archive_lib_writer_free(w);
        return rc;
    }
    *out_writer = w;
    return 0;
}

void archive_lib_writer_free(struct archive_lib_writer *w)
{
    if (w == NULL) {
        return;
    }
    locale_t before = enter(w->locale);
    if (w->a != NULL) {
        w->given_up = true; /* free would end it well */
        archive_write_free(w->a);
    }
    archive_entry_free(w->entry);
    leave(before);
    archive_posix_acl_release(&w->acl);
    drop_locale(w->locale);
    mem_free(w);
}

static const struct {
    enum node_type type;
    unsigned mode;
} types[] = {
    { NODE_FILE, AE_IFREG },    { NODE_DIR, AE_IFDIR },   { NODE_SYMLINK, AE_IFLNK },
    { NODE_CHAR, AE_IFCHR },    { NODE_BLOCK, AE_IFBLK }, { NODE_FIFO, AE_IFIFO },
    { NODE_SOCKET, AE_IFSOCK },
};

static const struct {
    enum archive_posix_acl_tag tag;
    int theirs;
} tags[] = {
    { ARCHIVE_POSIX_ACL_USER_OBJ, ARCHIVE_ENTRY_ACL_USER_OBJ },
    { ARCHIVE_POSIX_ACL_USER, ARCHIVE_ENTRY_ACL_USER },
    { ARCHIVE_POSIX_ACL_GROUP_OBJ, ARCHIVE_ENTRY_ACL_GROUP_OBJ },
    { ARCHIVE_POSIX_ACL_GROUP, ARCHIVE_ENTRY_ACL_GROUP },
    { ARCHIVE_POSIX_ACL_MASK, ARCHIVE_ENTRY_ACL_MASK },
    { ARCHIVE_POSIX_ACL_OTHER, ARCHIVE_ENTRY_ACL_OTHER },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static unsigned type_mode(enum node_type type)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].type == type) {
            return types[i].mode;
        }
    }
    return AE_IFREG;
}

static bool is_acl(const struct node_xattr *x, int *out_type)
{
    if (strcmp(x->name, ARCHIVE_POSIX_ACL_ACCESS) == 0) {
        *out_type = ARCHIVE_ENTRY_ACL_TYPE_ACCESS;
        return true;
    }
    *out_type = ARCHIVE_ENTRY_ACL_TYPE_DEFAULT;
    return strcmp(x->name, ARCHIVE_POSIX_ACL_DEFAULT) == 0;
}

/* *out_done: false if these bytes are no ACL, and may as well stay an attribute. */
static int put_acl(struct archive_lib_writer *w, const struct node_xattr *x, int type,
                   bool *out_done)
{
    int rc = archive_posix_acl_decode(x->value, x->value_len, &w->acl, out_done);
    for (size_t i = 0; rc == 0 && *out_done && i < w->acl.count; i++) {
        const struct archive_posix_acl_entry *e = &w->acl.entries[i];
        bool named = e->tag == ARCHIVE_POSIX_ACL_USER || e->tag == ARCHIVE_POSIX_ACL_GROUP;
        for (size_t k = 0; k < COUNT(tags); k++) {
            if (tags[k].tag == e->tag) {
                archive_entry_acl_add_entry(w->entry, type, (int)e->perm, tags[k].theirs,
                                            named ? (int)e->id : -1, NULL);
            }
        }
    }
    return rc;
}

static int put_xattrs(struct archive_lib_writer *w, const struct node *n)
{
    for (size_t i = 0; i < n->xattr_count; i++) {
        const struct node_xattr *x = &n->xattrs[i];
        bool done = false;
        int type = 0;
        int rc = is_acl(x, &type) ? put_acl(w, x, type, &done) : 0;
        if (rc != 0) {
            return rc;
        }
        if (!done) {
            archive_entry_xattr_add_entry(w->entry, x->name, x->value, x->value_len);
        }
    }
    return 0;
}

/*
 * libarchive writes seconds, a point and nanoseconds as it is given them; so for times before 1970
 * it gets the parts of the decimal number that the standard wants, -1.25, not those of stat.
 */
static void put_time(struct archive_entry *e, int64_t ns)
{
    int64_t rest = ns % NS;
    archive_entry_set_mtime(e, ns / NS, (long)(rest < 0 ? -rest : rest));
}

static int fill_entry(struct archive_lib_writer *w, const struct archive_lib_out *o)
{
    const struct node *n = o->node;
    struct archive_entry *e = w->entry;
    archive_entry_clear(e);
    archive_entry_copy_pathname(e, n->path);
    archive_entry_set_mode(e, (mode_t)(type_mode(n->type) | (n->mode & 07777)));
    archive_entry_set_uid(e, n->uid);
    archive_entry_set_gid(e, n->gid);
    if (n->user_len > 0) {
        archive_entry_copy_uname(e, n->user);
    }
    if (n->group_len > 0) {
        archive_entry_copy_gname(e, n->group);
    }
    put_time(e, n->mtime_ns);
    archive_entry_set_nlink(e, n->links > 0 && n->links < UINT32_MAX ? (unsigned)n->links : 1);
    archive_entry_set_ino64(e, (la_int64_t)o->serial);
    archive_entry_set_size(e, n->type == NODE_FILE && o->link == NULL ? (la_int64_t)n->size : 0);
    if (o->link != NULL) {
        archive_entry_copy_hardlink(e, o->link);
        return 0;
    }
    if (n->type == NODE_SYMLINK) {
        archive_entry_copy_symlink(e, n->target);
    }
    if (n->type == NODE_CHAR || n->type == NODE_BLOCK) {
        archive_entry_set_rdev(e, (dev_t)n->rdev);
    }
    archive_entry_set_fflags(e, n->flags & attrs_flags, 0);
    for (size_t i = 0; o->sparse && i < o->data_count; i++) {
        archive_entry_sparse_add_entry(e, (la_int64_t)o->data[i].offset,
                                       (la_int64_t)o->data[i].len);
    }
    if (o->sparse && o->data_count == 0) {
        archive_entry_sparse_add_entry(e, 0, 0); /* nothing but a hole */
    }
    return put_xattrs(w, n);
}

/* Names that are no text make libarchive complain, though pax then holds them as bytes. */
static bool all_text(const struct archive_lib_out *o)
{
    const struct node *n = o->node;
    return text_is_utf8(n->path, n->path_len) && text_is_utf8(n->user, n->user_len) &&
           text_is_utf8(n->group, n->group_len) && text_is_utf8(n->target, n->target_len) &&
           (o->link == NULL || text_is_utf8(o->link, strlen(o->link)));
}

static int write_failed(struct archive_lib_writer *w, const char *what)
{
    if (w->failed != 0) {
        return w->failed;
    }
    return err_raise(code_of(w->a), "could not write %s: %s", what, why_of(w->a));
}

int archive_lib_writer_begin(struct archive_lib_writer *w, const struct archive_lib_out *o,
                             const char **out_why)
{
    *out_why = NULL;
    locale_t before = enter(w->locale);
    int rc = fill_entry(w, o);
    int theirs = rc == 0 ? archive_write_header(w->a, w->entry) : ARCHIVE_OK;
    leave(before);
    if (rc != 0) {
        return rc;
    }
    if (w->failed != 0 || theirs == ARCHIVE_FATAL ||
        (theirs != ARCHIVE_OK && code_of(w->a) == HF_ENOMEM)) {
        return write_failed(w, "an entry");
    }
    if (theirs < ARCHIVE_WARN) {
        return err_raise(HF_EUNSUPPORTED, "%s", why_of(w->a));
    }
    if (theirs == ARCHIVE_WARN && all_text(o)) {
        *out_why = why_of(w->a);
    }
    return 0;
}

int archive_lib_writer_data(struct archive_lib_writer *w, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        locale_t before = enter(w->locale);
        la_ssize_t n = archive_write_data(w->a, p, len);
        leave(before);
        if (n <= 0 || w->failed != 0) {
            return write_failed(w, "content");
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int archive_lib_writer_finish(struct archive_lib_writer *w)
{
    locale_t before = enter(w->locale);
    int theirs = archive_write_close(w->a);
    leave(before);
    return theirs == ARCHIVE_OK && w->failed == 0 ? 0 : write_failed(w, "the end of the archive");
}

/* ---- reading ---- */

struct archive_lib_reader {
    struct archive_lib_source source;
    struct archive *a;
    locale_t locale;
    struct names *names;
    struct archive_posix_acl acl;
    struct node_xattr *xattrs;
    size_t xattr_cap;
    struct buf acl_bytes[2]; /* access, default */
    struct buf decoded;      /* names of attributes */
    const void *first;       /* the first bytes, until they are asked for */
    size_t first_len;
    bool peeked, begun;
    bool ended; /* the source has no more bytes, and libarchive knows it */
    bool texts; /* names have a character set, by the format */
    int failed; /* what the source returned; its trail stands */
};

static la_ssize_t on_read(struct archive *a, void *context, const void **out_data)
{
    struct archive_lib_reader *r = context;
    size_t len = 0;
    *out_data = NULL;
    if (r->peeked) {
        r->peeked = false;
        *out_data = r->first;
        return (la_ssize_t)r->first_len;
    }
    r->failed = r->source.read(r->source.context, out_data, &len);
    if (r->failed != 0) {
        archive_set_error(a, EIO, "it could not be read");
        return ARCHIVE_FATAL;
    }
    r->ended = len == 0;
    return (la_ssize_t)len;
}

static la_int64_t on_seek(struct archive *a, void *context, la_int64_t offset, int whence)
{
    struct archive_lib_reader *r = context;
    int64_t position = 0;
    r->peeked = false;
    if (whence == SEEK_CUR) {
        return ARCHIVE_FATAL; /* it never asks for that */
    }
    r->failed = r->source.seek(r->source.context, offset, whence == SEEK_END ? 2 : 0, &position);
    if (r->failed != 0) {
        archive_set_error(a, EIO, "it could not be read");
        return ARCHIVE_FATAL;
    }
    return position;
}

/* All that libarchive reads by itself, without running other programs. */
static int (*const filters[])(struct archive *) = {
    archive_read_support_filter_bzip2, archive_read_support_filter_compress,
    archive_read_support_filter_gzip,  archive_read_support_filter_lz4,
    archive_read_support_filter_lzip,  archive_read_support_filter_lzma,
    archive_read_support_filter_rpm,   archive_read_support_filter_uu,
    archive_read_support_filter_xz,    archive_read_support_filter_zstd,
};

static int open_reader(struct archive_lib_reader *r)
{
    int rc = ARCHIVE_OK;
    for (size_t i = 0; rc >= ARCHIVE_WARN && i < COUNT(filters); i++) {
        rc = filters[i](r->a);
    }
    if (rc < ARCHIVE_WARN || archive_read_support_format_tar(r->a) != ARCHIVE_OK ||
        archive_read_support_format_cpio(r->a) != ARCHIVE_OK ||
        archive_read_support_format_7zip(r->a) != ARCHIVE_OK ||
        archive_read_support_format_mtree(r->a) != ARCHIVE_OK ||
        archive_read_support_format_zip_seekable(r->a) != ARCHIVE_OK ||
        archive_read_set_read_callback(r->a, on_read) != ARCHIVE_OK ||
        archive_read_set_callback_data(r->a, r) != ARCHIVE_OK) {
        return err_raise(code_of(r->a), "could not set up libarchive: %s", why_of(r->a));
    }
    if (r->source.seek != NULL) {
        archive_read_set_seek_callback(r->a, on_seek);
    }
    if (r->source.contents_from_disk) {
        archive_read_set_options(r->a, "mtree:checkfs");
    }
    return 0;
}

/* Only zip and 7z say in which character set names are: what they begin with tells. */
static int peek(struct archive_lib_reader *r)
{
    int rc = r->source.read(r->source.context, &r->first, &r->first_len);
    r->peeked = rc == 0;
    r->texts = rc == 0 && ((r->first_len >= 2 && memcmp(r->first, "PK", 2) == 0) ||
                           (r->first_len >= 2 && memcmp(r->first, "7z", 2) == 0));
    return rc;
}

int archive_lib_reader_new(const struct archive_lib_source *source,
                           struct archive_lib_reader **out_reader)
{
    struct archive_lib_reader *r = mem_zalloc(sizeof(*r));
    if (r == NULL) {
        return err_nomem();
    }
    r->source = *source;
    buf_init(&r->acl_bytes[0]);
    buf_init(&r->acl_bytes[1]);
    buf_init(&r->decoded);
    int rc = names_new(&r->names);
    if (rc == 0) {
        rc = peek(r);
    }
    r->locale = r->texts ? utf8_locale() : bytes_locale();
    locale_t before = enter(r->locale);
    if (rc == 0) {
        r->a = archive_read_new();
        rc = r->a != NULL ? open_reader(r) : err_nomem();
    }
    leave(before);
    if (rc != 0) {
        archive_lib_reader_free(r);
        return rc;
    }
    *out_reader = r;
    return 0;
}

void archive_lib_reader_free(struct archive_lib_reader *r)
{
    if (r == NULL) {
        return;
    }
    locale_t before = enter(r->locale);
    if (r->a != NULL) {
        archive_read_free(r->a);
    }
    leave(before);
    drop_locale(r->locale);
    names_free(r->names);
    archive_posix_acl_release(&r->acl);
    buf_release(&r->acl_bytes[0]);
    buf_release(&r->acl_bytes[1]);
    buf_release(&r->decoded);
    mem_free(r->xattrs);
    mem_free(r);
}

/* ---- what an entry says ---- */

static int add_xattr(struct archive_lib_reader *r, struct node *n, const struct node_xattr *x)
{
    if (mem_grow(&r->xattrs, &r->xattr_cap, n->xattr_count + 1, sizeof(*r->xattrs)) != 0) {
        return err_nomem();
    }
    r->xattrs[n->xattr_count++] = *x;
    return 0;
}

/* An entry of an ACL that names somebody whom this system does not know is left out. */
static int take_acl_entry(struct archive_lib_reader *r, int theirs, int perm, int id,
                          const char *name, const char **out_note)
{
    struct archive_posix_acl_entry e = { .perm = (uint32_t)perm & 7, .id = (uint32_t)id };
    for (size_t i = 0; i < COUNT(tags); i++) {
        if (tags[i].theirs == theirs) {
            e.tag = tags[i].tag;
        }
    }
    bool user = e.tag == ARCHIVE_POSIX_ACL_USER;
    if ((user || e.tag == ARCHIVE_POSIX_ACL_GROUP) && id < 0 &&
        (name == NULL ||
         !names_find(r->names, user ? NAMES_USER : NAMES_GROUP, name, strlen(name), &e.id))) {
        *out_note = "its ACL names somebody whom this system does not know";
        return 0;
    }
    return e.tag != 0 ? archive_posix_acl_add(&r->acl, &e) : 0;
}

static int take_acl(struct archive_lib_reader *r, struct archive_entry *e, int type,
                    const char *name, struct buf *bytes, struct archive_lib_in *in)
{
    int theirs = 0, perm = 0, tag = 0, id = 0;
    const char *who = NULL;
    int rc = 0;
    archive_posix_acl_clear(&r->acl);
    buf_clear(bytes);
    if (archive_entry_acl_reset(e, type) == 0) {
        return 0;
    }
    while (rc == 0 &&
           archive_entry_acl_next(e, type, &theirs, &perm, &tag, &id, &who) == ARCHIVE_OK) {
        rc = take_acl_entry(r, tag, perm, id, who, &in->note);
    }
    if (rc == 0) {
        rc = archive_posix_acl_encode(&r->acl, bytes);
    }
    if (rc != 0) {
        return rc;
    }
    const struct archive_posix_acl_entry *mask = archive_posix_acl_find(&r->acl,
                                                                        ARCHIVE_POSIX_ACL_MASK);
    if (type == ARCHIVE_ENTRY_ACL_TYPE_ACCESS && mask != NULL) {
        /* What stat shows as the group's bits is the mask. */
        in->node.mode = (in->node.mode & ~070u) | mask->perm << 3;
    }
    struct node_xattr x = { name, bytes->data, strlen(name), bytes->len };
    return add_xattr(r, &in->node, &x);
}

static int compare_xattrs(const void *a, const void *b)
{
    return strcmp(((const struct node_xattr *)a)->name, ((const struct node_xattr *)b)->name);
}

/* Some archives say each attribute twice, in two ways. */
static void sort_xattrs(struct archive_lib_reader *r, struct node *n)
{
    size_t kept = 0;
    if (n->xattr_count > 1) {
        qsort(r->xattrs, n->xattr_count, sizeof(*r->xattrs), compare_xattrs);
    }
    for (size_t i = 0; i < n->xattr_count; i++) {
        if (kept == 0 || strcmp(r->xattrs[kept - 1].name, r->xattrs[i].name) != 0) {
            r->xattrs[kept++] = r->xattrs[i];
        }
    }
    n->xattr_count = kept;
    n->xattrs = r->xattrs;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* In pax archives % and = of an attribute's name are written as %25 and %3D. */
static size_t decode_name(const char *name, char *out)
{
    size_t len = 0;
    for (const char *p = name; *p != '\0'; p++) {
        int high = p[0] == '%' ? hex_digit(p[1]) : -1;
        int low = high >= 0 ? hex_digit(p[2]) : -1;
        bool escaped = low >= 0 && high + low > 0;
        int c = escaped ? 16 * high + low : *p;
        out[len++] = (char)c;
        p += escaped ? 2 : 0;
    }
    out[len] = '\0';
    return len;
}

/* The attributes that are no ACLs; memory for their names is taken at once, as it must not move. */
static int take_named_xattrs(struct archive_lib_reader *r, struct archive_entry *e, struct node *n)
{
    struct node_xattr x = { 0 };
    size_t need = 0;
    int rc = 0;
    archive_entry_xattr_reset(e);
    while (archive_entry_xattr_next(e, &x.name, &x.value, &x.value_len) == ARCHIVE_OK) {
        need += strlen(x.name) + 1;
    }
    buf_clear(&r->decoded);
    if (buf_reserve(&r->decoded, need) != 0) {
        return err_nomem();
    }
    archive_entry_xattr_reset(e);
    while (rc == 0 && archive_entry_xattr_next(e, &x.name, &x.value, &x.value_len) == ARCHIVE_OK) {
        char *name = (char *)r->decoded.data + r->decoded.len;
        x.name_len = decode_name(x.name, name);
        x.name = name;
        r->decoded.len += x.name_len + 1;
        rc = x.name_len > 0 ? add_xattr(r, n, &x) : 0;
    }
    return rc;
}

static int take_xattrs(struct archive_lib_reader *r, struct archive_entry *e,
                       struct archive_lib_in *in)
{
    int types_there = archive_entry_acl_types(e);
    int rc = 0;
    if ((types_there & ARCHIVE_ENTRY_ACL_TYPE_NFS4) != 0) {
        in->note = "its NFSv4 ACL can't be held";
    }
    if ((types_there & ARCHIVE_ENTRY_ACL_TYPE_ACCESS) != 0) {
        rc = take_acl(r, e, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, ARCHIVE_POSIX_ACL_ACCESS,
                      &r->acl_bytes[0], in);
    }
    if (rc == 0 && (types_there & ARCHIVE_ENTRY_ACL_TYPE_DEFAULT) != 0) {
        rc = take_acl(r, e, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, ARCHIVE_POSIX_ACL_DEFAULT,
                      &r->acl_bytes[1], in);
    }
    if (rc == 0) {
        rc = take_named_xattrs(r, e, &in->node);
    }
    sort_xattrs(r, &in->node);
    return rc;
}

/*
 * The other way round of put_time; but where libarchive has no sign for what lies in the second
 * before 1970. Times beyond what a node holds become the nearest one that it does.
 */
static int64_t time_ns(time_t s, long ns, const char **out_note)
{
    int64_t whole = 0;
    int64_t all = 0;
    if (__builtin_mul_overflow((int64_t)s, NS, &whole) ||
        __builtin_add_overflow(whole, (int64_t)(s < 0 ? -ns : ns), &all)) {
        *out_note = "its time is beyond what can be held";
        return s < 0 ? INT64_MIN : INT64_MAX;
    }
    return all;
}

static uint32_t id_of(la_int64_t id, const char **out_note)
{
    if (id < 0 || id > (la_int64_t)UINT32_MAX - 1) {
        *out_note = "its owner is beyond what can be held";
        return UINT32_MAX - 1;
    }
    return (uint32_t)id;
}

static void take_type(struct archive_entry *e, struct archive_lib_in *in)
{
    unsigned mode = (unsigned)archive_entry_filetype(e);
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].mode == mode) {
            in->node.type = types[i].type;
            in->known_type = true;
        }
    }
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void take_names(struct archive_entry *e, struct archive_lib_in *in)
{
    struct node *n = &in->node;
    const char *path = archive_entry_pathname(e);
    n->path = text_or_empty(path != NULL ? path : archive_entry_pathname_utf8(e));
    n->path_len = strlen(n->path);
    n->user = text_or_empty(archive_entry_uname(e));
    n->user_len = strlen(n->user);
    n->group = text_or_empty(archive_entry_gname(e));
    n->group_len = strlen(n->group);
    in->link = archive_entry_hardlink(e);
    if (in->link == NULL && n->type == NODE_SYMLINK) {
        n->target = text_or_empty(archive_entry_symlink(e));
        n->target_len = strlen(n->target);
    }
}

static int take_entry(struct archive_lib_reader *r, struct archive_entry *e,
                      struct archive_lib_in *in)
{
    struct node *n = &in->node;
    unsigned long set = 0, clear = 0;
    take_type(e, in);
    take_names(e, in);
    n->mode = (uint32_t)archive_entry_perm(e) & 07777;
    n->uid = id_of(archive_entry_uid(e), &in->note);
    n->gid = id_of(archive_entry_gid(e), &in->note);
    int format = archive_format(r->a) & ARCHIVE_FORMAT_BASE_MASK;
    in->has_owner = format == ARCHIVE_FORMAT_TAR || format == ARCHIVE_FORMAT_CPIO || n->uid != 0 ||
                    n->gid != 0 || n->user_len > 0 || n->group_len > 0;
    in->has_time = archive_entry_mtime_is_set(e) != 0;
    if (in->has_time) {
        n->mtime_ns = time_ns(archive_entry_mtime(e), archive_entry_mtime_nsec(e), &in->note);
    }
    in->has_ctime = archive_entry_ctime_is_set(e) != 0;
    if (in->has_ctime) {
        n->ctime_ns = time_ns(archive_entry_ctime(e), archive_entry_ctime_nsec(e), &in->note);
    }
    in->has_size = archive_entry_size_is_set(e) != 0 && archive_entry_size(e) >= 0;
    n->size = in->has_size ? (uint64_t)archive_entry_size(e) : 0;
    if (n->type == NODE_CHAR || n->type == NODE_BLOCK) {
        n->rdev = (uint64_t)archive_entry_rdev(e);
    }
    archive_entry_fflags(e, &set, &clear);
    n->flags = (uint32_t)set & attrs_flags;
    n->links = 1;
    in->encrypted = archive_entry_is_encrypted(e) != 0;
    in->sparse = archive_entry_sparse_count(e) > 0;
    return take_xattrs(r, e, in);
}

/* ---- going on ---- */

static int read_failed(struct archive_lib_reader *r)
{
    if (r->failed != 0) {
        return r->failed;
    }
    bool told = archive_error_string(r->a) != NULL;
    bool silent = archive_format(r->a) == 0 && !told; /* but for an archive that is cut short: */
    if (code_of(r->a) == HF_ENOMEM || (silent && !r->ended)) {
        return err_raise(code_of(r->a), "could not read it: %s", why_of(r->a));
    }
    /* It must not be asked before a format was found. */
    if (archive_format(r->a) != 0 && archive_read_has_encrypted_entries(r->a) > 0) {
        err_raise(HF_EUNSUPPORTED, "it is encrypted");
        return err_hint("decrypt it, and import what comes out");
    }
    if (!r->begun && archive_format(r->a) == 0) {
        err_raise(HF_EUNSUPPORTED, "it is no archive of a known kind, or damaged at its beginning");
        return err_hint("tar (pax, ustar, GNU), cpio, zip, 7z and mtree are known, compressed or "
                        "not");
    }
    return err_raise(HF_EFAIL, "it is damaged, or cut short: %s", why_of(r->a));
}

/*
 * Without its end mark, two blocks of zeros, a tar was cut, if perhaps between two entries. One
 * block will do, as it does for all who read tars.
 */
static int check_end(struct archive_lib_reader *r)
{
    if ((archive_format(r->a) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR ||
        archive_filter_bytes(r->a, 0) - archive_read_header_position(r->a) >= TAR_BLOCK) {
        return 0;
    }
    return err_raise(HF_EFAIL, "it is cut short: its end mark is missing");
}

static int next_entry(struct archive_lib_reader *r, struct archive_lib_in *out)
{
    struct archive_entry *e = NULL;
    if (!r->begun && archive_read_open1(r->a) != ARCHIVE_OK) {
        return read_failed(r);
    }
    int theirs = archive_read_next_header(r->a, &e);
    if (theirs == ARCHIVE_EOF) {
        return check_end(r);
    }
    if (theirs != ARCHIVE_OK && theirs != ARCHIVE_WARN) {
        return read_failed(r);
    }
    r->begun = true;
    /* That a name could not be converted is as it should be: it came as bytes. */
    if (theirs == ARCHIVE_WARN && (r->texts || strstr(why_of(r->a), "converted") == NULL)) {
        out->note = why_of(r->a);
    }
    int rc = take_entry(r, e, out);
    return rc != 0 ? rc : 1;
}

int archive_lib_reader_next(struct archive_lib_reader *r, struct archive_lib_in *out)
{
    memset(out, 0, sizeof(*out));
    locale_t before = enter(r->locale);
    int rc = next_entry(r, out);
    leave(before);
    return rc;
}

int archive_lib_reader_data(struct archive_lib_reader *r, const void **out_data, size_t *out_len,
                            uint64_t *out_offset)
{
    la_int64_t offset = 0;
    *out_len = 0;
    locale_t before = enter(r->locale);
    int theirs = archive_read_data_block(r->a, out_data, out_len, &offset);
    leave(before);
    *out_offset = offset > 0 ? (uint64_t)offset : 0;
    if (theirs == ARCHIVE_EOF) {
        *out_len = 0;
        return 0;
    }
    return theirs == ARCHIVE_OK ? 1 : read_failed(r);
}

const char *archive_lib_reader_format(struct archive_lib_reader *r)
{
    const char *name = archive_format_name(r->a);
    return name != NULL ? name : "unknown";
}

const char *archive_lib_reader_filter(struct archive_lib_reader *r)
{
    return text_or_empty(archive_filter_name(r->a, 0));
}

bool archive_lib_reader_is_list(struct archive_lib_reader *r)
{
    return (archive_format(r->a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_MTREE;
}
