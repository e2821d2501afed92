/*
 * runbook_text.c - what a runbook says.
 *
 * Whoever reads it may never have seen holdfast, has nothing but this text, a key and the
 * repository, and has a bad day: so each step says what it is for, what to type, what is to be seen
 * then, and what to do if it is not. The commands rely on nothing but a shell and the program;
 * what they must know stands in variables that are set at the top.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/proof.h"
#include "engine/runbook.h"
#include "store/repo_keys.h"

#define WHOLE "" /* not a step: all of them */
#define NOT_MEASURED "not measured yet"
#define SPARE_PERCENT 10u /* of room, for what files take beside their content */
#define SPARE_KIB 1024u   /* and where there is next to nothing */

struct writer {
    struct runbook *b;
    int rc;
    struct repo *repo;
    const struct runbook_options *o;
    const struct catalog_snapshot *point;
    struct proof drilled; /* of the newest runbook that was drilled */
    struct proof full;    /* of the newest full or cold drill: for what was not */
    bool has_drilled, has_full;
    bool by_password;
    uint64_t stored_bytes;
};

#define ADD(w, kind, name, ...) runbook_add((w)->b, &(w)->rc, kind, name, __VA_ARGS__)

/* --- what is known --- */

static int find_proof(struct writer *w, enum evidence_kind kind, struct proof *out, bool *out_has)
{
    int rc = proof_newest(w->repo, kind, NULL, out);

    *out_has = rc == 0;
    if (rc == HF_EABSENT || rc == HF_EDAMAGE || rc == HF_ENEWER) {
        err_clear(); /* what can't be believed was not measured */
        rc = 0;
    }
    return rc;
}

static int find_keys(struct writer *w)
{
    struct repo_key_list l = { 0 };
    int rc = repo_keys_list(w->repo, &l);

    w->by_password = true;
    for (size_t i = 0; rc == 0 && i < l.count; i++) {
        const struct repo_key *k = &l.list[i];

        if (k->kind != KEYCHANGE_PASSWORD &&
            (k->state == REPO_KEY_OK || k->state == REPO_KEY_HALF)) {
            w->by_password = false;
        }
    }
    repo_keys_release(&l);
    return rc;
}

static void add_up(struct writer *w)
{
    const struct catalog *c = repo_catalog(w->repo);

    for (size_t i = 0; i < catalog_segment_count(c); i++) {
        const struct catalog_segment *s = catalog_segment(c, (uint32_t)i);

        w->stored_bytes += s->condemned_by == 0 ? s->file_len : 0;
    }
}

static int learn(struct writer *w)
{
    int rc = find_proof(w, EVIDENCE_RUNBOOK, &w->drilled, &w->has_drilled);

    if (rc == 0) {
        rc = find_proof(w, EVIDENCE_COLD, &w->full, &w->has_full);
    }
    if (rc == 0 && !w->has_full) {
        rc = find_proof(w, EVIDENCE_FULL, &w->full, &w->has_full);
    }
    if (rc == 0) {
        rc = find_keys(w);
    }
    add_up(w);
    return rc;
}

/* --- how long --- */

static bool measured(const struct writer *w, const char *step, const char *phase, int64_t *out_ns,
                     const struct proof **out_proof)
{
    char name[64];

    if (strcmp(step, WHOLE) == 0) {
        snprintf(name, sizeof name, "%s", phase);
    } else {
        snprintf(name, sizeof name, "step_%.40s_ns", step);
    }
    *out_proof = &w->drilled;
    if (w->has_drilled && evidence_number(&w->drilled.evidence, name, out_ns)) {
        return true;
    }
    *out_proof = &w->full;
    return w->has_full && phase != NULL && evidence_number(&w->full.evidence, phase, out_ns);
}

/* "1.2 s, in the drill of 2026-11-21 ..." */
static void put_time(const struct writer *w, const char *step, const char *phase, struct buf *out)
{
    const struct proof *p;
    char took[TEXT_SIZE_BYTES], when[TEXT_TIME_BYTES];
    int64_t ns = 0;

    if (!measured(w, step, phase, &ns, &p)) {
        buf_printf(out, NOT_MEASURED);
        return;
    }
    buf_printf(out, "%s, in the %s drill of %s", text_duration(ns, took),
               evidence_kind_name(p->evidence.kind), text_time_local(p->evidence.begin_ns, when));
}

