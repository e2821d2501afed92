/*
 * retention_words.c - policies and what they decide as people write and read them.
 */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "engine/retention.h"

static const char *const period_names[RETENTION_PERIODS] = {
    [RETENTION_EACH] = "last",   [RETENTION_HOUR] = "hourly",   [RETENTION_DAY] = "daily",
    [RETENTION_WEEK] = "weekly", [RETENTION_MONTH] = "monthly", [RETENTION_YEAR] = "yearly",
};

static const struct group_name {
    const char *name;
    unsigned bit;
} group_names[] = {
    { "host", RETENTION_BY_HOST },
    { "job", RETENTION_BY_JOB },
    { "paths", RETENTION_BY_PATHS },
    { "tags", RETENTION_BY_TAGS },
};

int retention_parse_count(const char *text, uint64_t *out)
{
    if (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0) {
        *out = RETENTION_UNLIMITED;
        return 0;
    }
    int rc = text_parse_u64(text, UINT32_MAX, out);

    return rc != 0 ? err_hint("\"unlimited\" keeps all of them") : 0;
}

static int parse_group_word(const char *word, size_t len, unsigned *bits)
{
    for (size_t i = 0; i < sizeof group_names / sizeof group_names[0]; i++) {
        const struct group_name *g = &group_names[i];

        if (strlen(g->name) == len && memcmp(word, g->name, len) == 0) {
            *bits |= g->bit;
            return 0;
        }
    }
    return err_raise(HF_EUSAGE, "\"%.*s\" is nothing to group by: host, job, paths, tags, or none",
                     len < 200 ? (int)len : 200, word);
}

int retention_parse_group_by(const char *text, unsigned *out)
{
    int rc = 0;

    *out = 0;
    if (text[0] == '\0' || strcmp(text, "none") == 0) {
        return 0;
    }
    for (const char *word = text; rc == 0; word++) {
        size_t len = strcspn(word, ",");

        rc = parse_group_word(word, len, out);
        word += len;
        if (*word == '\0') {
            break;
        }
    }
    return rc;
}

bool retention_keeps_any(const struct retention_policy *policy)
{
    bool any = policy->tag_count > 0;

    for (int p = 0; p < RETENTION_PERIODS; p++) {
        any = any || policy->keep[p] > 0 || policy->within_ns[p] > 0;
    }
    return any;
}

int retention_refuse_empty(const struct retention_plan *plan)
{
    for (size_t i = 0; i < plan->group_count; i++) {
        const struct retention_group *g = &plan->groups[i];
        struct buf name;

        if (g->kept > 0) {
            continue;
        }
        buf_init(&name);
        retention_put_group(g, &name);
        err_raise(HF_EUSAGE, "the policy keeps none of the %zu snapshots of %s", g->count,
                  buf_text(&name));
        err_hint("--allow-empty lets a group go as a whole");
        buf_release(&name);
        return HF_EUSAGE;
    }
    return 0;
}

static void put_rule(const struct retention_policy *policy, size_t rule, bool oldest,
                     struct buf *out)
{
    size_t period = rule % RETENTION_PERIODS;
    char duration[TEXT_SIZE_BYTES];

    buf_printf(out, "%s", oldest ? "oldest " : "");
    if (rule < RETENTION_PERIODS) {
        buf_printf(out, "%s", period_names[period]);
        return;
    }
    buf_printf(out, "%s%swithin %s", period == RETENTION_EACH ? "" : period_names[period],
               period == RETENTION_EACH ? "" : " ",
               text_duration(policy->within_ns[period], duration));
}

bool retention_put_reason(const struct retention_policy *policy,
                          const struct retention_decision *decision, size_t i, struct buf *out)
{
    for (size_t rule = 0; rule < RETENTION_RULES; rule++) {
        if ((decision->reasons & (1u << rule)) != 0 && i-- == 0) {
            put_rule(policy, rule, (decision->oldest & (1u << rule)) != 0, out);
            return true;
        }
    }
    if ((decision->reasons & RETENTION_REASON_TAG) != 0 && i == 0) {
        buf_printf(out, "tag %s", policy->tags[decision->tag]);
        return true;
    }
    return false;
}

/* The next part of a name that began at `begin`. */
static void put_part(struct buf *out, size_t begin, const char *label, const char *text)
{
    buf_printf(out, "%s%s %s", out->len == begin ? "" : ", ", label, text);
}

static void put_list(struct buf *out, size_t begin, const char *label, char *const *texts,
                     size_t count)
{
    put_part(out, begin, count == 0 ? "no" : label, count == 0 ? label : texts[0]);
    for (size_t i = 1; i < count; i++) {
        buf_printf(out, " %s", texts[i]);
    }
}

void retention_put_group(const struct retention_group *group, struct buf *out)
{
    size_t begin = out->len;

    if (group->job != NULL) {
        put_part(out, begin, "job", group->job);
    }
    if (group->host != NULL) {
        put_part(out, begin, "host", group->host);
    }
    if (group->paths != NULL) {
        put_list(out, begin, "paths", group->paths, group->path_count);
    }
    if (group->tags != NULL) {
        put_list(out, begin, "tags", group->tags, group->tag_count);
    }
    if (out->len == begin) {
        buf_printf(out, "all jobs");
    }
}
