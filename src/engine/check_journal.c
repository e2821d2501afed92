/*
 * check_journal.c - the part of a check that follows the journal, and says which name is wrong.
 *
 * First all names are listed - heads, entries, roll-ups - and then the chain is followed. In this
 * order, because other clients may be publishing meanwhile: a name that was there before must be
 * reached, while one that came later need not have been seen.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/check_internal.h"

#define ENTRY_PATH_BYTES (8 + ENTRY_NAME_BYTES)

struct head_name {
    struct journal_position position;
    bool passed, holds; /* the chain has that number, and that entry */
};

struct chain {
    struct check *check;
    struct journal *journal;
    struct head_name *heads;
    size_t head_count, head_cap;
    uint64_t *numbers; /* of names in journal/, sorted */
    size_t count, cap;
    struct check_rolls rolls;
    bool malformed_head;
};

static const char *entry_path(uint64_t number, char out[ENTRY_PATH_BYTES])
{
    memcpy(out, "journal/", 9);
    entry_name(number, out + 8);
    return out;
}

/* Names */

static int see_head(void *context, const char *name)
{
    struct chain *x = context;
    struct head_name h = { .passed = false };
    struct fs_stat st = { .size = 0 };
    char path[5 + 256];
    int rc;

    snprintf(path, sizeof path, "head/%s", name);
    if (fs_stat(x->check->fs, path, &st) == 0 && st.size > 0) {
        check_report(x->check, "head", path, "it is not empty");
    }
    err_clear(); /* one that is gone has been replaced by a higher one */
    if (!entry_parse_head(name, &h.position.number, h.position.hash)) {
        check_report(x->check, "head", path, "it is not the name of a head");
        x->malformed_head = true;
        return 0;
    }
    rc = mem_grow(&x->heads, &x->head_cap, x->head_count + 1, sizeof *x->heads);
    if (rc == 0) {
        x->heads[x->head_count++] = h;
    }
    return rc;
}