/* --- words for a shell --- */

static void put_quoted(struct buf *b, const char *text)
{
    buf_put_u8(b, '\'');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'') {
            buf_printf(b, "'\\''");
        } else {
            buf_put_u8(b, (uint8_t)*p);
        }
    }
    buf_put_u8(b, '\'');
}

/* A variable that whoever follows the runbook, or drills it, may have set before. */
static void put_variable(struct buf *b, const char *comment, const char *name, const char *value)
{
    buf_printf(b, "# %s\n[ -n \"${%s-}\" ] || %s=", comment, name, name);
    put_quoted(b, value);
    buf_put_u8(b, '\n');
}

/* A selector has commas between its parts, so a name with one in it can't be told by it. */
static void put_selector(struct buf *b, const struct catalog_snapshot *s)
{
    if (s->commit.job[0] != '\0' && strchr(s->commit.job, ',') == NULL) {
        buf_printf(b, "job:%s,", s->commit.job);
    }
    if (s->commit.host[0] != '\0' && strchr(s->commit.host, ',') == NULL) {
        buf_printf(b, "host:%s,", s->commit.host);
    }
    buf_printf(b, "latest");
}

/* --- the parts --- */

static void add_settings(struct writer *w)
{
    struct buf text, selector;

    buf_init(&text);
    buf_init(&selector);
    put_selector(&selector, w->point);
    put_variable(&text, "where the repository is now", "HOLDFAST_REPOSITORY", w->o->location);
    if (w->by_password) {
        put_variable(&text, "a file whose first line is the password", "PASSWORD_FILE",
                     "/root/holdfast.password");
    } else {
        put_variable(&text, "the recovery sheet, typed in again, or a key file", "KEY",
                     "/root/holdfast.sheet");
    }
    put_variable(&text, "an empty folder with enough room", "RESTORE_TARGET", "/restored");
    put_variable(&text, "which point in time; an earlier one is at:2026-01-31 12:00", "POINT",
                 buf_text(&selector));
    buf_printf(&text, "export HOLDFAST_REPOSITORY %s RESTORE_TARGET POINT\n",
               w->by_password ? "PASSWORD_FILE" : "KEY");
    buf_printf(&text,
               "test -d \"$HOLDFAST_REPOSITORY\" || { echo \"no folder $HOLDFAST_REPOSITORY\"; "
               "false; }\n"
               "test -f \"$%s\" || { echo \"no file $%s\"; false; }",
               w->by_password ? "PASSWORD_FILE" : "KEY", w->by_password ? "PASSWORD_FILE" : "KEY");
    if (buf_error(&selector) != 0 || buf_error(&text) != 0) {
        w->rc = w->rc != 0 ? w->rc : HF_ENOMEM;
    }
    ADD(w, RUNBOOK_COMMANDS, "settings", "%s", buf_text(&text));
    buf_release(&selector);
    buf_release(&text);
}

struct failure { /* what the step ends with, and what to do then */
    const char *code, *advice;
};

struct step {
    const char *name, *title, *why;
    const char *arguments; /* of holdfast, with its key before them; or NULL */
    const char *commands;  /* other ones */
    const char *phase;     /* of a drill, whose time is that of this step */
    const char *expected;
    const char *seen;               /* what it is about what is expected */
    const struct failure *failures; /* ends with a NULL */
};

