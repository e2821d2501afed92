/*
 * simtear.c - what may be left of a file whose last writes were not synced.
 *
 * `old` is what is left if no unsynced write arrived, `new` if all did. Bytes of the writes are
 * counted in the order in which they were written: "the first 512 bytes" of a file written front
 * to back are those at its beginning.
 */
#include "harness/simtear.h"

#include <inttypes.h>
#include <string.h>

#include "harness/simmem.h"

#define PAGE 4096u
#define SECTOR 512u
#define FEW_PAGES 3u            /* up to here every combination of old, new and zeros */
#define FEW_WRITES 8u           /* up to here each write alone and each left out */
#define LARGE_FILE (256u << 10) /* beyond it only the coarse tears */
#define RANDOM_TEARS 6u

struct torn_file {
    enum simmodel model;
    const struct simwrite *writes;
    size_t count;
    uint64_t stream; /* bytes in them */
    struct simbytes *old, *new;
    uint64_t *pages; /* that they touch, each once, in order */
    size_t page_count;
};

const char *simmodel_name(enum simmodel model)
{
    static const char *const names[SIMMODELS] = { "P (killed)", "J (journal, as ext4)",
                                                  "J' (journal, own names only)",
                                                  "A (all that POSIX allows)" };
    return names[model];
}

/* --- building contents ------------------------------------------------------------------------ */

/* How many bytes of a write are kept: it is the index-th and begins at this byte of the stream. */
typedef size_t (*keep_fn)(size_t index, uint64_t stream_at, size_t len, uint64_t at);

static size_t keep_first_bytes(size_t index, uint64_t stream_at, size_t len, uint64_t at)
{
    (void)index;
    if (stream_at >= at) {
        return 0;
    }
    return at - stream_at < len ? (size_t)(at - stream_at) : len;
}

static size_t keep_others(size_t index, uint64_t stream_at, size_t len, uint64_t at)
{
    (void)stream_at;
    return index == at ? 0 : len;
}

static size_t keep_that(size_t index, uint64_t stream_at, size_t len, uint64_t at)
{
    (void)stream_at;
    return index == at ? len : 0;
}

/* What was durable, and over it the writes in order, of each as many bytes as `keep` says. */
static struct simbytes *overlay(const struct torn_file *t, keep_fn keep, uint64_t at)
{
    struct simbytes *b = simbytes_ref(t->old);
    uint64_t stream_at = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct simwrite *w = &t->writes[i];
        size_t len = simbytes_len(w->data);
        size_t kept = keep(i, stream_at, len, at);
        if (kept > 0) {
            simbytes_write(&b, w->offset, w->data->data, kept);
        }
        stream_at += len;
    }
    return b;
}

/* new, with zeros over all that the stream holds after its first `at` bytes. */
static struct simbytes *zero_tail(const struct torn_file *t, uint64_t at)
{
    static const uint8_t zeros[PAGE];
    struct simbytes *b = simbytes_ref(t->new);
    uint64_t stream_at = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct simwrite *w = &t->writes[i];
        size_t len = simbytes_len(w->data);
        size_t from = keep_first_bytes(i, stream_at, len, at);
        while (from < len) {
            size_t part = len - from < sizeof zeros ? len - from : sizeof zeros;
            simbytes_write(&b, w->offset + from, zeros, part);
            from += part;
        }
        stream_at += len;
    }
    return b;
}

/* Puts bytes over [from, from + len) of the content, but not beyond its end. */
static void put_within(struct simbytes **b, uint64_t from, const uint8_t *data, size_t len)
{
    uint64_t end = simbytes_len(*b);
    if (from < end) {
        simbytes_write(b, from, data, end - from < len ? (size_t)(end - from) : len);
    }
}

static struct simbytes *garbage(const struct torn_file *t, uint64_t sector)
{
    uint8_t bytes[SECTOR];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)simmem_mix(sector, i);
    }
    struct simbytes *b = simbytes_ref(t->new);
    put_within(&b, sector * SECTOR, bytes, sizeof bytes);
    return b;
}

enum page_state { PAGE_NEW, PAGE_OLD, PAGE_ZEROS, PAGE_STATES };

static void set_page(const struct torn_file *t, struct simbytes **b, uint64_t page,
                     enum page_state state)
{
    uint8_t bytes[PAGE] = { 0 };
    size_t from = (size_t)page * PAGE, old_len = simbytes_len(t->old);
    if (state == PAGE_NEW) {
        return;
    }
    if (state == PAGE_OLD && from < old_len) {
        memcpy(bytes, t->old->data + from, old_len - from < PAGE ? old_len - from : PAGE);
    }
    put_within(b, from, bytes, sizeof bytes);
}

static struct simbytes *pages_by_code(const struct torn_file *t, uint64_t code)
{
    struct simbytes *b = simbytes_ref(t->new);
    for (size_t i = 0; i < t->page_count; i++, code /= PAGE_STATES) {
        set_page(t, &b, t->pages[i], (enum page_state)(code % PAGE_STATES));
    }
    return b;
}

