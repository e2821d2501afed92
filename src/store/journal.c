/*
 * journal.c - reading the chain. See journal.h for the promises, docs/durability.md for the
 * protocol.
 *
 * What is read is believed only if its bytes hash to what its seal says, its seal hashes to what
 * the next seal says, and the seal at the tip is signed. Whatever does not fit is damage of that
 * name: nothing is passed over, and no history is ever made shorter than the head says it is.
 */
#include "store/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/nacl.h"
#include "store/journal_internal.h"

#define ENTRY_PATH_BYTES (8 + ENTRY_NAME_BYTES)
#define ENTRY_MAX_FILE (ENTRY_MAX_BODY + ENTRY_SEAL_BYTES)
#define ROLL_MAX_FILE (1u << 30)
#define ROLL_PATH_BYTES (6 + ROLL_NAME_BYTES)
#define ROLL_TRIES 3
#define HEAD_TRIES 8

int journal_new(const struct journal_options *options, struct journal **out_journal)
{
    struct journal *j = mem_zalloc(sizeof *j);
    uint8_t hash[NACL_HASH_BYTES];

    if (!j) {
        return err_nomem();
    }
    j->o = *options;
    nacl_hash(options->admin_public, sizeof options->admin_public, hash);
    memcpy(j->author, hash, sizeof j->author);
    *out_journal = j;
    return 0;
}

void journal_free(struct journal *j)
{
    if (j) {
        mem_free(j->roll_memory);
        mem_free(j);
    }
}

const struct journal_position *journal_at(const struct journal *j)
{
    return &j->at;
}

void journal_begin_at(struct journal *j, const struct journal_position *position)
{
    j->at = *position;
}

void journal_verify_all(struct journal *j)
{
    j->o.verify_all = true;
}

bool journal_damaged(const struct journal *j)
{
    return j->damaged;
}

bool journal_settled(const struct journal *j)
{
    return j->at.number <= j->settled;
}

/* The head */

struct head_scan {
    struct fs *fs;
    struct journal_position best;
    uint64_t remove_below;
};

static int see_head_name(void *context, const char *name)
{
    struct head_scan *scan = context;
    struct journal_position p;

    if (!entry_parse_head(name, &p.number, p.hash)) {
        return err_raise(HF_EDAMAGE, "head/%s is not the name of a head", name);
    }
    if (p.number < scan->remove_below) {
        char path[8 + ENTRY_HEAD_BYTES];

        snprintf(path, sizeof path, "head/%s", name);
        return fs_unlink(scan->fs, path);
    }
    if (p.number == scan->best.number && memcmp(p.hash, scan->best.hash, sizeof p.hash) != 0) {
        return err_raise(HF_EDAMAGE, "head/ names two different entries %" PRIu64, p.number);
    }
    if (p.number > scan->best.number) {
        scan->best = p;
    }
    return 0;
}

int journal_head_scan(struct journal *j, struct journal_position *out_head, uint64_t remove_below)
{
    struct head_scan scan = { .fs = j->o.fs, .remove_below = remove_below };
    int rc = fs_list(j->o.fs, "head", see_head_name, &scan);

    *out_head = scan.best;
    return rc;
}

/*
 * A folder is not listed at one instant: while another client raises the head, a listing can miss
 * the new name and no longer see the old one. So an empty one is believed only when it stays empty.
 */
int journal_head(struct journal *j, struct journal_position *out_head)
{
    int rc = 0;

    for (int tries = 0; tries < HEAD_TRIES; tries++) {
        rc = journal_head_scan(j, out_head, 0);
        if (rc < 0 || out_head->number > 0) {
            break;
        }
    }
    if (rc == HF_EABSENT) {
        return err_raise(HF_EDAMAGE, "the folder head/ is missing");
    }
    if (rc == 0 && out_head->number == 0) {
        return err_raise(HF_EDAMAGE,
                         "head/ is empty: the lower bound of the journal's length is lost");
    }
    return rc;
}

/* Entries in roll-ups */

struct roll_search {
    uint64_t number;
    uint64_t first, last;
    bool found;
};

static int see_roll_name(void *context, const char *name)
{
    struct roll_search *search = context;
    uint64_t first;
    uint64_t last;

    if (roll_parse_name(name, &first, &last) && first <= search->number && search->number <= last &&
        (!search->found || last - first > search->last - search->first)) {
        search->first = first;
        search->last = last;
        search->found = true;
    }
    return 0;
}

