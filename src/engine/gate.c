/*
 * gate.c - see gate.h: what all gates share.
 */
#include "engine/gate.h"

#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

typedef int (*gate_fn)(const struct gate_context *c, const struct policy_gate *g,
                       struct gate_finding *f);

static const gate_fn functions[] = {
#define TYPE(name, place, needed, one_of, taken, means) [GATE_TYPE_##name] = gate_##name,
#include "engine/gate_types.def"
#undef TYPE
};

static const bool of_repository[] = {
#define REPOSITORY true
#define WORLD false
#define TYPE(name, place, needed, one_of, taken, means) [GATE_TYPE_##name] = place,
#include "engine/gate_types.def"
#undef TYPE
};

const char *gate_state_name(enum gate_state s)
{
    static const char *const names[] = { "pass", "fail", "unknown" };

    return names[s];
}

void gate_init(struct gate_finding *f)
{
    f->state = GATE_PASS;
    buf_init(&f->value);
    buf_init(&f->limit);
    buf_init(&f->evidence);
    buf_init(&f->why);
    buf_init(&f->hint);
}

void gate_release(struct gate_finding *f)
{
    buf_release(&f->value);
    buf_release(&f->limit);
    buf_release(&f->evidence);
    buf_release(&f->why);
    buf_release(&f->hint);
}

int gate_error(const struct gate_finding *f)
{
    const struct buf *all[] = { &f->value, &f->limit, &f->evidence, &f->why, &f->hint };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof all / sizeof all[0]; i++) {
        rc = buf_error(all[i]);
    }
    return rc;
}

static void give_reason(struct gate_finding *f, enum gate_state state, const char *fmt,
                        va_list arguments) __attribute__((format(printf, 3, 0)));

static void give_reason(struct gate_finding *f, enum gate_state state, const char *fmt,
                        va_list arguments)
{
    char text[ERR_TRAIL_BYTES];

    (void)vsnprintf(text, sizeof text, fmt, arguments);
    f->state = f->state == GATE_FAIL ? GATE_FAIL : state;
    buf_printf(&f->why, "%s%s", f->why.len > 0 ? "; " : "", text);
}

int gate_fail(struct gate_finding *f, const char *fmt, ...)
{
    va_list arguments;

    va_start(arguments, fmt);
    give_reason(f, GATE_FAIL, fmt, arguments);
    va_end(arguments);
    return 0;
}

int gate_unknown(struct gate_finding *f, const char *fmt, ...)
{
    va_list arguments;

    va_start(arguments, fmt);
    give_reason(f, GATE_UNKNOWN, fmt, arguments);
    va_end(arguments);
    return 0;
}

int gate_ask(const struct gate_context *c, const struct policy_gate *g, struct gate_finding *f)
{
    const struct err_trail *damage = c->repo != NULL ? repo_damage(c->repo) : NULL;
    int rc;

    if (of_repository[g->type] && c->repo == NULL) {
        gate_unknown(f, "%s", c->no_repo != NULL ? c->no_repo : "no repository was opened");
        return gate_error(f);
    }
    if (of_repository[g->type] && damage != NULL) {
        gate_unknown(f, "the journal is damaged: %s", damage->text);
        buf_printf(&f->hint, "\"holdfast check\" says what is wrong");
        return gate_error(f);
    }
    rc = functions[g->type](c, g, f);
    if (rc == HF_ENOMEM || rc == HF_EINTERRUPTED || rc == HF_ETERMINATED) {
        return rc;
    }
    if (rc != 0) {
        gate_unknown(f, "%s", err_last()->text);
        if (f->hint.len == 0) {
            buf_printf(&f->hint, "%s", err_last()->hint);
        }
        err_clear();
    }
    return gate_error(f);
}

/* What several types need */

static int match_expression(const char *pattern, struct buf *text, bool *out)
{
    size_t len = strlen(pattern);
    char *copy = mem_dup(pattern + 1, len - 1);
    regex_t compiled;
    int code;

    if (copy == NULL) {
        return err_nomem();
    }
    copy[len - 2] = '\0';
    code = regcomp(&compiled, copy, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
    mem_free(copy);
    if (code != 0) {
        return err_raise(HF_EUSAGE, "%s is no regular expression", pattern);
    }
    *out = regexec(&compiled, buf_text(text), 0, NULL, 0) == 0;
    regfree(&compiled);
    return buf_error(text);
}

int gate_matches(const char *pattern, struct buf *text, bool *out)
{
    size_t len = strlen(pattern);

    if (len >= 3 && pattern[0] == '/' && pattern[len - 1] == '/') {
        return match_expression(pattern, text, out);
    }
    *out = text->len >= len && memmem(text->data, text->len, pattern, len) != NULL;
    return 0;
}

int gate_check_age(const struct gate_context *c, const struct policy_gate *g, const char *what,
                   int64_t time_ns, struct gate_finding *f)
{
    const struct policy_value *max = &g->values[GATE_KEY_max_age];
    char shown[TEXT_SIZE_BYTES], limit[TEXT_SIZE_BYTES];
    int64_t age;

    if (__builtin_sub_overflow(c->now_ns, time_ns, &age)) {
        return gate_unknown(f, "when %s was made makes no sense", what);
    }
    if (age < -GATE_SKEW_NS) {
        return gate_unknown(f, "%s is of the future, by %s: a clock is wrong", what,
                            text_duration(-age, shown));
    }
    age = age < 0 ? 0 : age;
    buf_printf(&f->value, "%s%s old", f->value.len > 0 ? ", " : "", text_duration(age, shown));
    if (max->given) {
        buf_printf(&f->limit, "%sat most %s old", f->limit.len > 0 ? ", " : "",
                   text_duration(max->number, limit));
        if (age > max->number) {
            return gate_fail(f, "%s is %s old", what, shown);
        }
    }
    return 0;
}

void gate_put_percent(struct buf *b, int64_t millionths)
{
    int64_t tenths = millionths / 1000;

    if (tenths % 10 == 0) {
        buf_printf(b, "%" PRId64 " %%", tenths / 10);
    } else {
        buf_printf(b, "%" PRId64 ".%" PRId64 " %%", tenths / 10, tenths % 10);
    }
}

void gate_check_room(struct gate_finding *f, const char *what, uint64_t free_units,
                     uint64_t all_units, int64_t least_percent)
{
    int64_t part = all_units == 0 ? 0 : (int64_t)((double)free_units / (double)all_units * 1e6);

    if (all_units == 0) {
        gate_unknown(f, "this file system does not tell how many %s it has", what);
        return;
    }
    buf_printf(&f->value, "%s", f->value.len > 0 ? ", " : "");
    gate_put_percent(&f->value, part);
    buf_printf(&f->value, " of %s free", what);
    buf_printf(&f->limit, "%sat least ", f->limit.len > 0 ? ", " : "");
    gate_put_percent(&f->limit, least_percent);
    if (part < least_percent) {
        gate_fail(f, "too few of the %s are free", what);
    }
}