static void add_step(struct writer *w, unsigned number, const struct step *s)
{
    const char *key = w->by_password ? "--password-file \"$PASSWORD_FILE\"" : "--key-file \"$KEY\"";
    struct buf took;

    buf_init(&took);
    put_time(w, s->name, s->phase, &took);
    ADD(w, RUNBOOK_HEADING, NULL, "%u. %s", number, s->title);
    ADD(w, RUNBOOK_PARAGRAPH, NULL, "%s", s->why);
    if (s->arguments != NULL) {
        ADD(w, RUNBOOK_COMMANDS, s->name, "holdfast %s %s", key, s->arguments);
    } else {
        ADD(w, RUNBOOK_COMMANDS, s->name, "%s", s->commands);
    }
    if (s->expected != NULL) {
        ADD(w, RUNBOOK_PARAGRAPH, NULL, "%s", s->seen);
        ADD(w, RUNBOOK_OUTPUT, NULL, "%s", s->expected);
    }
    ADD(w, RUNBOOK_ITEM, "It takes", "%s", buf_text(&took));
    for (const struct failure *f = s->failures; f != NULL && f->code != NULL; f++) {
        ADD(w, RUNBOOK_ITEM, f->code, "%s", f->advice);
    }
    buf_release(&took);
}

static void add_who(struct writer *w)
{
    const struct policy *p = w->o->policy;
    bool any = false;

    ADD(w, RUNBOOK_HEADING, NULL, "Who");
    for (size_t i = 0; p != NULL && i < p->count; i++) {
        const struct policy_gate *g = p->gates[i];

        if (g->type == GATE_TYPE_signoff) {
            ADD(w, RUNBOOK_ITEM, policy_text(g, GATE_KEY_role),
                "is told before the restore begins, and signs when it is done: holdfast signoff "
                "%s",
                policy_text(g, GATE_KEY_role));
            any = true;
        }
    }
    if (!any) {
        ADD(w, RUNBOOK_ITEM, NULL,
            "Whoever may become root on the machine that is restored to, "
            "and may fetch the key from where it is locked away");
    }
    ADD(w, RUNBOOK_ITEM, NULL, "A second person, who reads each command before it is typed");
}

static void add_limits(struct writer *w)
{
    const struct policy *p = w->o->policy;
    char shown[TEXT_SIZE_BYTES];

    for (size_t i = 0; p != NULL && i < p->count; i++) {
        const struct policy_gate *g = p->gates[i];

        if (g->type == GATE_TYPE_rto) {
            ADD(w, RUNBOOK_ITEM, "Limit", "the policy %s allows %s for what the %s drill measures",
                p->name, text_duration(policy_number(g, GATE_KEY_max, 0), shown),
                policy_text(g, GATE_KEY_kind));
        } else if (g->type == GATE_TYPE_newest_point) {
            ADD(w, RUNBOOK_ITEM, "Limit", "the policy %s wants no point older than %s", p->name,
                text_duration(policy_number(g, GATE_KEY_max_age, 0), shown));
        }
    }
}

static void add_needs(struct writer *w)
{
    const struct commit *c = &w->point->commit;
    char id[33], x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES], when[TEXT_TIME_BYTES];
    struct buf total;

    buf_init(&total);
    put_time(w, WHOLE, EVIDENCE_RTO_TOTAL, &total);
    ADD(w, RUNBOOK_HEADING, NULL, "What is needed");
    ADD(w, RUNBOOK_ITEM, "The program",
        "%s or newer, on Debian 12 or any Linux that it is built "
        "for: this very version reads this repository",
        w->o->tool);
    ADD(w, RUNBOOK_ITEM, "The repository", "%s, at %s when this was written (%s)",
        text_hex(repo_id(w->repo), 16, id), w->o->location, text_size(w->stored_bytes, x));
    ADD(w, RUNBOOK_ITEM, "The key", "%s",
        w->by_password ? "the password; nothing else opens it, and there is no other way in"
                       : "the recovery sheet (its five lines typed into a file are enough), or a "
                         "key file; without one of them nothing can be restored");
    ADD(w, RUNBOOK_ITEM, "Room", "%s for %s files, and %u %% to spare",
        text_size(c->counts.bytes, x), text_count(c->counts.files, y), SPARE_PERCENT);
    ADD(w, RUNBOOK_ITEM, "Time", "%s", buf_text(&total));
    ADD(w, RUNBOOK_ITEM, "What comes back",
        "job %s of %s; the newest point when this was written "
        "was #%" PRIu64 " of %s",
        c->job, c->host[0] != '\0' ? c->host : "no host", w->point->number,
        text_time_local(c->end_ns, when));
    add_limits(w);
    buf_release(&total);
}