/* The bytes of the roll-up that covers most beside this entry. HF_EABSENT: it went meanwhile. */
static int read_roll(struct journal *j, uint64_t number, char path[ROLL_PATH_BYTES],
                     struct roll_search *search, uint8_t **out_data, size_t *out_len)
{
    char name[ROLL_NAME_BYTES];
    int rc;

    *search = (struct roll_search){ .number = number };
    rc = fs_list(j->o.fs, "rolls", see_roll_name, search);
    if (rc < 0 && rc != HF_EABSENT) {
        return rc;
    }
    if (!search->found) {
        return err_raise(HF_EDAMAGE, "entry %" PRIu64 " is empty and no roll-up covers it", number);
    }
    roll_name(search->first, search->last, name);
    snprintf(path, ROLL_PATH_BYTES, "rolls/%s", name);
    return fs_read_file(j->o.fs, path, ROLL_MAX_FILE, out_data, out_len);
}

/* A roll-up that is gone before it could be read has become part of a larger one: look again. */
static int load_roll(struct journal *j, uint64_t number)
{
    struct roll_search search;
    char path[ROLL_PATH_BYTES];
    uint8_t *data = NULL;
    size_t len = 0;
    struct roll_view view;
    int rc = HF_EABSENT;

    for (int tries = 0; rc == HF_EABSENT && tries < ROLL_TRIES; tries++) {
        rc = read_roll(j, number, path, &search, &data, &len);
    }
    if (rc < 0) {
        return rc == HF_EABSENT ? err_add(HF_EDAMAGE, "entry %" PRIu64, number) : rc;
    }
    rc = roll_decode(data, len, &view);
    if (rc == 0 && (view.first != search.first || view.last != search.last ||
                    memcmp(view.repo_id, j->o.repo_id, sizeof view.repo_id) != 0)) {
        rc = err_raise(HF_EDAMAGE, "it is not the roll-up that its name says");
    }
    if (rc < 0) {
        mem_free(data);
        return err_add(rc, "%s", path);
    }
    mem_free(j->roll_memory);
    j->roll_memory = data;
    j->roll = view;
    j->roll_number = view.first;
    j->roll_offset = 0;
    return 0;
}

/* Copies an entry out of the roll-up in hand, loading the right one first if need be. */
static int read_rolled(struct journal *j, uint64_t number, uint8_t **out_data, size_t *out_len)
{
    size_t len;

    if (!j->roll_memory || number < j->roll.first || number > j->roll.last) {
        int rc = load_roll(j, number);

        if (rc < 0) {
            return rc;
        }
    }
    if (number < j->roll_number) {
        j->roll_number = j->roll.first;
        j->roll_offset = 0;
    }
    for (; j->roll_number < number; j->roll_number++) {
        j->roll_offset += roll_entry_len(&j->roll, (uint32_t)(j->roll_number - j->roll.first));
    }
    len = roll_entry_len(&j->roll, (uint32_t)(number - j->roll.first));
    *out_data = mem_dup(j->roll.entries + j->roll_offset, len);
    *out_len = len;
    return *out_data ? 0 : err_nomem();
}

static int read_bytes(struct journal *j, uint64_t number, uint8_t **out_data, size_t *out_len)
{
    char path[ENTRY_PATH_BYTES] = "journal/";
    int rc;

    if (j->roll_memory && number >= j->roll.first && number <= j->roll.last) {
        return read_rolled(j, number, out_data, out_len);
    }
    entry_name(number, path + 8);
    rc = fs_read_file(j->o.fs, path, ENTRY_MAX_FILE, out_data, out_len);
    if (rc == 0 && *out_len == 0) {
        mem_free(*out_data);
        *out_data = NULL;
        return read_rolled(j, number, out_data, out_len);
    }
    return rc;
}

int journal_read(struct journal *j, uint64_t number, struct journal_entry *out_entry,
                 uint8_t **out_memory)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc;

    *out_memory = NULL;
    memset(out_entry, 0, sizeof *out_entry);
    if (number == 0 || number > ENTRY_MAX_NUMBER) {
        return err_raise(HF_EABSENT, "there is no entry %" PRIu64, number);
    }
    rc = read_bytes(j, number, &data, &len);
    if (rc < 0) {
        return rc;
    }
    out_entry->file = data;
    out_entry->file_len = len;
    rc = entry_decode(data, len, &out_entry->seal, &out_entry->body, &out_entry->body_len);
    if (rc == 0 && memcmp(out_entry->seal.repo_id, j->o.repo_id, 16) != 0) {
        rc = err_raise(HF_EDAMAGE, "it belongs to another repository");
    }
    if (rc == 0 && out_entry->seal.number != number) {
        rc = err_raise(HF_EDAMAGE, "it says that it is entry %" PRIu64, out_entry->seal.number);
    }
    if (rc < 0) {
        mem_free(data);
        return err_add(rc, "journal entry %" PRIu64, number);
    }
    entry_seal_hash(data + len - ENTRY_SEAL_BYTES, out_entry->seal_hash);
    *out_memory = data;
    return 0;
}

