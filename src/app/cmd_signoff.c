/*
 * cmd_signoff.c - somebody vouches for something: a signed entry of the journal that says so.
 */
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/session.h"
#include "app/version.h"
#include "app/whoami.h"
#include "base/err.h"
#include "base/text.h"
#include "engine/policy.h"
#include "engine/proof.h"
#include "format/keychange.h"

#define COMMENT_MAX 4096u

struct signoff_values {
    const char *comment, *policy;
};

struct signoff_job {
    struct app *app;
    const struct signoff_values *values;
    const char *role;
    struct session session;
    struct evidence evidence;
    uint8_t id[16];
    uint64_t number;
};

static int check_words(const struct signoff_job *b)
{
    const char *comment = b->values->comment;

    /* The letters that a key may have: a policy and a shell take it as one word. */
    if (!keychange_name_valid(b->role)) {
        err_raise(HF_EUSAGE, "\"%s\" can't be a role", b->role);
        return err_hint("a role has up to %u letters, digits, '-' and '_'", KEYCHANGE_NAME_MAX);
    }
    if (comment != NULL && strlen(comment) > COMMENT_MAX) {
        return err_raise(HF_EUSAGE, "--comment has more than %u bytes", COMMENT_MAX);
    }
    return 0;
}

static int fill_evidence(struct signoff_job *b)
{
    const struct signoff_values *v = b->values;
    struct evidence *e = &b->evidence;
    struct whoami who;
    int rc = whoami_find(&who);

    e->kind = EVIDENCE_SIGNOFF;
    e->passed = true;
    e->begin_ns = e->end_ns = clock_wall(b->app->clock);
    rc = rc != 0 ? rc : evidence_set_origin(e, who.host, who.user, VERSION_TOOL);
    rc = rc != 0 ? rc : evidence_add_text(e, EVIDENCE_ROLE, b->role);
    if (rc == 0 && v->comment != NULL && v->comment[0] != '\0') {
        rc = evidence_add_text(e, EVIDENCE_COMMENT, v->comment);
    }
    if (rc == 0 && v->policy != NULL) {
        rc = policy_hash_file(v->policy, e->policy_hash);
        rc = rc != 0 ? err_add(rc, "--policy %s", v->policy) : 0;
    }
    return rc;
}

static void report(const struct signoff_job *b)
{
    static const uint8_t none[EVIDENCE_HASH_BYTES];
    struct json *j = &b->app->json;

    if (!b->app->options.json) {
        app_note(b->app, "signed off as %s, in entry %llu", b->role, (unsigned long long)b->number);
        return;
    }
    json_document(j, "signoff");
    json_number(j, "number", b->number);
    json_hex(j, "id", b->id, sizeof b->id);
    json_text(j, "role", b->role);
    json_time(j, "time", b->evidence.end_ns);
    json_text(j, "comment", evidence_text(&b->evidence, EVIDENCE_COMMENT));
    if (memcmp(b->evidence.policy_hash, none, sizeof none) == 0) {
        json_null(j, "policy_hash");
    } else {
        json_hex(j, "policy_hash", b->evidence.policy_hash, EVIDENCE_HASH_BYTES);
    }
    json_end_object(j);
}

static int sign_off(struct signoff_job *b)
{
    char hex[33];
    int rc = check_words(b);

    rc = rc != 0 ? rc : fill_evidence(b);
    rc = rc != 0 ? rc : session_open(b->app, REPO_STRICT, &b->session);
    rc = rc != 0 ? rc : proof_publish(b->session.repo, &b->evidence, b->id, &b->number);
    if (rc == HF_EUNKNOWN) {
        return err_add(rc, "it may still appear as %s", text_hex(b->id, sizeof b->id, hex));
    }
    if (rc == 0) {
        report(b);
    }
    return rc;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct signoff_job b = { .app = app, .values = values, .role = operands->items[0] };
    int rc;

    evidence_init(&b.evidence);
    rc = sign_off(&b);
    evidence_release(&b.evidence);
    session_close(&b.session);
    return rc != 0 ? err_add(rc, "could not sign off") : 0;
}

#define ROW(field) offsetof(struct signoff_values, field)
static const struct option options[] = {
    { "comment", 0, OPTION_TEXT, "TEXT", "what is vouched for, and why", ROW(comment), NULL },
    { "policy", 0, OPTION_TEXT, "FILE",
      "the policy that it is given under; it lapses when that file changes", ROW(policy), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "ROLE [--comment TEXT] [--policy FILE]", NULL };
static const char *const about[] = {
    "Records that whoever runs this vouches, in that role, for what a machine can't find out: that "
    "the plan was read, that somebody is on call. It is an entry of the journal, signed by the key "
    "that the repository was opened with, with the time, the user and the host; \"holdfast audit\" "
    "shows it, and a gate of the type signoff in a policy asks for it.",
    NULL,
};
static const struct command_text exits[] = {
    { "8", "it may still appear in the journal; its id is printed" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast signoff owner", "the owner vouches" },
    { "holdfast signoff on-call --comment 'pager tested, Ann and Bo'", "and says for what" },
    { NULL, NULL },
};

const struct command cmd_signoff = {
    .name = "signoff",
    .group = COMMAND_CARE,
    .summary = "vouch for something, in a role",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct signoff_values),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
