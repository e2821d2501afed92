/*
 * chunker.c - FastCDC: a gear hash with a secret table, normalised around the average.
 *
 * The hash after byte i is h(i) = 2 h(i-1) + gear[byte i], modulo 2^64: what came more than 64
 * bytes before has been shifted out, so it speaks of the last 64 bytes and of nothing else. A
 * chunk may end after a byte at which h has zeros wherever a mask has ones. Up to `avg` bytes the
 * mask has four bits more than beyond, so lengths gather around the average (normalisation of
 * level 2). No chunk is shorter than `min`, so hashing begins 64 bytes before that; none is longer
 * than `max`. With the defaults, chunks of random data have 51 KiB on average.
 *
 * The table is derive(boundary key, "gear", u32 n) for n = 0 to 63, four little-endian u64 from
 * each. With n = floor(log2 avg) + 2 and bit(k) = 62 - floor(31 k / n), the strict mask has the
 * bits bit(0) to bit(n - 1) and the loose one the first n - 4 of them: where the strict one cuts,
 * the loose one would have cut as well. All lie in the high half of the hash, where each depends
 * on 33 bytes or more.
 */
#include "format/chunker.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/block.h"
#include "format/nacl.h"

#define WINDOW_BYTES 64u
#define SMALLEST 64u
#define MASK_TOP 62u /* bit 63 stays free: scan looks at a hash that is shifted by one */
#define MASK_SPAN 31u
#define MASK_EXTRA 2u /* strict: one bit in avg and two more; loose: two less */

struct chunker {
    struct chunker_params params;
    uint64_t strict, loose;
    uint64_t gear[256];
    uint64_t twice[256]; /* 2 gear[b] */
};

static uint64_t make_mask(unsigned spread, unsigned count)
{
    uint64_t mask = 0;
    assert(count <= spread && spread <= MASK_SPAN);
    for (unsigned k = 0; k < count; k++) {
        mask |= 1ull << (MASK_TOP - k * MASK_SPAN / spread);
    }
    return mask;
}

static void make_masks(struct chunker *c)
{
    unsigned bits = 31u - (unsigned)__builtin_clz(c->params.avg);
    c->strict = make_mask(bits + MASK_EXTRA, bits + MASK_EXTRA);
    c->loose = make_mask(bits + MASK_EXTRA, bits - MASK_EXTRA);
}

static void make_gear(struct chunker *c, const uint8_t boundary_key[32])
{
    uint8_t number[4], four[NACL_KEY_BYTES];
    for (uint32_t n = 0; n < 64; n++) {
        le_put32(number, n);
        nacl_derive(boundary_key, "gear", number, sizeof number, four);
        for (size_t i = 0; i < 4; i++) {
            c->gear[4 * n + i] = le_get64(four + 8 * i);
            c->twice[4 * n + i] = c->gear[4 * n + i] << 1;
        }
    }
    mem_wipe(four, sizeof four);
}

static int check_params(const struct chunker_params *p)
{
    if (p->min < SMALLEST || p->avg <= p->min || p->max <= p->avg || p->max > BLOCK_MAX_BYTES) {
        return err_raise(HF_EUSAGE,
                         "chunk sizes must rise from smallest to average to largest, between %u "
                         "and %u bytes, not %u, %u, %u",
                         SMALLEST, BLOCK_MAX_BYTES, p->min, p->avg, p->max);
    }
    if (p->fixed < SMALLEST || p->fixed > BLOCK_MAX_BYTES) {
        return err_raise(HF_EUSAGE, "the fixed chunk size must be between %u and %u bytes, not %u",
                         SMALLEST, BLOCK_MAX_BYTES, p->fixed);
    }
    return 0;
}

int chunker_new(const struct chunker_params *params, const uint8_t boundary_key[32],
                struct chunker **out_chunker)
{
    *out_chunker = NULL;
    int rc = check_params(params);
    if (rc != 0) {
        return rc;
    }
    struct chunker *c = mem_zalloc(sizeof *c);
    if (!c) {
        return err_nomem();
    }
    c->params = *params;
    make_masks(c);
    make_gear(c, boundary_key);
    *out_chunker = c;
    return 0;
}

void chunker_free(struct chunker *c)
{
    if (!c) {
        return;
    }
    mem_wipe(c, sizeof *c); /* who knows the table knows where files are cut */
    mem_free(c);
}

const struct chunker_params *chunker_params(const struct chunker *c)
{
    return &c->params;
}

/*
 * The first position in (from, to] after whose last byte the mask holds, or 0. *hash is carried
 * from one range to the next. Two bytes a step: the first one's hash is seen shifted by one
 * more than it will be, hence the shifted mask.
 */