static struct simbytes *pages_at_random(const struct torn_file *t, uint64_t seed)
{
    struct simbytes *b = simbytes_ref(t->new);
    for (size_t i = 0; i < t->page_count; i++) {
        set_page(t, &b, t->pages[i],
                 (enum page_state)(simmem_mix(seed, t->pages[i]) % PAGE_STATES));
    }
    return b;
}

static struct simbytes *one_page(const struct torn_file *t, uint64_t page, enum page_state state)
{
    struct simbytes *b = simbytes_ref(t->new);
    set_page(t, &b, page, state);
    return b;
}

static struct simbytes *shortened(const struct torn_file *t, uint64_t len)
{
    struct simbytes *b = simbytes_ref(t->new);
    simbytes_resize(&b, (size_t)len);
    return b;
}

static struct simbytes *content_of(const struct torn_file *t, const struct simtear *tear)
{
    switch (tear->kind) {
    case SIMTEAR_WHOLE:
        return simbytes_ref(t->new);
    case SIMTEAR_LOST:
        return simbytes_ref(t->old);
    case SIMTEAR_CUT:
        return overlay(t, keep_first_bytes, tear->at);
    case SIMTEAR_ZERO_TAIL:
        return zero_tail(t, tear->at);
    case SIMTEAR_GARBAGE:
        return garbage(t, tear->at);
    case SIMTEAR_WITHOUT:
        return overlay(t, keep_others, tear->at);
    case SIMTEAR_ONLY:
        return overlay(t, keep_that, tear->at);
    case SIMTEAR_PAGES:
        return pages_by_code(t, tear->at);
    case SIMTEAR_PAGE_OLD:
        return one_page(t, tear->at, PAGE_OLD);
    case SIMTEAR_PAGE_ZERO:
        return one_page(t, tear->at, PAGE_ZEROS);
    case SIMTEAR_SHORT:
        return shortened(t, tear->at);
    case SIMTEAR_RANDOM:
        return pages_at_random(t, tear->at);
    }
    simmem_die("a tear of no kind");
}

/* --- which tears there are -------------------------------------------------------------------- */

static void add(struct simvariants *v, const struct torn_file *t, enum simtear_kind kind,
                uint64_t at)
{
    struct simtear tear = { kind, at };
    struct simbytes *content = content_of(t, &tear);
    uint64_t hash = simbytes_hash(content);
    for (size_t i = 0; i < v->count; i++) {
        if (simbytes_hash(v->list[i].content) == hash) {
            simbytes_unref(content);
            return;
        }
    }
    simmem_grow(&v->list, &v->capacity, v->count + 1, sizeof *v->list);
    v->list[v->count++] = (struct simvariant){ tear, content };
}

static void add_cuts(struct simvariants *v, const struct torn_file *t, enum simtear_kind kind,
                     uint64_t first)
{
    add(v, t, kind, first);
    add(v, t, kind, t->stream / 2);
    add(v, t, kind, t->stream - 1);
}

static void add_pages(struct simvariants *v, const struct torn_file *t)
{
    size_t codes = 1;
    for (size_t i = 0; i < t->page_count && i <= FEW_PAGES; i++) {
        codes *= PAGE_STATES;
    }
    if (t->page_count <= FEW_PAGES) {
        for (size_t code = 1; code < codes; code++) {
            add(v, t, SIMTEAR_PAGES, code);
        }
        return;
    }
    for (size_t i = 0; i < t->page_count; i++) {
        add(v, t, SIMTEAR_PAGE_OLD, t->pages[i]);
        add(v, t, SIMTEAR_PAGE_ZERO, t->pages[i]);
    }
    for (size_t i = 0; i < RANDOM_TEARS; i++) {
        add(v, t, SIMTEAR_RANDOM, i);
    }
}

/* The size may be on disk as it was after any page. */
static void add_sizes(struct simvariants *v, const struct torn_file *t)
{
    for (size_t i = 0; i < t->page_count; i++) {
        uint64_t end = (t->pages[i] + 1) * PAGE;
        if (end > simbytes_len(t->old) && end < simbytes_len(t->new)) {
            add(v, t, SIMTEAR_SHORT, end);
        }
    }
}

static void add_garbage(struct simvariants *v, const struct torn_file *t)
{
    uint64_t first = UINT64_MAX, last = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct simwrite *w = &t->writes[i];
        if (simbytes_len(w->data) == 0) {
            continue;
        }
        uint64_t end = (w->offset + simbytes_len(w->data) - 1) / SECTOR;
        first = w->offset / SECTOR < first ? w->offset / SECTOR : first;
        last = end > last ? end : last;
    }
    add(v, t, SIMTEAR_GARBAGE, first);
    add(v, t, SIMTEAR_GARBAGE, (first + last) / 2);
    add(v, t, SIMTEAR_GARBAGE, last);
}

