/*
 * test_rot.c - one bit anywhere in a repository: it is found, named, and never a shorter history.
 *
 * Every sweep flips bits of a copy one at a time, looks at it as somebody who has never seen it
 * before, and flips them back.
 */
#include "crash/rotlook.h"

#include "format/segment.h"

static struct rot rot;   /* of everything something: for samples of bytes */
static struct rot small; /* of two snapshots: for every bit there is */

static int make_repositories(void **state)
{
    (void)state;
    rot_make(&rot);
    rot_begin(&small, 4);
    rot_put(&small, "/a", 1, 900);
    rot_tick(&small);
    rot_backup(&small, "home", 0);
    rot_put(&small, "/b", 2, 700);
    rot_backup(&small, "home", 0);
    return 0;
}

static int release_repositories(void **state)
{
    (void)state;
    rot_end(&rot);
    rot_end(&small);
    return 0;
}

/* --- sweeping --------------------------------------------------------------------------------- */

struct sweep {
    const struct rot *of;
    const char *path;
    size_t from, to, step; /* bytes; all bits of each */
    unsigned look;
    bool strict;      /* a strict opening must be honest as well */
    const char *text; /* what the error says if nothing opens any more; NULL: it must open */
};

static void check_bit(struct simdisk *d, const struct sweep *s, uint64_t bit)
{
    struct rot_report report;

    rot_check(d, s->look, &report);
    if (!rot_told(&report, rot_name(s->path), s->text ? s->text : "\x01 it must open")) {
        rot_print(&report);
        fail_msg("bit %u of byte %" PRIu64 " of %s is not told as it should be",
                 (unsigned)(bit % 8), bit / 8, s->path);
    }
    rot_release(&report);
    /* Of each byte one bit is enough: a strict opening sees the same journal. */
    if (s->strict && bit % 8 == bit / 8 % 8 && !rot_strict_is_honest(s->of, d)) {
        fail_msg("bit %" PRIu64 " of %s makes a shorter history", bit, s->path);
    }
}

static void sweep(const struct sweep *s)
{
    struct simdisk *d = simdisk_fork(s->of->disk);
    size_t step = s->step ? s->step : 1;
    size_t len;
    size_t to;

    assert_non_null(simrot_look(d, s->path, &len));
    to = s->to ? s->to : len;
    assert_true(s->from < to && to <= len);
    for (size_t at = s->from; at < to; at += step) {
        for (unsigned bit = 0; bit < 8; bit++) {
            simrot_flip(d, s->path, 8 * at + bit);
            check_bit(d, s, 8 * at + bit);
            simrot_flip(d, s->path, 8 * at + bit);
        }
    }
    simdisk_free(d);
}

static void test_rot_the_repository_is_whole_before_all_this(void **state)
{
    struct rot_report report;
    struct rot_losses losses;

    (void)state;
    rot_check(rot.disk, ROT_READ_DATA | ROT_SCRUB, &report);
    if (report.rc != 0) {
        rot_print(&report);
    }
    assert_int_equal(report.rc, 0);
    assert_int_equal(report.result.damage, 0);
    assert_int_equal(report.result.orphans, 0);
    assert_int_equal(report.result.snapshots, 3);
    assert_int_equal(report.result.entries, rot.tip);
    assert_true(report.result.segments >= 6);
    rot_restore(&rot, rot.disk, &losses);
    assert_int_equal(losses.count, 0);
    assert_int_equal(losses.missing, 0);
    rot_release(&report);
}

/* --- entries, keys, the hint ------------------------------------------------------------------ */

static void test_rot_any_bit_of_the_last_entry_is_damage(void **state)
{
    char path[128];

    (void)state;
    sweep(&(struct sweep){ .of = &small, .path = rot_entry(small.tip, path), .strict = true });
    sweep(&(struct sweep){
        .of = &rot, .path = rot_entry(rot.tip, path), .step = 11, .strict = true });
}

static void test_rot_any_bit_of_an_entry_in_the_middle_is_damage(void **state)
{
    char path[128];

    (void)state;
    sweep(&(struct sweep){ .of = &small, .path = rot_entry(2, path), .strict = true });
}

