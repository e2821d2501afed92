/*
 * config_key.c - see config_key.h.
 */
#include "app/config_key.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "engine/drill.h"
#include "engine/nearest.h"
#include "engine/retention.h"
#include "io/http.h"

static const struct config_key keys[] = {
#define KEY(name, kind, least, most, standard, secret, example, means)                             \
    { #name, CONFIG_##kind, least, most, standard, secret, example, means },
#include "app/config_keys.def"
#undef KEY
};

const struct config_key *config_key_at(enum config_key_id id)
{
    return &keys[id];
}

int config_key_find(const char *name, enum config_key_id *out_id)
{
    struct nearest near;

    nearest_init(&near, name);
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            *out_id = (enum config_key_id)i;
            return 0;
        }
        nearest_offer(&near, keys[i].name);
    }
    err_raise(HF_EUSAGE, "there is no key \"%.100s\"", name);
    if (near.best != NULL) {
        err_hint("did you mean \"%s\"?", near.best);
    }
    return HF_EUSAGE;
}

bool config_key_is_list(const struct config_key *key)
{
    return key->kind == CONFIG_PATHS || key->kind == CONFIG_LIST;
}

bool config_key_yes(const char *value)
{
    return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 || strcmp(value, "on") == 0 ||
           strcmp(value, "1") == 0;
}

bool config_key_no(const char *value)
{
    return strcmp(value, "no") == 0 || strcmp(value, "false") == 0 || strcmp(value, "off") == 0 ||
           strcmp(value, "0") == 0;
}

int64_t config_key_number(const char *value)
{
    bool negative = value[0] == '-';
    uint64_t n = 0;

    (void)text_parse_u64(value + (negative ? 1 : 0), INT32_MAX, &n);
    return negative ? -(int64_t)n : (int64_t)n;
}

static int check_number(const struct config_key *key, const char *value)
{
    uint64_t n;
    int64_t signed_n;

    if (text_parse_u64(value + (value[0] == '-' ? 1 : 0), INT32_MAX, &n) != 0) {
        return err_raise(HF_EUSAGE, "\"%.100s\" is no number", value);
    }
    signed_n = config_key_number(value);
    if (signed_n < key->least || signed_n > key->most) {
        return err_raise(HF_EUSAGE, "%s is not between %lld and %lld", value, (long long)key->least,
                         (long long)key->most);
    }
    return 0;
}

static int check_duration(const struct config_key *key, const char *value)
{
    char least[TEXT_SIZE_BYTES], most[TEXT_SIZE_BYTES];
    int64_t ns;
    int rc = text_parse_duration(value, &ns);

    if (rc != 0) {
        return rc;
    }
    if (ns < key->least * NS_PER_S) {
        return err_raise(HF_EUSAGE, "%s is less than %s", value,
                         text_duration(key->least * NS_PER_S, least));
    }
    if (key->most != 0 && ns > key->most * NS_PER_S) {
        return err_raise(HF_EUSAGE, "%s is more than %s", value,
                         text_duration(key->most * NS_PER_S, most));
    }
    return 0;
}

/* "5%", with or without digits behind a point. */
static bool is_percentage(const char *value)
{
    size_t digits = strspn(value, "0123456789"), more = 0;
    double percent = 0;

    if (digits == 0 || digits > 3) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        percent = percent * 10 + (value[i] - '0');
    }
    if (value[digits] == '.') {
        more = 1 + strspn(value + digits + 1, "0123456789");
        percent += strspn(value + digits, ".0") < more ? 0.5 : 0;
    }
    return strcmp(value + digits + more, "%") == 0 && percent > 0 && percent <= 100;
}

static int check_part(const char *value)
{
    uint64_t bytes;

    if (config_key_yes(value) || config_key_no(value) || is_percentage(value) ||
        (text_parse_size(value, &bytes) == 0 && bytes > 0)) {
        return 0;
    }
    return err_raise(HF_EUSAGE, "\"%.100s\" is not no, yes, a percentage (5%%) or a size (10G)",
                     value);
}

static int check_choice(const char *value, const char *const *choices, const char *said)
{
    for (; *choices != NULL; choices++) {
        if (strcmp(*choices, value) == 0) {
            return 0;
        }
    }
    return err_raise(HF_EUSAGE, "\"%.100s\" is not %s", value, said);
}

static int check_ionice(const char *value)
{
    static const char *const plain[] = { "idle", "best-effort", NULL };
    static const char with_level[] = "best-effort:";
    size_t len = sizeof with_level - 1;

    if (strncmp(value, with_level, len) == 0 && value[len] >= '0' && value[len] <= '7' &&
        value[len + 1] == '\0') {
        return 0;
    }
    return check_choice(value, plain, "idle, best-effort or best-effort:N (0 to 7)");
}