static const struct failure open_failures[] = {
    { "Exit 10", "there is no repository: correct HOLDFAST_REPOSITORY above" },
    { "Exit 12", "the key is wrong or was typed wrongly; the line and group are named. Try the "
                 "other copy of the sheet" },
    { "Exit 13", "it needs a newer program: install the newest" },
    { "Exit 4", "it is damaged; the points that can still be reached are listed. Use the second "
                "copy of the repository if there is one, else go on with what is listed" },
    { NULL, NULL },
};
static const struct failure check_failures[] = {
    { "Exit 4", "what is damaged is named, with the files it costs. Decide: use the second copy of "
                "the repository, or go on; all other files are restored" },
    { NULL, NULL },
};
static const struct failure space_failures[] = {
    { "Any other exit", "there is not enough room: choose another RESTORE_TARGET above" },
    { NULL, NULL },
};
static const struct failure restore_failures[] = {
    { "Exit 3", "some metadata were refused, each is named: ownership needs root. Decide whether "
                "that matters" },
    { "Exit 4", "some files are lost to damage, each is named; all others are there. Restore these "
                "from an earlier point: POINT=\"...,latest~1\"" },
    { "Exit 7", "there is no such point: choose one that step 3 has listed" },
    { "Exit 28",
      "the disk is full: make room, and run the step again; it goes on where it stopped" },
    { "Any other exit", "run the step again: what is there already is not written again" },
    { NULL, NULL },
};
static const struct failure verify_failures[] = {
    { "Exit 4", "as in step 6" },
    { "Exit 3",
      "as in step 6 if it ended with 3 as well; a file that is not as it was is named, and "
      "then it is as with any other exit" },
    { "Any other exit", "something else writes to the folder, or its disk fails: do not use what "
                        "is there, begin again with another RESTORE_TARGET" },
    { NULL, NULL },
};

static void add_space_step(struct writer *w, unsigned number)
{
    uint64_t bytes = w->point->commit.counts.bytes;
    uint64_t kib = (bytes + bytes * SPARE_PERCENT / 100) / 1024 + SPARE_KIB;
    struct buf text;
    struct step s = { .name = "space",
                      .title = "Is there room?",
                      .why = "The folder is made, and asked how much it can take.",
                      .failures = space_failures };

    buf_init(&text);
    buf_printf(&text,
               "mkdir -p \"$RESTORE_TARGET\"\n"
               "free=$(df -Pk \"$RESTORE_TARGET\" | awk 'NR == 2 { print $4 }')\n"
               "echo \"$free KiB are free, %" PRIu64 " are needed\"\n"
               "test \"$free\" -ge %" PRIu64,
               kib, kib);
    s.commands = buf_text(&text);
    add_step(w, number, &s);
    buf_release(&text);
}

static void add_expected(struct writer *w, struct step *s, unsigned number)
{
    struct buf text;

    buf_init(&text);
    buf_printf(&text, "%s", w->o->tool);
    s->expected = buf_text(&text);
    add_step(w, number, s);
    buf_release(&text);
}