static void test_rot_bits_of_all_other_entries_are_damage(void **state)
{
    char path[128];

    (void)state;
    sweep(&(struct sweep){
        .of = &small, .path = rot_entry(1, path), .strict = true, .text = "journal entry 1: " });
    for (uint64_t number = 2; number < rot.tip; number++) {
        sweep(&(struct sweep){
            .of = &rot, .path = rot_entry(number, path), .step = 17, .strict = true });
    }
}

static void test_rot_any_bit_of_one_copy_of_a_key_is_damage_and_the_other_opens(void **state)
{
    (void)state;
    sweep(&(struct sweep){ .of = &small, .path = "repo/keys/main", .strict = true });
}

static void test_rot_bits_of_both_copies_of_a_key_are_a_damaged_key(void **state)
{
    struct simdisk *d = simdisk_fork(rot.disk);
    struct repo_env env = rot_env(d, false);
    struct repo *repo = NULL;

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t other = 256 + (byte * 7 + 3) % 256;

        simrot_flip(d, "repo/keys/main", 8 * byte + byte % 8);
        simrot_flip(d, "repo/keys/main", 8 * other + 5);
        says(repo_open(&env, &kit_unlock, REPO_TOLERANT, &repo), HF_EKEY_DAMAGED, "keys/main");
        says(repo_open(&env, &kit_unlock, REPO_STRICT, &repo), HF_EKEY_DAMAGED, "keys/main");
        simrot_flip(d, "repo/keys/main", 8 * byte + byte % 8);
        simrot_flip(d, "repo/keys/main", 8 * other + 5);
    }
    rot_leave(&env, NULL);
    simdisk_free(d);
}

static void test_rot_any_bit_of_the_file_holdfast_is_damage(void **state)
{
    (void)state;
    sweep(&(struct sweep){
        .of = &small, .path = "repo/holdfast", .strict = true, .text = "`holdfast`" });
}

/* --- segments --------------------------------------------------------------------------------- */

struct layout_of { /* of a segment's file */
    const struct rot *of;
    size_t len;
    size_t records[64]; /* where they begin, the footer last */
    size_t count;
};

static struct layout_of look_at(const struct rot *of, const char *path)
{
    struct layout_of l = { .of = of };
    const uint8_t *data = simrot_look(of->disk, path, &l.len);
    size_t at = SEGMENT_HEADER_BYTES;
    struct segment_record_header h;

    do {
        assert_true(l.count < COUNT(l.records));
        ok(segment_record_header_decode(data + at, l.len - at, &h));
        l.records[l.count++] = at;
        at += (size_t)segment_record_bytes(h.payload_len - CIPHER_TAG_BYTES);
    } while (h.type != SEGMENT_FOOTER);
    return l;
}

typedef void (*segment_fn)(const char *path, const struct layout_of *l);

struct visit {
    const struct rot *of;
    segment_fn fn;
};

static int visit_segment(void *context, const char *path, size_t len)
{
    const struct visit *v = context;
    struct layout_of l = look_at(v->of, path);

    assert_int_equal(len, l.len);
    v->fn(path, &l);
    return 0;
}

static void each_segment(const struct rot *of, segment_fn fn)
{
    struct visit v = { of, fn };

    assert_int_equal(simrot_each(of->disk, "repo/segments/", visit_segment, &v), 0);
}

/* Header, footer record with its padding, sums and trailer: found without reading any data. */
static void sweep_frame(const char *path, const struct layout_of *l)
{
    size_t footer = l->records[l->count - 1];
    size_t step = l->of == &small ? 1 : 61;

    sweep(&(struct sweep){ .of = l->of, .path = path, .to = SEGMENT_HEADER_BYTES, .step = step });
    sweep(&(struct sweep){ .of = l->of, .path = path, .from = footer, .step = step });
}

static void test_rot_any_bit_of_a_frame_is_damage(void **state)
{
    (void)state;
    each_segment(&small, sweep_frame);
    each_segment(&rot, sweep_frame);
}

