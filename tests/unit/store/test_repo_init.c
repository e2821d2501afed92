/*
 * test_repo_init.c - a repository is made wholly or not at all, where there is none, and of nothing
 * that could not be opened.
 */
#include "harness/simsched.h"
#include "store/repo_internal.h"
#include "unit/store/storekit.h"

static int init(struct vault *v, const struct repo_params *params, const char *key_name)
{
    uint8_t id[16];

    return repo_init(&v->env, params, &kit_unlock, key_name, id);
}

static int init_default(struct vault *v)
{
    struct repo_params params;

    repo_default_params(&params);
    return init(v, &params, "main");
}

static void test_init_makes_a_repository_that_opens(void **state)
{
    struct simdisk *d = simdisk_new(1);
    struct repo_params params;
    struct vault v;
    uint8_t id[16];
    uint8_t commit[16];

    (void)state;
    kit_enter(&v, d, "a");
    repo_default_params(&params);
    params.codec = CODEC_ZLIB;
    params.level = 6;
    params.segment_target = 1 << 20;
    params.chunks = (struct chunker_params){ 128, 256, 512, 1024 };
    ok(repo_init(&v.env, &params, &kit_unlock, "first", id));
    kit_open(&v);
    assert_memory_equal(repo_id(v.repo), id, 16);
    assert_int_equal(repo_params(v.repo)->codec, CODEC_ZLIB);
    assert_int_equal(repo_params(v.repo)->level, 6);
    assert_int_equal(repo_params(v.repo)->segment_target, 1 << 20);
    assert_memory_equal(&repo_params(v.repo)->chunks, &params.chunks, sizeof params.chunks);
    assert_int_equal(journal_at(repo_journal(v.repo))->number, 1);
    assert_true(kit_there(d, "repo/keys/first"));
    kit_commit(&v, 1, 2, 500, commit);
    ok(kit_fetch(v.repo, 2, 500));
    kit_end(&v, d);
}

static void test_init_of_a_password_opens_with_it(void **state)
{
    struct keyfile_unlock how = {
        .password = "sesame", .password_len = 6, .passes = 1, .memory_kib = 64
    };
    struct keyfile_unlock wrong = { .password = "sesamo", .password_len = 6 };
    struct simdisk *d = simdisk_new(1);
    struct repo_params params;
    struct vault v;
    uint8_t id[16];

    (void)state;
    kit_enter(&v, d, "a");
    repo_default_params(&params);
    ok(repo_init(&v.env, &params, &how, "main", id));
    ok(repo_open(&v.env, &how, REPO_STRICT, &v.repo));
    kit_close(&v);
    assert_int_equal(repo_open(&v.env, &wrong, REPO_STRICT, &v.repo), HF_EKEY);
    v.repo = NULL;
    kit_end(&v, d);
}

/* As docs/durability.md says: the folders first, what makes it a repository last. */
static void test_init_syncs_in_the_order_of_the_protocol(void **state)
{
    struct simdisk *d = simdisk_new(1);
    const struct simtrace *t;
    struct vault v;
    struct buf sites;
    size_t claim = 0;
    size_t hint = 0;

    (void)state;
    buf_init(&sites);
    kit_enter(&v, d, "a");
    ok(init_default(&v));
    assert_string_equal(kit_syncs(d, 0, &sites),
                        "init.folders init.key init.keys journal.entry journal.publish "
                        "journal.head init.hint init.name");
    t = simdisk_trace(d);
    for (size_t i = 0; i < t->count; i++) {
        if (t->ops[i].kind == SIMOP_MKDIR && claim == 0) {
            assert_string_equal(t->ops[i].path, "repo/journal");
            claim = i;
        }
        if (t->ops[i].kind == SIMOP_RENAME_NEW && strcmp(t->ops[i].to, "repo/holdfast") == 0) {
            hint = i;
        }
    }
    assert_true(hint > 0);
    for (size_t i = hint + 1; i < t->count; i++) {
        assert_true(t->ops[i].kind == SIMOP_SYNC_DIR);
    }
    buf_release(&sites);
    kit_end(&v, d);
}

struct mode {
    const char *prefix;
    uint32_t mode;
    unsigned seen;
};

static int check_mode(void *context, const char *path, const struct simnode *node)
{
    static const struct mode modes[] = {
        { "repo/holdfast", 0444, 0 }, { "repo/keys/", 0400, 0 },   { "repo/journal/", 0400, 0 },
        { "repo/head/", 0400, 0 },    { "repo/reserve", 0600, 0 },
    };
    unsigned *files = context;

    if (node->is_dir) {
        return 0;
    }
    for (size_t i = 0; i < COUNT(modes); i++) {
        if (strncmp(path, modes[i].prefix, strlen(modes[i].prefix)) == 0) {
            assert_int_equal(node->mode, modes[i].mode);
            ++*files;
            return 0;
        }
    }
    fail_msg("%s was left behind", path);
    return 0;
}