static size_t scan(const struct chunker *c, const uint8_t *data, size_t from, size_t to,
                   uint64_t mask, uint64_t *hash)
{
    uint64_t h = *hash;
    const uint64_t shifted = mask << 1;
    size_t i = from;
    for (; i + 2 <= to; i += 2) {
        h = (h << 2) + c->twice[data[i]];
        if (!(h & shifted)) {
            return i + 1;
        }
        h += c->gear[data[i + 1]];
        if (!(h & mask)) {
            return i + 2;
        }
    }
    if (i < to) {
        h = (h << 1) + c->gear[data[i]];
        if (!(h & mask)) {
            return i + 1;
        }
    }
    *hash = h;
    return 0;
}

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t chunker_cut(const struct chunker *c, const uint8_t *data, size_t len, bool last)
{
    const struct chunker_params *p = &c->params;
    if (len > p->min) {
        uint64_t hash = 0;
        for (size_t i = p->min - WINDOW_BYTES; i < p->min; i++) {
            hash = (hash << 1) + c->gear[data[i]];
        }
        size_t to = at_most(len, p->avg);
        size_t cut = scan(c, data, p->min, to, c->strict, &hash);
        if (!cut) {
            cut = scan(c, data, to, at_most(len, p->max), c->loose, &hash);
        }
        if (!cut && len >= p->max) {
            cut = p->max;
        }
        if (cut) {
            return cut;
        }
    }
    return last ? len : 0;
}

/* What page-structured files begin with. The bytes are those on disk, in order. */
struct magic {
    uint16_t at;
    uint8_t len;
    const char *bytes;
};

#define MAGIC(at, text)                                                                            \
    {                                                                                              \
        at, sizeof(text) - 1, text                                                                 \
    }

static const struct magic magics[] = {
    MAGIC(0, "SQLite format 3\0"),
    MAGIC(0, "QFI\xfb"), /* qcow, qcow2 */
    MAGIC(0, "QED\0"),   /* QEMU enhanced disk */
    MAGIC(0, "COWD"),    /* VMware, sparse, ESX */
    MAGIC(0, "vhdxfile"),
    MAGIC(0, "conecti\x78\0\0\0"), /* VHD that grows; a fixed one ends with it */
    MAGIC(64, "\x7f\x10\xda\xbe"), /* VirtualBox */
    MAGIC(0, "WithoutFreeSpace"),  /* Parallels */
    MAGIC(0, "WithouFreSpacExt"),
    MAGIC(512, "EFI PART\0\0\1\0"),        /* a raw disk with a partition table */
    MAGIC(0, "\0\1\0\0Standard Jet DB\0"), /* Access */
    MAGIC(0, "\0\1\0\0Standard ACE DB\0"),
    MAGIC(4, "\xef\xcd\xab\x89\x20\6\0\0"), /* ESE: Exchange, Active Directory */
};

static bool has_magic(const uint8_t *head, size_t len, const struct magic *m)
{
    return len >= (size_t)m->at + m->len && memcmp(head + m->at, m->bytes, m->len) == 0;
}

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A sparse VMDK, unless its grains are compressed (flag bit 16): those do not lie on pages. */
static bool is_vmdk(const uint8_t *head, size_t len)
{
    return len >= 12 && le_get32(head) == 0x564d444bu && !(le_get32(head + 8) & 1u << 16);
}

/* InnoDB: page 0 of a tablespace has type 8 and names its space twice, at 34 and 38. */
static bool is_innodb(const uint8_t *head, size_t len)
{
    return len >= 50 && big32(head + 4) == 0 && head[24] == 0 && head[25] == 8 &&
           big32(head + 34) == big32(head + 38) && big32(head + 42) == 0 && big32(head + 46) != 0;
}

/* LMDB, BoltDB: page 0, with the flag of a meta page, and a magic after a header of 16 bytes. */
static bool is_meta_page(const uint8_t *head, size_t len)
{
    if (len < 24 || le_get64(head) != 0) {
        return false;
    }
    return (le_get16(head + 10) == 8 && le_get32(head + 16) == 0xbeefc0deu) ||
           (le_get16(head + 8) == 4 && le_get32(head + 16) == 0xed0cdaedu);
}

/* Berkeley DB, in the byte order of either kind of machine: page 0, magic, size of its pages. */
static bool is_berkeley(const uint8_t *head, size_t len)
{
    if (len < 24) {
        return false;
    }
    uint32_t magic = le_get32(head + 12), page = le_get32(head + 20);
    if (head[12] == 0) {
        magic = big32(head + 12);
        page = big32(head + 20);
    }
    return le_get32(head + 8) == 0 &&
           (magic == 0x053162u || magic == 0x061561u || magic == 0x042253u) && page >= 512 &&
           page <= 65536 && (page & (page - 1)) == 0;
}

bool chunker_is_paged(const void *head, size_t len)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (has_magic(head, len, &magics[i])) {
            return true;
        }
    }
    return is_vmdk(head, len) || is_innodb(head, len) || is_meta_page(head, len) ||
           is_berkeley(head, len);
}