/* Following */

int journal_check_signature(const struct journal *j, const struct journal_entry *e)
{
    const uint8_t *seal = e->file + e->file_len - ENTRY_SEAL_BYTES;

    if (memcmp(e->seal.author, j->author, sizeof j->author) != 0) {
        return err_raise(HF_EDAMAGE, "its author is not known to this repository");
    }
    if (!entry_signature_holds(seal, j->o.admin_public)) {
        return err_raise(HF_EDAMAGE, "its signature does not hold");
    }
    return 0;
}

int journal_accept(struct journal *j, const struct journal_entry *e, bool signature)
{
    int rc = 0;

    if (memcmp(e->seal.previous, j->at.hash, sizeof j->at.hash) != 0) {
        rc = err_raise(HF_EDAMAGE, "it does not follow from the entry before it");
    }
    if (rc == 0 && signature) {
        rc = journal_check_signature(j, e);
    }
    if (rc == 0 && j->o.observe) {
        rc = j->o.observe(j->o.context, e);
    }
    if (rc < 0) {
        return err_add(rc, "journal entry %" PRIu64, e->seal.number);
    }
    j->at.number = e->seal.number;
    memcpy(j->at.hash, e->seal_hash, sizeof j->at.hash);
    return 0;
}

/* The head must be the entry it names: else the journal was cut, forked or set back. */
static int check_head(struct journal *j, const struct journal_position *head)
{
    struct journal_entry e;
    uint8_t *memory = NULL;
    uint8_t hash[32];
    int rc;

    if (j->at.number < head->number) {
        return err_raise(HF_EDAMAGE,
                         "entry %" PRIu64 " is missing, though the journal has reached %" PRIu64,
                         j->at.number + 1, head->number);
    }
    if (j->at.number == head->number) {
        memcpy(hash, j->at.hash, sizeof hash);
    } else {
        rc = journal_read(j, head->number, &e, &memory);
        if (rc < 0) {
            return rc == HF_EABSENT
                       ? err_raise(HF_EDAMAGE, "entry %" PRIu64 " is missing", head->number)
                       : rc;
        }
        memcpy(hash, e.seal_hash, sizeof hash);
        mem_free(memory);
    }
    if (memcmp(hash, head->hash, sizeof hash) != 0) {
        return err_raise(HF_EDAMAGE, "entry %" PRIu64 " is not the one that the head names",
                         head->number);
    }
    return 0;
}

/* Takes in entries until a number is absent. Without verify_all the last one's signature counts. */
static int follow_chain(struct journal *j)
{
    struct journal_entry e;
    uint8_t *memory = NULL;
    struct journal_entry next;
    uint8_t *next_memory = NULL;
    int rc = journal_read(j, j->at.number + 1, &e, &memory);

    while (rc == 0) {
        int more = journal_read(j, e.seal.number + 1, &next, &next_memory);

        rc = journal_accept(j, &e, j->o.verify_all || more != 0);
        mem_free(memory);
        memory = next_memory;
        next_memory = NULL;
        e = next;
        if (rc == 0) {
            rc = more;
        }
    }
    mem_free(memory);
    return rc == HF_EABSENT ? 0 : rc;
}

int journal_follow(struct journal *j)
{
    struct journal_position head = { 0 };
    struct err_trail broken_head;
    /* The head is read first: what it covers was durable before, so all of it must be found. */
    int head_rc = journal_head(j, &head);
    int rc;

    if (head_rc < 0 && head_rc != HF_EDAMAGE) {
        return head_rc;
    }
    err_take(&broken_head);
    rc = follow_chain(j);
    if (rc == 0 && head_rc < 0) {
        err_give(&broken_head);
        rc = head_rc;
    } else if (rc == 0) {
        rc = check_head(j, &head);
    }
    if (rc == 0 && head.number > j->settled) {
        j->settled = head.number;
    }
    if (rc == HF_EDAMAGE) {
        j->damaged = true;
    }
    return rc;
}