static void add_steps(struct writer *w)
{
    struct step program = { .name = "program",
                            .title = "Is the program there?",
                            .why = "It is one file; a copy of it belongs beside the repository.",
                            .commands = "holdfast version",
                            .seen = "It names itself, in this version or a newer one:" };
    const struct step open = {
        .name = "open",
        .title = "Does the repository open?",
        .why = "Nothing is written to it. What there is to be restored is listed, oldest first: "
               "this is the moment to decide which point in time is wanted. After an attack that "
               "is one from before it: set POINT above.",
        .arguments = "snapshots",
        .phase = EVIDENCE_RTO_OPEN,
        .failures = open_failures,
    };
    const struct step check = {
        .name = "check",
        .title = "Is it whole?",
        .why = "Every entry, signature and table of contents is read. It can be left out where "
               "time is short: whatever is restored is checked again, byte by byte.",
        .arguments = "check",
        .expected = "whole: ... entries, ... segments, ... chunks of ... snapshots",
        .seen = "The last line begins like this:",
        .failures = check_failures,
    };
    const struct step restore = {
        .name = "restore",
        .title = "Restore",
        .why = "All files of the point come back below the folder, under their full paths. It can "
               "be interrupted, and goes on when it is run again.",
        .arguments = "restore \"$POINT\" --target \"$RESTORE_TARGET\"",
        .phase = EVIDENCE_RTO_RESTORE,
        .expected = "restored ... files and ... folders (...) of snapshot #...",
        .seen = "What was found for POINT is said first; then:",
        .failures = restore_failures,
    };
    const struct step verify = {
        .name = "verify",
        .title = "Verify",
        .why = "Every file is read back from the disk and compared with the repository.",
        .arguments = "restore \"$POINT\" --target \"$RESTORE_TARGET\" --overwrite never --verify",
        .phase = EVIDENCE_RTO_VERIFY,
        .expected = "  0 B written, ... files were right already, 0 deleted",
        .seen = "Nothing had to be written:",
        .failures = verify_failures,
    };

    ADD(w, RUNBOOK_HEADING, NULL, "1. Settings");
    ADD(w, RUNBOOK_PARAGRAPH, NULL,
        "Correct the values, then type these lines into the shell in which all that follows is "
        "typed. They say so if the repository or the key is not where it is said to be.");
    add_settings(w);
    add_expected(w, &program, 2);
    add_step(w, 3, &open);
    add_step(w, 4, &check);
    add_space_step(w, 5);
    add_step(w, 6, &restore);
    add_step(w, 7, &verify);
}

static void add_end(struct writer *w)
{
    ADD(w, RUNBOOK_HEADING, NULL, "8. Hand over");
    ADD(w, RUNBOOK_ITEM, NULL,
        "Stop what would write to the old places, and move the folders from "
        "RESTORE_TARGET to where they belong, within one file system by mv");
    ADD(w, RUNBOOK_ITEM, NULL,
        "Start the services, look at what they say, and let somebody who "
        "uses them say that they work");
    ADD(w, RUNBOOK_ITEM, NULL, "Make a backup of the new machine before anything else is changed");
    ADD(w, RUNBOOK_ITEM, NULL, "Write down when it began and ended, and what of this was wrong");
    ADD(w, RUNBOOK_HEADING, NULL, "Keeping this true");
    ADD(w, RUNBOOK_PARAGRAPH, NULL,
        "It is true as long as it is drilled. The drill types these very commands in an empty "
        "environment, measures each step, and puts the result into the journal, where a readiness "
        "policy asks for it. Write it anew after each change of the repository, the keys or the "
        "program, print it, and keep it with the key: neither belongs on the machine that it is "
        "for.");
    ADD(w, RUNBOOK_OUTPUT, NULL,
        "holdfast runbook -o runbook.md\nholdfast drill --runbook "
        "runbook.md --key-file SHEET");
}

int runbook_make(struct repo *r, const struct runbook_options *options, struct runbook *out)
{
    struct writer w = { .b = out, .repo = r, .o = options, .point = options->point->snapshot };
    char when[TEXT_TIME_BYTES];

    memset(out, 0, sizeof *out);
    w.rc = learn(&w);
    ADD(&w, RUNBOOK_TITLE, NULL, "Disaster recovery of %s",
        w.point->commit.host[0] != '\0' ? w.point->commit.host : w.point->commit.job);
    ADD(&w, RUNBOOK_PARAGRAPH, NULL,
        "How the files of job %s are restored from their holdfast repository, on a machine that "
        "has nothing. Written on %s at %s by %s.",
        w.point->commit.job, w.o->host, text_time_local(w.o->now_ns, when), w.o->tool);
    add_who(&w);
    add_needs(&w);
    add_steps(&w);
    add_end(&w);
    proof_release(&w.drilled);
    proof_release(&w.full);
    return w.rc;
}