static size_t padded; /* how many bytes of padding were looked at */

/* What fills up a record to a multiple of eight bytes, if anything does. */
static void sweep_padding(const char *path, size_t at, unsigned look)
{
    const uint8_t *data = simrot_look(rot.disk, path, &(size_t){ 0 });
    size_t payload = le_get32(data + at + 8);
    size_t end = at + SEGMENT_RECORD_HEADER_BYTES + payload;
    size_t next = at + (size_t)segment_record_bytes(payload - CIPHER_TAG_BYTES);

    if (next > end) {
        sweep(&(struct sweep){ .of = &rot, .path = path, .from = end, .to = next, .look = look });
        padded += next - end;
    }
}

static void sweep_footer_padding(const char *path, const struct layout_of *l)
{
    sweep_padding(path, l->records[l->count - 1], ROT_STRUCTURE);
    sweep_padding(path, l->records[l->count - 1], ROT_SCRUB);
}

static void test_rot_any_bit_of_a_footers_padding_is_damage(void **state)
{
    (void)state;
    padded = 0;
    each_segment(&rot, sweep_footer_padding);
    assert_true(padded > 0);
}

/* The header of a record, a sample of its payload, its tag, all of its padding. */
static void sweep_record(const char *path, size_t at, unsigned look)
{
    const uint8_t *data = simrot_look(rot.disk, path, &(size_t){ 0 });
    size_t payload = le_get32(data + at + 8);
    size_t begin = at + SEGMENT_RECORD_HEADER_BYTES;
    size_t end = begin + payload;
    size_t tag = end - CIPHER_TAG_BYTES;

    sweep(&(struct sweep){
        .of = &rot, .path = path, .from = at, .to = begin, .step = 3, .look = look });
    sweep(&(struct sweep){ .of = &rot,
                           .path = path,
                           .from = begin,
                           .to = tag,
                           .step = 1 + (tag - begin) / 7,
                           .look = look });
    sweep(&(struct sweep){
        .of = &rot, .path = path, .from = tag, .to = end, .step = 5, .look = look });
    sweep_padding(path, at, look);
}

static void read_records(const char *path, const struct layout_of *l)
{
    for (size_t i = 0; i + 1 < l->count; i++) {
        sweep_record(path, l->records[i], ROT_READ_DATA);
    }
}

static void scrub_records(const char *path, const struct layout_of *l)
{
    for (size_t i = 0; i + 1 < l->count; i++) {
        sweep_record(path, l->records[i], ROT_SCRUB);
    }
}

static void test_rot_any_bit_of_a_record_is_found_by_reading_it(void **state)
{
    (void)state;
    padded = 0;
    each_segment(&rot, read_records);
    assert_true(padded > 0);
}

static void test_rot_any_bit_of_a_record_is_found_by_a_scrub(void **state)
{
    (void)state;
    padded = 0;
    each_segment(&rot, scrub_records);
    assert_true(padded > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rot_the_repository_is_whole_before_all_this),
        cmocka_unit_test(test_rot_any_bit_of_the_last_entry_is_damage),
        cmocka_unit_test(test_rot_any_bit_of_an_entry_in_the_middle_is_damage),
        cmocka_unit_test(test_rot_bits_of_all_other_entries_are_damage),
        cmocka_unit_test(test_rot_any_bit_of_one_copy_of_a_key_is_damage_and_the_other_opens),
        cmocka_unit_test(test_rot_bits_of_both_copies_of_a_key_are_a_damaged_key),
        cmocka_unit_test(test_rot_any_bit_of_the_file_holdfast_is_damage),
        cmocka_unit_test(test_rot_any_bit_of_a_frame_is_damage),
        cmocka_unit_test(test_rot_any_bit_of_a_footers_padding_is_damage),
        cmocka_unit_test(test_rot_any_bit_of_a_record_is_found_by_reading_it),
        cmocka_unit_test(test_rot_any_bit_of_a_record_is_found_by_a_scrub),
    };

    return cmocka_run_group_tests(tests, make_repositories, release_repositories);
}
