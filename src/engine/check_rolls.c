/*
 * check_rolls.c - the part of a check that looks at roll-ups.
 *
 * Following the journal reads a roll-up only where single entries are empty. Here each one is read,
 * whether it is needed or not, for on the day it is, it is too late: its bytes, the chain in it up
 * to an entry that is known to be right, and the single files that it covers and that still hold
 * their bytes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/check_internal.h"
#include "format/entry.h"
#include "format/roll.h"

#define ROLL_MAX_FILE ((size_t)1 << 30)
#define ROLL_PATH_BYTES (6 + ROLL_NAME_BYTES)
#define ENTRY_PATH_BYTES (8 + ENTRY_NAME_BYTES)

struct listing {
    struct check *check;
    struct check_rolls *rolls;
};

static int see_roll(void *context, const char *name)
{
    struct listing *l = context;
    struct check_rolls *rolls = l->rolls;
    struct check_roll roll;
    char path[6 + 256];
    int rc;

    if (!roll_parse_name(name, &roll.first, &roll.last)) {
        snprintf(path, sizeof path, "rolls/%s", name);
        check_report(l->check, "file", path, "it is not the name of a roll-up");
        return 0;
    }
    rc = mem_grow(&rolls->list, &rolls->cap, rolls->count + 1, sizeof *rolls->list);
    if (rc == 0) {
        rolls->list[rolls->count++] = roll;
    }
    return rc;
}

int check_rolls_list(struct check *c, struct check_rolls *out)
{
    struct listing l = { c, out };
    int rc = fs_list(c->fs, "rolls", see_roll, &l);

    if (rc == HF_EABSENT) {
        err_clear(); /* nothing can be rolled up, and nothing was: or it is missed as an entry */
        rc = 0;
    }
    return rc;
}

void check_rolls_release(struct check_rolls *rolls)
{
    mem_free(rolls->list);
    memset(rolls, 0, sizeof *rolls);
}

/* A single file that has not been emptied must hold the very bytes of the roll-up. */
static int compare_single(struct check *c, uint64_t number, const uint8_t *rolled, size_t len)
{
    char path[ENTRY_PATH_BYTES] = "journal/";
    uint8_t *data = NULL;
    size_t got = 0;
    struct fs_stat st;
    int rc;

    entry_name(number, path + 8);
    rc = fs_stat(c->fs, path, &st);
    if (rc == 0 && st.size > 0) {
        rc = fs_read_file(c->fs, path, ENTRY_MAX_BODY + ENTRY_SEAL_BYTES, &data, &got);
        if (rc == 0 && got > 0 && (got != len || memcmp(data, rolled, len) != 0)) {
            rc = err_raise(HF_EDAMAGE, "it is not what the roll-up that covers it holds");
        }
    }
    mem_free(data);
    if (rc == HF_EDAMAGE || rc == HF_EIO) {
        check_report(c, "entry", path, NULL);
        rc = 0;
    }
    return rc == HF_EABSENT ? 0 : rc; /* that a name is missing was told before */
}

/* Whether this is the seal hash of the last entry of a roll-up, by what the chain has passed. */
static int vouch(struct check *c, struct journal *j, uint64_t number, const uint8_t hash[32])
{
    const struct journal_position *at = journal_at(j);
    struct journal_entry e;
    uint8_t *memory = NULL;
    int rc = 0;

    memcpy(e.seal.previous, at->hash, sizeof e.seal.previous);
    if (number > at->number) {
        return c->journal_broken
                   ? 0 /* where the journal broke was told; nothing vouches for what is behind */
                   : err_raise(HF_EDAMAGE, "it holds entries that the journal does not lead to");
    }
    if (number < at->number) {
        rc = journal_read(j, number + 1, &e, &memory);
        mem_free(memory);
    }
    if (rc == 0 && memcmp(e.seal.previous, hash, sizeof e.seal.previous) != 0) {
        rc = err_raise(HF_EDAMAGE, "the entries in it are not those of the journal");
    }
    return rc;
}

/* Its entries must follow from each other, and the last one be the journal's: then all are. */
static int check_links(struct check *c, struct journal *j, const struct roll_view *v)
{
    const uint8_t *at = v->entries;
    uint8_t hash[32];
    int rc = 0;

    for (uint64_t number = v->first; rc == 0 && number <= v->last; number++) {
        size_t len = roll_entry_len(v, (uint32_t)(number - v->first));
        struct entry_seal seal;
        const uint8_t *body;
        size_t body_len;

        rc = entry_decode(at, len, &seal, &body, &body_len);
        if (rc == 0 && (seal.number != number ||
                        (number > v->first && memcmp(seal.previous, hash, sizeof hash) != 0))) {
            rc = err_raise(HF_EDAMAGE, "the entries in it do not follow from each other");
        }
        if (rc == 0) {
            entry_seal_hash(at + len - ENTRY_SEAL_BYTES, hash);
        }
        at += len;
    }
    return rc == 0 ? vouch(c, j, v->last, hash) : rc;
}

static int compare_singles(struct check *c, const struct roll_view *v)
{
    const uint8_t *at = v->entries;
    int rc = 0;

    for (uint64_t number = v->first; rc == 0 && number <= v->last; number++) {
        size_t len = roll_entry_len(v, (uint32_t)(number - v->first));

        rc = compare_single(c, number, at, len);
        at += len;
    }
    return rc;
}

static int check_roll(struct check *c, struct journal *j, const struct check_roll *roll)
{
    char path[ROLL_PATH_BYTES] = "rolls/";
    uint8_t *data = NULL;
    size_t len = 0;
    struct roll_view v;
    int rc;

    roll_name(roll->first, roll->last, path + 6);
    rc = fs_read_file(c->fs, path, ROLL_MAX_FILE, &data, &len);
    if (rc == 0) {
        rc = roll_decode(data, len, &v);
    }
    if (rc == 0 && (v.first != roll->first || v.last != roll->last ||
                    memcmp(v.repo_id, repo_id(c->repo), 16) != 0)) {
        rc = err_raise(HF_EDAMAGE, "it is not the roll-up that its name says");
    }
    if (rc == 0) {
        rc = check_links(c, j, &v);
    }
    if (rc == 0) {
        rc = compare_singles(c, &v);
    }
    mem_free(data);
    if (rc == HF_EDAMAGE || rc == HF_EIO) {
        check_report(c, "roll", path, NULL);
        rc = 0;
    }
    return rc == HF_EABSENT ? 0 : rc; /* it has become part of a larger one meanwhile */
}

int check_rolls(struct check *c, struct journal *j, const struct check_rolls *rolls)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < rolls->count; i++) {
        rc = check_roll(c, j, &rolls->list[i]);
        if (rc == 0) {
            rc = check_tick(c);
        }
    }
    return rc;
}
