/*
 * policy_value.c - the values of a policy's keys (policy.h).
 */
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/nearest.h"
#include "engine/policy_internal.h"
#include "io/http.h"

#define MILLION 1000000

size_t policy_word(const char *const *words, const char *text)
{
    size_t i = 0;

    while (words[i] != NULL && strcmp(words[i], text) != 0) {
        i++;
    }
    return i;
}

static int take_word_of(const char *const *words, const char *text, int64_t *out)
{
    size_t i = policy_word(words, text);
    struct nearest near;

    if (words[i] != NULL) {
        *out = (int64_t)i;
        return 0;
    }
    nearest_init(&near, text);
    for (i = 0; words[i] != NULL; i++) {
        nearest_offer(&near, words[i]);
    }
    err_raise(HF_EUSAGE, "there is no \"%.100s\"", text);
    if (near.best != NULL) {
        err_hint("did you mean \"%s\"?", near.best);
    }
    return HF_EUSAGE;
}

static int take_drill(const char *text, int64_t *out)
{
    enum evidence_kind kind = evidence_kind_parse(text);

    if (kind == 0 || !evidence_is_drill(kind)) {
        err_raise(HF_EUSAGE, "there is no drill \"%.100s\"", text);
        return err_hint("the drills are sample, full, pitr, probe, live, cold, fault and runbook");
    }
    *out = (int64_t)kind;
    return 0;
}

static int take_number(const struct policy_key *key, const char *text, int64_t *out)
{
    uint64_t n;

    if (text_parse_u64(text, INT64_MAX, &n) != 0) {
        return err_raise(HF_EUSAGE, "\"%.100s\" is no number", text);
    }
    if ((int64_t)n < key->least || (int64_t)n > key->most) {
        return err_raise(HF_EUSAGE, "%s is not between %lld and %lld", text, (long long)key->least,
                         (long long)key->most);
    }
    *out = (int64_t)n;
    return 0;
}

static int take_duration(const struct policy_key *key, const char *text, int64_t *out)
{
    char shown[TEXT_SIZE_BYTES];
    int rc = text_parse_duration(text, out);

    if (rc != 0) {
        return rc;
    }
    if (*out <= 0) {
        return err_raise(HF_EUSAGE, "nothing takes, or is, no time at all");
    }
    if (*out < key->least * NS_PER_S) {
        return err_raise(HF_EUSAGE, "%s is less than %s", text,
                         text_duration(key->least * NS_PER_S, shown));
    }
    if (key->most != 0 && *out > key->most * NS_PER_S) {
        return err_raise(HF_EUSAGE, "%s is more than %s", text,
                         text_duration(key->most * NS_PER_S, shown));
    }
    return 0;
}

static int take_size(const struct policy_key *key, const char *text, int64_t *out)
{
    uint64_t bytes;
    int rc = text_parse_size(text, &bytes);

    if (rc != 0) {
        return rc;
    }
    if (bytes > INT64_MAX || (int64_t)bytes < key->least) {
        return err_raise(HF_EUSAGE, "%s makes no sense as a limit", text);
    }
    *out = (int64_t)bytes;
    return 0;
}

/* "95", "95%", "99.5%"; in millionths of the whole. */
static int take_percent(const char *text, int64_t *out)
{
    size_t whole = strspn(text, "0123456789");
    size_t point = text[whole] == '.' ? 1 : 0;
    size_t part = point ? strspn(text + whole + 1, "0123456789") : 0;
    const char *rest = text + whole + point + part;
    int64_t n = 0;

    if (whole == 0 || whole > 3 || part > 4 || (point && part == 0) ||
        (strcmp(rest, "%") != 0 && rest[0] != '\0')) {
        return err_raise(HF_EUSAGE, "\"%.100s\" is no percentage", text);
    }
    for (size_t i = 0; i < whole + point + 4; i++) {
        if (i < whole || (i > whole && i - whole <= part)) {
            n = n * 10 + (text[i] - '0');
        } else if (i >= whole + point) {
            n *= 10;
        }
    }
    if (n <= 0 || n > MILLION) {
        return err_raise(HF_EUSAGE, "%s is not above 0 and at most 100 percent", text);
    }
    *out = n;
    return 0;
}

static int take_flag(const char *text, int64_t *out)
{
    static const char *const words[] = { "no", "yes", NULL };
    size_t i = policy_word(words, text);

    *out = (int64_t)i;
    return words[i] != NULL ? 0 : err_raise(HF_EUSAGE, "\"%.100s\" is not yes or no", text);
}

static int take_mode(const char *text, int64_t *out)
{
    size_t len = strlen(text);

    *out = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '7' || len < 3 || len > 5) {
            return err_raise(HF_EUSAGE, "\"%.100s\" is no mode, as 0640 is", text);
        }
        *out = *out * 8 + (text[i] - '0');
    }
    return *out <= 07777 ? 0 : err_raise(HF_EUSAGE, "%s is no mode, as 0640 is", text);
}