/* Writes out of order: each left out, each alone; of many, some spread over all. */
static void add_reordered(struct simvariants *v, const struct torn_file *t)
{
    size_t step = t->count / FEW_WRITES + 1;
    for (size_t i = 0; t->count > 1 && i < t->count; i += step) {
        add(v, t, SIMTEAR_WITHOUT, i);
        add(v, t, SIMTEAR_ONLY, i);
    }
}

static void add_coarse(struct simvariants *v, const struct torn_file *t)
{
    uint64_t middle = t->pages[t->page_count / 2];
    add(v, t, SIMTEAR_ZERO_TAIL, 0);
    add(v, t, SIMTEAR_PAGE_ZERO, middle);
    if (middle * PAGE > simbytes_len(t->old)) {
        add(v, t, SIMTEAR_SHORT, middle * PAGE);
    }
    if (t->model != SIMMODEL_POSIX) {
        return;
    }
    add_cuts(v, t, SIMTEAR_CUT, SECTOR);
    add(v, t, SIMTEAR_ZERO_TAIL, t->stream / 2);
    add_garbage(v, t);
}

static void add_all(struct simvariants *v, const struct torn_file *t)
{
    add(v, t, SIMTEAR_WHOLE, 0);
    add(v, t, SIMTEAR_LOST, 0);
    if (t->stream == 0) {
        return;
    }
    if (t->model == SIMMODEL_KILL) {
        add_cuts(v, t, SIMTEAR_CUT, PAGE);
        return;
    }
    if (simbytes_len(t->new) > LARGE_FILE) {
        add_coarse(v, t);
        return;
    }
    add_pages(v, t);
    add_sizes(v, t);
    if (t->model != SIMMODEL_POSIX) {
        return;
    }
    add_cuts(v, t, SIMTEAR_CUT, SECTOR);
    add(v, t, SIMTEAR_ZERO_TAIL, 0);
    add_cuts(v, t, SIMTEAR_ZERO_TAIL, SECTOR);
    add_garbage(v, t);
    add_reordered(v, t);
}

static void find_pages(struct torn_file *t)
{
    uint64_t end = (simbytes_len(t->new) + PAGE - 1) / PAGE;
    bool *touched = simmem_alloc(end * sizeof *touched);
    for (size_t i = 0; i < t->count; i++) {
        const struct simwrite *w = &t->writes[i];
        uint64_t last = (w->offset + simbytes_len(w->data) + PAGE - 1) / PAGE;
        for (uint64_t page = w->offset / PAGE; page < last; page++) {
            touched[page] = true;
        }
    }
    t->pages = simmem_alloc(end * sizeof *t->pages);
    for (uint64_t page = 0; page < end; page++) {
        if (touched[page]) {
            t->pages[t->page_count++] = page;
        }
    }
    simmem_free(touched);
}

void simtear_variants(enum simmodel model, struct simbytes *durable, const struct simwrite *writes,
                      size_t count, struct simvariants *out)
{
    struct torn_file t = { .model = model, .old = durable, .writes = writes, .count = count };
    for (size_t i = 0; i < count; i++) {
        t.stream += simbytes_len(writes[i].data);
    }
    t.new = overlay(&t, keep_first_bytes, t.stream);
    find_pages(&t);
    add_all(out, &t);
    simmem_free(t.pages);
    simbytes_unref(t.new);
}

void simvariants_release(struct simvariants *v)
{
    for (size_t i = 0; i < v->count; i++) {
        simbytes_unref(v->list[i].content);
    }
    simmem_free(v->list);
    *v = (struct simvariants){ 0 };
}

/* --- in words --------------------------------------------------------------------------------- */

static void print_pages(uint64_t code, struct buf *out)
{
    static const char *const words[PAGE_STATES] = { "new", "old", "zeros" };
    buf_printf(out, "of the pages written, in order:");
    for (; code > 0; code /= PAGE_STATES) {
        buf_printf(out, " %s", words[code % PAGE_STATES]);
    }
    buf_printf(out, ", the rest new");
}

void simtear_print(const struct simtear *tear, struct buf *out)
{
    static const char *const words[] = {
        [SIMTEAR_WHOLE] = "whole",
        [SIMTEAR_LOST] = "all unsynced writes lost",
        [SIMTEAR_CUT] = "cut off after written byte",
        [SIMTEAR_ZERO_TAIL] = "zeros after written byte",
        [SIMTEAR_GARBAGE] = "garbage in sector",
        [SIMTEAR_WITHOUT] = "all but unsynced write",
        [SIMTEAR_ONLY] = "only unsynced write",
        [SIMTEAR_PAGE_OLD] = "old page",
        [SIMTEAR_PAGE_ZERO] = "zeros in page",
        [SIMTEAR_SHORT] = "ends at byte",
        [SIMTEAR_RANDOM] = "pages old, new or zeros by seed",
    };
    if (tear->kind == SIMTEAR_PAGES) {
        print_pages(tear->at, out);
    } else if (tear->kind == SIMTEAR_WHOLE || tear->kind == SIMTEAR_LOST) {
        buf_printf(out, "%s", words[tear->kind]);
    } else {
        buf_printf(out, "%s %" PRIu64, words[tear->kind], tear->at);
    }
}
