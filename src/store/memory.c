/*
 * memory.c - the client's memory of where a journal stood. See memory.h.
 *
 * A slot, 64 bytes: magic "HFMEMORY" [8] · u64 turn · u64 number · seal hash [32] · u64 xxh3 of the
 * 56 bytes before. Of two whole slots the one with the higher turn counts.
 */
#include "store/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "format/nacl.h"
#include "format/xxh.h"

#define SLOT_BYTES 64
#define NAME_BYTES (32 + 1 + 16 + 2 + 1)

static const uint8_t magic[8] = { 'H', 'F', 'M', 'E', 'M', 'O', 'R', 'Y' };

static void slot_name(const uint8_t repo_id[16], const char *location, unsigned slot,
                      char out[NAME_BYTES])
{
    uint8_t hash[NACL_HASH_BYTES];
    char id[33];
    char place[17];

    nacl_hash(location, strlen(location), hash);
    text_hex(repo_id, 16, id);
    text_hex(hash, 8, place);
    snprintf(out, NAME_BYTES, "%s-%s.%u", id, place, slot);
}

/* A slot that is not whole counts as empty: the other one holds what was written before. */
static int read_slot(struct fs *state, const char *name, uint64_t *out_turn,
                     struct journal_position *out)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = fs_read_file(state, name, SLOT_BYTES, &data, &len);

    *out_turn = 0;
    memset(out, 0, sizeof *out);
    if (rc == HF_EABSENT) {
        err_clear();
        return 0;
    }
    if (rc < 0 && rc != HF_EDAMAGE) {
        return rc;
    }
    if (rc == 0 && len == SLOT_BYTES && memcmp(data, magic, sizeof magic) == 0 &&
        xxh_64(data, 56) == le_get64(data + 56)) {
        *out_turn = le_get64(data + 8);
        out->number = le_get64(data + 16);
        memcpy(out->hash, data + 24, sizeof out->hash);
    } else {
        log_write(LOG_LEVEL_WARN, "the state file %s is not whole and is passed over", name);
        err_clear();
    }
    mem_free(data);
    return 0;
}

static int load_newest(struct fs *state, const uint8_t repo_id[16], const char *location,
                       uint64_t *out_turn, struct journal_position *out)
{
    *out_turn = 0;
    memset(out, 0, sizeof *out);
    for (unsigned slot = 0; slot < 2; slot++) {
        char name[NAME_BYTES];
        struct journal_position p;
        uint64_t turn;
        int rc;

        slot_name(repo_id, location, slot, name);
        rc = read_slot(state, name, &turn, &p);
        if (rc < 0) {
            return rc;
        }
        if (turn > *out_turn) {
            *out_turn = turn;
            *out = p;
        }
    }
    return 0;
}

int memory_load(struct fs *state, const uint8_t repo_id[16], const char *location,
                struct journal_position *out_position)
{
    uint64_t turn;

    return load_newest(state, repo_id, location, &turn, out_position);
}

static int write_slot(struct fs *state, const char *name, const uint8_t slot[SLOT_BYTES])
{
    struct fs_file *f = NULL;
    int rc = fs_unlink(state, name);

    if (rc < 0 && rc != HF_EABSENT) {
        return rc;
    }
    rc = fs_create(state, name, 0600, &f);
    if (rc == HF_EEXISTS) {
        return 0; /* another process of this client is remembering at this very moment */
    }
    if (rc == 0) {
        rc = fs_pwrite(f, slot, SLOT_BYTES, 0);
    }
    if (rc == 0) {
        rc = fs_close(&f);
    }
    (void)fs_close(&f);
    return rc;
}

int memory_store(struct fs *state, const uint8_t repo_id[16], const char *location,
                 const struct journal_position *position)
{
    struct journal_position last;
    uint8_t slot[SLOT_BYTES];
    char name[NAME_BYTES];
    uint64_t turn;
    int rc = load_newest(state, repo_id, location, &turn, &last);

    if (rc < 0 || position->number <= last.number) {
        return rc;
    }
    memcpy(slot, magic, sizeof magic);
    le_put64(slot + 8, turn + 1);
    le_put64(slot + 16, position->number);
    memcpy(slot + 24, position->hash, sizeof position->hash);
    le_put64(slot + 56, xxh_64(slot, 56));
    slot_name(repo_id, location, (unsigned)((turn + 1) % 2), name);
    return write_slot(state, name, slot);
}

int memory_forget(struct fs *state, const uint8_t repo_id[16], const char *location)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        char name[NAME_BYTES];
        int rc;

        slot_name(repo_id, location, slot, name);
        rc = fs_unlink(state, name);
        if (rc < 0 && rc != HF_EABSENT) {
            return rc;
        }
    }
    err_clear();
    return 0;
}