/* What it means systemd will say; here it is only kept from breaking out of a unit or a line. */
static int check_calendar(const char *value)
{
    for (const char *c = value; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr(" *:-/,.~+_", *c) == NULL) {
            return err_raise(HF_EUSAGE, "\"%.100s\" is no calendar expression", value);
        }
    }
    return 0;
}

static int check_path(const char *value)
{
    if (value[0] != '/') {
        err_raise(HF_EUSAGE, "\"%.100s\" does not begin with /", value);
        return err_hint("who runs a job stands in some folder or other; ${HOME}/... is possible");
    }
    return 0;
}

/* Where it leads is a secret, so it is not quoted. */
static int check_url(const char *value)
{
    if (http_check_url(value) != 0) {
        err_raise(HF_EUSAGE, "that is no URL of a web server");
        return err_hint("it begins with https:// or http://");
    }
    return 0;
}

static int check_keep(const char *value)
{
    uint64_t n;

    return retention_parse_count(value, &n);
}

static int check_drill(const char *value)
{
    const struct drill_kind *kind = drill_kind_find(value), *near = drill_kind_nearest(value);

    if (config_key_no(value) || (kind != NULL && (kind->traits & DRILL_PROBES) == 0)) {
        return 0;
    }
    if (kind != NULL) {
        return err_raise(HF_EUSAGE, "\"drill = %s\" would need a command", value);
    }
    err_raise(HF_EUSAGE, "there is no kind of drill \"%.100s\"", value);
    return near != NULL ? err_hint("did you mean \"%s\"?", near->name)
                        : err_hint("\"holdfast drill list\" shows them");
}

static int check(const struct config_key *key, const char *value)
{
    static const char *const classes[] = { "app", "crash", "fuzzy", NULL };
    static const char *const formats[] = { "text", "json", NULL };

    if (value[0] == '\0') {
        return err_raise(HF_EUSAGE, "there is nothing behind the =");
    }
    switch (key->kind) {
    case CONFIG_PATH:
    case CONFIG_PATHS:
        return check_path(value);
    case CONFIG_LIST:
    case CONFIG_COMMAND:
        return 0;
    case CONFIG_NAME:
        return strchr(value, ',') == NULL
                   ? 0
                   : err_raise(HF_EUSAGE, "a name has no comma in it: \"%.100s\"", value);
    case CONFIG_FLAG:
        return config_key_yes(value) || config_key_no(value)
                   ? 0
                   : err_raise(HF_EUSAGE, "\"%.100s\" is not yes or no", value);
    case CONFIG_NUMBER:
        return check_number(key, value);
    case CONFIG_DURATION:
        return check_duration(key, value);
    case CONFIG_KEEP:
        return check_keep(value);
    case CONFIG_PART:
        return check_part(value);
    case CONFIG_CLASS:
        return check_choice(value, classes, "app, crash or fuzzy");
    case CONFIG_IONICE:
        return check_ionice(value);
    case CONFIG_FORMAT:
        return check_choice(value, formats, "text or json");
    case CONFIG_CALENDAR:
        return check_calendar(value);
    case CONFIG_URL:
        return check_url(value);
    case CONFIG_DRILL:
        return check_drill(value);
    }
    return 0;
}

/* Copies a word without the blanks and quotes around it, checks and adds it. */
static int take_word(const struct config_key *key, const char *text, size_t len,
                     struct option_list *out)
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
    } else if (memmem(text, len, " #", 2) != NULL || memmem(text, len, " ;", 2) != NULL) {
        err_raise(HF_EUSAGE, "\"%.*s\" seems to end in a comment", (int)(len < 100 ? len : 100),
                  text);
        return err_hint("put the comment on a line of its own, or double quotes around the value");
    }
    rc = option_list_add(out, text, len);
    return rc != 0 ? rc : check(key, out->items[out->count - 1]);
}

/* Where a word ends: at a comma that is not within quotes. */
static size_t word_length(const char *text)
{
    size_t blanks = strspn(text, " \t");
    const char *close = text[blanks] == '"' ? strchr(text + blanks + 1, '"') : NULL;
    size_t quoted = close == NULL ? 0 : (size_t)(close - text);

    return quoted + strcspn(text + quoted, ",");
}

int config_key_take(const struct config_key *key, const char *value, struct option_list *out)
{
    int rc;

    if (key->kind == CONFIG_COMMAND) {
        rc = check(key, value);
        return rc != 0 ? rc : option_list_add(out, value, strlen(value));
    }
    if (!config_key_is_list(key)) {
        return take_word(key, value, strlen(value), out);
    }
    for (;;) {
        size_t len = word_length(value);

        rc = take_word(key, value, len, out);
        if (rc != 0 || value[len] == '\0') {
            return rc;
        }
        value += len + 1;
    }
}