/* A time that moves along with the clock would never come. */
static int take_time(const char *text, int64_t *out)
{
    if (strchr("+-n", text[0]) != NULL) {
        err_raise(HF_EUSAGE, "\"%.100s\" is no date", text);
        return err_hint("write the day, as in 2027-01-31");
    }
    return text_parse_time(text, 0, out);
}

static int check_pattern(const char *text)
{
    size_t len = strlen(text);
    regex_t compiled;
    char why[200];
    char *copy;
    int code;

    if (len < 3 || text[0] != '/' || text[len - 1] != '/') {
        return 0;
    }
    copy = mem_dup(text + 1, len - 1);
    if (copy == NULL) {
        return err_nomem();
    }
    copy[len - 2] = '\0';
    code = regcomp(&compiled, copy, REG_EXTENDED | REG_NOSUB);
    mem_free(copy);
    if (code != 0) {
        (void)regerror(code, NULL, why, sizeof why);
        return err_raise(HF_EUSAGE, "%.100s is no regular expression: %s", text, why);
    }
    regfree(&compiled);
    return 0;
}

static int check_status(const char *text)
{
    bool good = strlen(text) == 3 && text[0] >= '1' && text[0] <= '5' &&
                ((isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[2])) ||
                 strcmp(text + 1, "xx") == 0);

    return good ? 0 : err_raise(HF_EUSAGE, "\"%.100s\" is no status, as 200 or 2xx is", text);
}

static int check_path(const char *text)
{
    return text[0] == '/' ? 0 : err_raise(HF_EUSAGE, "\"%.100s\" does not begin with /", text);
}

static int take_meaning(const struct policy_key *key, const char *text, int64_t *out)
{
    switch (key->kind) {
    case POLICY_TYPE:
        return take_word_of(policy_types, text, out);
    case POLICY_SEVERITY:
        return take_word_of(policy_severities, text, out);
    case POLICY_TEXT:
    case POLICY_COMMAND:
    case POLICY_HEADERS:
        return 0;
    case POLICY_PATTERN:
        return check_pattern(text);
    case POLICY_PATH:
        return check_path(text);
    case POLICY_URL:
        return http_check_url(text);
    case POLICY_STATUS:
        return check_status(text);
    case POLICY_DRILL:
        return take_drill(text, out);
    case POLICY_FLAG:
        return take_flag(text, out);
    case POLICY_NUMBER:
        return take_number(key, text, out);
    case POLICY_MODE:
        return take_mode(text, out);
    case POLICY_DURATION:
        return take_duration(key, text, out);
    case POLICY_SIZE:
        return take_size(key, text, out);
    case POLICY_PERCENT:
        return take_percent(text, out);
    case POLICY_TIME:
        return take_time(text, out);
    }
    return 0; /* unreachable: the switch has every kind */
}

static int add_item(struct policy_value *v, const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);

    if (copy == NULL || mem_grow(&v->items, &v->capacity, v->count + 1, sizeof *v->items) != 0) {
        mem_free(copy);
        return err_nomem();
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    v->items[v->count++] = copy;
    return 0;
}

/* Without the blanks and the quotes around it. */
static int take_word(const struct policy_key *key, const char *text, size_t len,
                     struct policy_value *v)
{
    int rc;

    while (len > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text++;
        len -= 2;
    } else if (key->kind != POLICY_COMMAND &&
               (memmem(text, len, " #", 2) != NULL || memmem(text, len, " ;", 2) != NULL)) {
        err_raise(HF_EUSAGE, "\"%.*s\" seems to end in a comment", (int)(len < 100 ? len : 100),
                  text);
        return err_hint("put the comment on a line of its own, or double quotes around the value");
    }
    if (len == 0) {
        return err_raise(HF_EUSAGE, "there is nothing behind the =");
    }
    rc = add_item(v, text, len);
    return rc != 0 ? rc : take_meaning(key, v->items[v->count - 1], &v->number);
}

/* Where a word ends: at a comma that is not within quotes. */
static size_t word_length(const char *text)
{
    size_t blanks = strspn(text, " \t");
    const char *close = text[blanks] == '"' ? strchr(text + blanks + 1, '"') : NULL;
    size_t quoted = close == NULL ? 0 : (size_t)(close - text);

    return quoted + strcspn(text + quoted, ",");
}

int policy_value_take(const struct policy_key *key, const char *text, struct policy_value *v)
{
    bool is_list = key->kind == POLICY_HEADERS || key->kind == POLICY_STATUS;

    if (v->given && !is_list) {
        return err_raise(HF_EUSAGE, "it was set in line %u already", v->place.line);
    }
    v->given = true;
    if (!is_list) {
        return take_word(key, text, strlen(text), v);
    }
    for (;;) {
        size_t len = word_length(text);
        int rc = take_word(key, text, len, v);

        if (rc != 0 || text[len] == '\0') {
            return rc;
        }
        text += len + 1;
    }
}

void policy_value_release(struct policy_value *v)
{
    for (size_t i = 0; i < v->count; i++) {
        mem_free(v->items[i]);
    }
    mem_free(v->items);
}