static int see_entry(void *context, const char *name)
{
    struct chain *x = context;
    char path[8 + 256];
    uint64_t number;
    int rc;

    if (!entry_parse_name(name, &number)) {
        snprintf(path, sizeof path, "journal/%s", name);
        check_report(x->check, "file", path, "it is not the name of an entry");
        return 0;
    }
    rc = mem_grow(&x->numbers, &x->cap, x->count + 1, sizeof *x->numbers);
    if (rc == 0) {
        x->numbers[x->count++] = number;
    }
    return rc;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int list_names(struct chain *x)
{
    struct fs *fs = x->check->fs;
    int rc = fs_list(fs, "head", see_head, x);

    if (rc == 0 || rc == HF_EABSENT) {
        rc = fs_list(fs, "journal", see_entry, x);
    }
    if (rc == HF_EABSENT) {
        check_report(x->check, "journal", "journal/", "the folder is missing");
        rc = 0;
    }
    if (rc == 0) {
        rc = check_rolls_list(x->check, &x->rolls);
    }
    if (x->count > 1) {
        qsort(x->numbers, x->count, sizeof *x->numbers, compare_numbers);
    }
    return rc;
}

/* How far the journal has come at least, by what is listed. */
static uint64_t reach(const struct chain *x)
{
    uint64_t far = x->count > 0 ? x->numbers[x->count - 1] : 0;

    for (size_t i = 0; i < x->head_count; i++) {
        if (x->heads[i].position.number > far) {
            far = x->heads[i].position.number;
        }
    }
    return far;
}

/* Following */

static int pass(void *context, const struct journal_entry *e)
{
    struct chain *x = context;
    int rc = catalog_apply(x->check->catalog, e);

    x->check->result->entries += rc == 0;
    for (size_t i = 0; rc == 0 && i < x->head_count; i++) {
        struct head_name *h = &x->heads[i];

        if (h->position.number == e->seal.number) {
            h->passed = true;
            h->holds = memcmp(h->position.hash, e->seal_hash, sizeof e->seal_hash) == 0;
        }
    }
    return rc;
}

static int new_journal(struct chain *x)
{
    const struct repo *repo = x->check->repo;
    const struct repo_env *env = repo_env(repo);
    struct journal_options o = { .fs = x->check->fs,
                                 .clock = env->clock,
                                 .rnd = env->rnd,
                                 .observe = pass,
                                 .context = x,
                                 .verify_all = true };

    memcpy(o.repo_id, repo_id(repo), sizeof o.repo_id);
    memcpy(o.admin_public, repo_keys(repo)->sign_public, sizeof o.admin_public);
    return journal_new(&o, &x->journal);
}

/* Whether anything, whole or not, stands behind the last entry that could be followed. */
static int stopped_short(struct chain *x, uint64_t tip, bool *out_stopped)
{
    struct journal_entry e;
    uint8_t *memory = NULL;
    int rc = journal_read(x->journal, tip + 1, &e, &memory);

    mem_free(memory);
    *out_stopped = rc != HF_EABSENT;
    if (rc != 0 && rc != HF_EDAMAGE && rc != HF_ENEWER && rc != HF_EABSENT) {
        return rc;
    }
    err_clear();
    return 0;
}

/* Heads */

static void judge_heads(struct chain *x)
{
    struct journal_position none;
    char path[5 + ENTRY_HEAD_BYTES] = "head/";
    char message[96];

    if (x->head_count == 0 && !x->malformed_head && journal_head(x->journal, &none) < 0) {
        check_report(x->check, "head", "head/", NULL);
    }
    for (size_t i = 0; i < x->head_count; i++) {
        const struct head_name *h = &x->heads[i];

        if (h->passed && !h->holds) {
            entry_head_name(h->position.number, h->position.hash, path + 5);
            snprintf(message, sizeof message, "entry %" PRIu64 " is not the one that it names",
                     h->position.number);
            check_report(x->check, "head", path, message);
        }
    }
}

/* What stands behind the break */

/* A snapshot whose entry is whole and signed, but that the chain doesn't lead to any more. */
static bool names_snapshot(const struct chain *x, const struct journal_entry *e)
{
    struct entry_walk walk;
    struct entry_view item;

    if (!entry_signature_holds(e->file + e->file_len - ENTRY_SEAL_BYTES,
                               repo_keys(x->check->repo)->sign_public)) {
        return false;
    }
    entry_walk_init(&walk, e->body, e->body_len);
    while (entry_walk_next(&walk, &item) > 0) {
        if (item.type == ENTRY_COMMIT) {
            return true;
        }
    }
    return false;
}

static int look_behind(struct chain *x, uint64_t tip)
{
    char broken[ENTRY_PATH_BYTES];
    char path[ENTRY_PATH_BYTES];
    char message[96];

    entry_path(tip + 1, broken);
    for (size_t i = 0; i < x->count; i++) {
        uint64_t number = x->numbers[i];
        struct journal_entry e;
        uint8_t *memory = NULL;
        int rc = number > tip ? journal_read(x->journal, number, &e, &memory) : HF_EABSENT;

        if (rc == HF_EDAMAGE && number > tip + 1) {
            check_report(x->check, "entry", entry_path(number, path), NULL);
        } else if (rc == 0 && names_snapshot(x, &e)) {
            snprintf(message, sizeof message,
                     "the snapshot of entry %" PRIu64 " can't be reached behind it", number);
            check_report_loss(x->check, "entry", broken, message, e.seal.uuid, NULL, 0);
        }
        mem_free(memory);
        err_clear();
        if (rc == HF_ENOMEM) {
            return err_nomem();
        }
    }
    return 0;
}

/* The chain ends at tip, for the reason `why` or because the next entry is not there. */
static int report_break(struct chain *x, uint64_t tip, bool stopped, const struct err_trail *why)
{
    uint64_t far = reach(x);
    char path[ENTRY_PATH_BYTES];
    char message[128];

    x->check->journal_broken = true;
    snprintf(message, sizeof message,
             "it is missing, though the journal has reached entry %" PRIu64, far);
    check_report(x->check, "entry", entry_path(tip + 1, path), stopped ? why->text : message);
    return look_behind(x, tip);
}

/*
 * A number whose bytes are in a roll-up keeps its name for ever, else somebody could publish under
 * it again. A listing may lack a name that was given to another file meanwhile, as a roll-up does.
 */
static bool is_free(const struct chain *x, const char *path)
{
    struct fs_stat st;
    bool is = fs_stat(x->check->fs, path, &st) == HF_EABSENT;

    err_clear();
    return is;
}

static void look_for_free_numbers(struct chain *x, uint64_t tip)
{
    uint64_t far = reach(x);
    uint64_t expected = 1;
    char path[ENTRY_PATH_BYTES];

    for (size_t i = 0; i <= x->count; i++) {
        uint64_t end = i < x->count ? x->numbers[i] : far + 1;

        for (; expected < end && expected <= tip; expected++) {
            if (is_free(x, entry_path(expected, path))) {
                check_report(x->check, "entry", path,
                             "its name is missing, so that its number could be taken again");
            }
        }
        expected = end + 1;
    }
}

static int judge(struct chain *x, int followed, const struct err_trail *why)
{
    uint64_t tip = journal_at(x->journal)->number;
    uint64_t reported = x->check->result->damage;
    bool stopped = false;
    int rc = stopped_short(x, tip, &stopped);

    if (rc < 0) {
        return rc;
    }
    stopped = stopped && followed < 0;
    judge_heads(x);
    if (stopped || reach(x) > tip) {
        rc = report_break(x, tip, stopped, why);
    }
    look_for_free_numbers(x, tip);
    if (rc == 0 && followed < 0 && x->check->result->damage == reported && !x->malformed_head) {
        check_report(x->check, "journal", "journal/", why->text);
    }
    return rc;
}

int check_journal(struct check *c)
{
    struct chain x = { .check = c };
    struct err_trail why = { 0 };
    int rc = new_journal(&x);
    int followed;

    if (rc == 0) {
        rc = list_names(&x);
    }
    if (rc == 0) {
        followed = journal_follow(x.journal);
        err_take(&why);
        if (followed == 0 || followed == HF_EDAMAGE) {
            rc = judge(&x, followed, &why);
        } else {
            err_give(&why);
            rc = followed;
        }
    }
    if (rc == 0) {
        rc = check_rolls(c, x.journal, &x.rolls);
    }
    check_rolls_release(&x.rolls);
    journal_free(x.journal);
    mem_free(x.heads);
    mem_free(x.numbers);
    return rc;
}