static void test_init_leaves_just_what_the_format_says(void **state)
{
    struct simdisk *d = simdisk_new(1);
    struct vault v;
    unsigned files = 0;
    size_t len;
    const uint8_t *reserve;

    (void)state;
    kit_enter(&v, d, "a");
    ok(init_default(&v));
    simtree_each(simdisk_tree(d), check_mode, &files);
    assert_int_equal(files, 5);
    reserve = simrot_look(d, "repo/reserve", &len);
    assert_int_equal(len, 1 << 20);
    for (size_t i = 0; i < len; i += 4096) {
        assert_int_equal(reserve[i], 0);
    }
    kit_end(&v, d);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void test_init_refuses_what_is_there(void **state)
{
    struct simdisk *d = simdisk_new(1);
    struct vault v;
    size_t from;

    (void)state;
    kit_enter(&v, d, "a");
    ok(init_default(&v));
    from = simdisk_trace(d)->count;
    says(init_default(&v), HF_EEXISTS, "there is a repository already");
    assert_non_null(strstr(err_last()->text, "could not make a repository in sim:/repo"));
    simrot_delete(d, "repo/holdfast");
    from = simdisk_trace(d)->count;
    says(init_default(&v), HF_EEXISTS, "an unfinished init, or a damaged repository, is there");
    assert_non_null(strstr(err_last()->hint, "remove the folder's content"));
    assert_int_equal(kit_changes(d, from, ""), 0);
    kit_fault(d, SIMOP_STAT, "repo/holdfast", SIMFAULT_REFUSE, EIO);
    assert_int_equal(init_default(&v), HF_EIO);
    kit_fault(d, SIMOP_STAT, "repo/journal", SIMFAULT_REFUSE, EIO);
    assert_int_equal(init_default(&v), HF_EIO);
    kit_end(&v, d);
}

static void test_init_refuses_names_that_no_key_can_have(void **state)
{
    char longest[66];
    const char *names[] = { "", "a/b", "../escape", "a.2", "a b", longest };
    struct simdisk *d = simdisk_new(1);
    struct repo_params params;
    struct vault v;

    (void)state;
    memset(longest, 'x', 65);
    longest[65] = '\0';
    kit_enter(&v, d, "a");
    repo_default_params(&params);
    for (size_t i = 0; i < COUNT(names); i++) {
        says(init(&v, &params, names[i]), HF_EUSAGE, "can't name a key");
        assert_int_equal(kit_changes(d, 0, ""), 0);
    }
    ok(init(&v, &params, longest + 1));
    kit_open(&v);
    kit_end(&v, d);
}

/* What could be made and never opened, or never written to. */
static void test_init_refuses_parameters_that_nothing_could_have(void **state)
{
    struct repo_params good;
    struct repo_params bad[12];
    struct simdisk *d = simdisk_new(1);
    struct vault v;

    (void)state;
    kit_enter(&v, d, "a");
    repo_default_params(&good);
    for (size_t i = 0; i < COUNT(bad); i++) {
        bad[i] = good;
    }
    bad[0].segment_target = 0;
    bad[1].segment_target = REPO_TARGET_MIN - 1;
    bad[2].segment_target = REPO_TARGET_MAX + 1;
    bad[3].level = -1;
    bad[4].level = 256 + 1;
    bad[5].codec = (enum codec_kind)9;
    bad[6].level = 100;
    bad[7].chunks.min = 10;
    bad[8].chunks.avg = bad[8].chunks.max;
    bad[9].chunks.max = (16u << 20) + 1;
    bad[10].chunks.fixed = 1;
    bad[11].chunks.fixed = (16u << 20) + 1;
    for (size_t i = 0; i < COUNT(bad); i++) {
        int rc = init(&v, &bad[i], "main");

        if (rc != HF_EUSAGE && rc != HF_EUNSUPPORTED) {
            fail_msg("%zu: %s", i, err_code_name(rc));
        }
        assert_int_equal(kit_changes(d, 0, ""), 0);
    }
    good.segment_target = REPO_TARGET_MIN;
    ok(init(&v, &good, "main"));
    kit_open(&v);
    kit_end(&v, d);
}

/* --- a file system that is no home for it ----------------------------------------------------- */

static const struct fs_ops *plain_ops;

static int rename_that_replaces(struct fs *fs, const char *from, const char *to)
{
    return plain_ops->rename_over(fs, from, to);
}

static int rename_that_can_not(struct fs *fs, const char *from, const char *to)
{
    (void)fs;
    (void)from;
    (void)to;
    return err_raise(HF_EUNSUPPORTED, "it can't");
}

static void test_init_refuses_a_file_system_without_create_if_absent(void **state)
{
    int (*const renames[])(struct fs *, const char *, const char *) = { rename_that_replaces,
                                                                        rename_that_can_not };

    (void)state;
    for (size_t i = 0; i < COUNT(renames); i++) {
        struct simdisk *d = simdisk_new(1);
        struct vault v;
        struct fs_ops ops;

        kit_enter(&v, d, "a");
        plain_ops = v.env.fs->ops;
        ops = *plain_ops;
        ops.rename_new = renames[i];
        v.env.fs->ops = &ops;
        says(init_default(&v), HF_EUNSUPPORTED, "only if it is free");
        assert_non_null(strstr(err_last()->hint, "ext4"));
        assert_false(kit_there(d, "repo/holdfast"));
        v.env.fs->ops = plain_ops;
        kit_end(&v, d);
    }
}

/* --- failures --------------------------------------------------------------------------------- */

/* Whatever fails, what is left is no repository, or one that is whole; and the user is told. */
static void test_init_that_fails_anywhere_makes_none(void **state)
{
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct simdisk *d = simdisk_new(1);
        struct simfault f = { .where = { .nth = nth }, .errnum = ENOSPC };
        struct vault v;
        int rc;

        kit_enter(&v, d, "a");
        simdisk_fault(d, &f);
        rc = init_default(&v);
        failed = simdisk_fault_hits(d) > 0;
        simdisk_clear_faults(d);
        if (rc == 0) { /* what failed was not needed */
            kit_open(&v);
        } else {
            assert_true(rc == HF_ENOSPC || rc == HF_EUNSUPPORTED);
            assert_non_null(strstr(err_last()->text, "could not make a repository"));
            rc = repo_open(&v.env, &kit_unlock, REPO_STRICT, &v.repo);
            assert_true(rc == HF_ENO_REPO || (rc == 0 && kit_there(d, "repo/holdfast")));
        }
        kit_end(&v, d);
    }
}

