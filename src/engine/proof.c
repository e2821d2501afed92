/*
 * proof.c - see proof.h.
 */
#include "engine/proof.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "format/entry.h"
#include "format/nacl.h"
#include "store/repo_keys.h"
#include "store/run.h"

/* --- publishing --- */

#define PROGRAM "/proc/self/exe"
#define PROGRAM_MAX (256u << 20)

static int read_program(struct buf *out)
{
    int fd = open(PROGRAM, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;

    while (n > 0 && out->len < PROGRAM_MAX && buf_reserve(out, 1 << 20) == 0) {
        n = read(fd, out->data + out->len, 1 << 20);
        out->len += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return n == 0 && buf_error(out) == 0 ? 0 : -1;
}

void proof_tool_hash(uint8_t out[EVIDENCE_HASH_BYTES])
{
    struct buf program;

    memset(out, 0, EVIDENCE_HASH_BYTES);
    buf_init(&program);
    if (read_program(&program) == 0) {
        nacl_hash(program.data, program.len, out);
    }
    buf_release(&program);
}

struct wish {
    struct repo *repo;
    const struct evidence *evidence;
};

static int build(void *context, const struct catalog *catalog, const uint8_t uuid[16],
                 struct buf *body)
{
    struct wish *w = context;
    struct buf plain;
    int rc;

    (void)catalog; /* what was seen stays true, whatever happened since */
    buf_init(&plain);
    rc = evidence_encode(w->evidence, &plain);
    if (rc == 0) {
        rc = entry_put_sealed(body, ENTRY_EVENT, ENTRY_EVENT_EVIDENCE, repo_keys(w->repo),
                              repo_id(w->repo), uuid, repo_env(w->repo)->rnd, plain.data,
                              plain.len);
    }
    buf_release(&plain);
    return rc;
}

/* A recovery sheet is a key file to all but the journal, which knows what it was made as. */
static int add_key_kind(const struct repo *r, struct evidence *e)
{
    const struct keychange_way *way = repo_keys_way(r);
    const struct catalog_key *known = catalog_find_key(repo_catalog(r), way->fingerprint);
    const char *kind = "key-file";

    if (evidence_text(e, EVIDENCE_KEY_KIND) != NULL) {
        return 0;
    }
    if (way->kind == KEYCHANGE_PASSWORD) {
        kind = "password";
    } else if (known != NULL && known->way.kind == KEYCHANGE_RECOVERY) {
        kind = "recovery-sheet";
    }
    return evidence_add_text(e, EVIDENCE_KEY_KIND, kind);
}

int proof_publish(struct repo *r, struct evidence *e, uint8_t out_id[16], uint64_t *out_number)
{
    struct wish w = { r, e };
    const struct run_entry entry = { build, &w };
    int rc = add_key_kind(r, e);

    memcpy(e->key, repo_keys_way(r)->fingerprint, sizeof e->key);
    proof_tool_hash(e->tool_hash);
    return rc == 0 ? run_publish(r, &entry, out_id, out_number) : rc;
}

/* --- reading --- */

size_t proof_count(const struct repo *r)
{
    return catalog_evidence_count(repo_catalog(r));
}

enum evidence_kind proof_kind(const struct repo *r, size_t i)
{
    return catalog_evidence(repo_catalog(r), i)->kind;
}

int64_t proof_time_ns(const struct repo *r, size_t i)
{
    return catalog_evidence(repo_catalog(r), i)->published_ns;
}

static int decode_plain(struct repo *r, const struct journal_entry *e,
                        const struct entry_view *item, struct evidence *out)
{
    unsigned kind = 0;
    struct buf plain;
    int rc;

    buf_init(&plain);
    rc = entry_get_sealed(item, repo_keys(r), repo_id(r), e->seal.uuid, &kind, &plain);
    if (rc == 0 && kind != ENTRY_EVENT_EVIDENCE) {
        rc = err_raise(HF_EDAMAGE, "it is no evidence");
    }
    if (rc == 0) {
        rc = evidence_decode(plain.data, plain.len, out);
    }
    buf_release(&plain);
    return rc;
}

static int find_event(struct repo *r, const struct journal_entry *e, struct evidence *out)
{
    struct entry_walk walk;
    struct entry_view item;
    int rc;

    entry_walk_init(&walk, e->body, e->body_len);
    while ((rc = entry_walk_next(&walk, &item)) > 0) {
        if (item.type == ENTRY_EVENT) {
            return decode_plain(r, e, &item, out);
        }
    }
    return rc < 0 ? rc : err_raise(HF_EDAMAGE, "it is no evidence");
}

/*
 * The bytes are what the author signed, and it is the very entry that the catalogue took in. What
 * kind of evidence that was (below) may have come from a cache, which anybody may have edited.
 */
static int check_entry(struct repo *r, const struct catalog_evidence *where,
                       const struct journal_entry *e)
{
    if (memcmp(e->seal.uuid, where->id, sizeof where->id) != 0) {
        return err_raise(HF_EDAMAGE, "it is another entry than it was");
    }
    return journal_check_signature(repo_journal(r), e);
}

int proof_read(struct repo *r, size_t i, struct proof *out)
{
    const struct catalog_evidence *where = catalog_evidence(repo_catalog(r), i);
    struct journal_entry e;
    uint8_t *memory = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    rc = journal_read(repo_journal(r), where->number, &e, &memory);
    if (rc == HF_EABSENT) {
        rc = err_raise(HF_EDAMAGE, "it is not there any more");
    }
    if (rc == 0) {
        rc = check_entry(r, where, &e);
    }
    if (rc == 0) {
        rc = find_event(r, &e, &out->evidence);
    }
    if (rc == 0 && out->evidence.kind != where->kind) {
        evidence_release(&out->evidence);
        rc = err_raise(HF_EDAMAGE, "it is of another kind than it was");
    }
    if (rc == 0) {
        out->number = e.seal.number;
        out->published_ns = e.seal.time_ns;
        memcpy(out->id, e.seal.uuid, sizeof out->id);
        memcpy(out->author, e.seal.author, sizeof out->author);
    }
    mem_free(memory);
    return rc == 0 ? 0 : err_add(rc, "the evidence in entry %" PRIu64, where->number);
}

void proof_release(struct proof *p)
{
    evidence_release(&p->evidence);
    memset(p, 0, sizeof *p);
}

static bool is_of_job(const struct proof *p, const char *job)
{
    const char *own = evidence_text(&p->evidence, EVIDENCE_JOB);

    return job == NULL || (own != NULL && strcmp(own, job) == 0);
}

int proof_newest(struct repo *r, enum evidence_kind kind, const char *job, struct proof *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = proof_count(r); i-- > 0;) {
        int rc = proof_kind(r, i) == kind ? proof_read(r, i, out) : HF_EABSENT;

        if (rc != HF_EABSENT && (rc != 0 || is_of_job(out, job))) {
            return rc;
        }
        proof_release(out);
    }
    return err_raise(HF_EABSENT, "there is no evidence of the kind %s", evidence_kind_name(kind));
}

void proof_verified_within(const struct repo *r, int64_t since_ns, int64_t until_ns,
                           uint64_t *out_verified, uint64_t *out_all)
{
    const struct catalog *c = repo_catalog(r);

    *out_verified = *out_all = 0;
    for (size_t i = 0; i < catalog_segment_count(c); i++) {
        const struct catalog_segment *s = catalog_segment(c, (uint32_t)i);

        if (s->condemned_by == 0) {
            *out_all += s->file_len;
            *out_verified += s->verified_ns != 0 && s->verified_ns >= since_ns &&
                                     s->verified_ns <= until_ns
                                 ? s->file_len
                                 : 0;
        }
    }
}

bool proof_verified_again(const struct repo *r, const struct proof *check)
{
    const struct catalog *c = repo_catalog(r);

    for (size_t i = 0; i < catalog_segment_count(c); i++) {
        const struct catalog_segment *s = catalog_segment(c, (uint32_t)i);

        if (s->condemned_by == 0 && s->adopted_by < check->number &&
            s->verified_ns < check->published_ns) {
            return false;
        }
    }
    return true;
}