static int no_randomness(struct rnd *r, void *out, size_t len)
{
    if (r->state[0] == 0) {
        return err_raise(HF_EIO, "there is no randomness");
    }
    r->state[0]--;
    memset(out, (int)r->state[0] + 1, len);
    return 0;
}

static void test_init_needs_randomness(void **state)
{
    int rc = HF_EIO;

    (void)state;
    for (uint64_t draws = 0; rc != 0; draws++) {
        struct rnd scarce = { .fill = no_randomness, .state = { draws } };
        struct simdisk *d = simdisk_new(1);
        struct vault v;

        kit_enter(&v, d, "a");
        v.env.rnd = &scarce;
        rc = init_default(&v);
        if (rc != 0) {
            says(rc, HF_EIO, "no randomness");
        }
        assert_true(draws < 20);
        kit_end(&v, d);
    }
}

static void test_init_without_memory(void **state)
{
    uint64_t refused = 1;

    (void)state;
    for (uint64_t n = 1; refused > 0; n++) {
        struct simdisk *d = simdisk_new(1);
        struct vault v;
        int rc;

        kit_enter(&v, d, "a");
        mem_fail_at(n, 0);
        rc = init_default(&v);
        refused = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_true(rc == 0 || rc == HF_ENOMEM || rc == HF_EUNKNOWN);
        assert_int_equal(kit_there(d, "repo/holdfast"), rc == 0);
        kit_end(&v, d);
    }
}

/* --- two at once ------------------------------------------------------------------------------ */

static int init_body(struct simclient *c, void *context)
{
    struct vault *v = context;

    (void)c;
    return init_default(v);
}

static void test_init_of_two_at_once_makes_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct simdisk *d = simdisk_new(seed);
        struct simsched *s = simsched_new(d, seed);
        struct vault a;
        struct vault b;
        int of_a;
        int of_b;

        kit_enter(&a, d, "a");
        kit_enter(&b, d, "b");
        simsched_add(s, "a", init_body, &a);
        simsched_add(s, "b", init_body, &b);
        ok(simsched_run(s));
        of_a = simsched_result(s, "a");
        of_b = simsched_result(s, "b");
        assert_int_equal((of_a == 0) + (of_b == 0), 1);
        assert_int_equal(of_a == 0 ? of_b : of_a, HF_EEXISTS);
        kit_open(of_a == 0 ? &b : &a);
        simsched_free(s);
        vault_leave(&b);
        kit_end(&a, d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_makes_a_repository_that_opens),
        cmocka_unit_test(test_init_of_a_password_opens_with_it),
        cmocka_unit_test(test_init_syncs_in_the_order_of_the_protocol),
        cmocka_unit_test(test_init_leaves_just_what_the_format_says),
        cmocka_unit_test(test_init_refuses_what_is_there),
        cmocka_unit_test(test_init_refuses_names_that_no_key_can_have),
        cmocka_unit_test(test_init_refuses_parameters_that_nothing_could_have),
        cmocka_unit_test(test_init_refuses_a_file_system_without_create_if_absent),
        cmocka_unit_test(test_init_that_fails_anywhere_makes_none),
        cmocka_unit_test(test_init_needs_randomness),
        cmocka_unit_test(test_init_without_memory),
        cmocka_unit_test(test_init_of_two_at_once_makes_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
