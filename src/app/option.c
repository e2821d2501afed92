/*
 * option.c - parsing by table. Each kind of value has one function that takes its text in.
 */
#include "app/option.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/nearest.h"

#define NAME_MAX_SHOWN 64

struct parsing {
    const struct option_rules *rules;
    char *const *argv;
    size_t argc;
    size_t at;
    struct option_operands *out;
};

struct found {
    const struct option *option;
    void *place;
};

static bool takes_value(const struct option *o)
{
    return o->kind != OPTION_FLAG && o->kind != OPTION_COUNT;
}

static bool find_long(const struct option_rules *rules, const char *name, size_t len,
                      struct found *out)
{
    for (size_t s = 0; s < rules->set_count; s++) {
        const struct option_set *set = &rules->sets[s];

        for (const struct option *o = set->options; o->name != NULL; o++) {
            if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
                *out = (struct found){ o, (char *)set->values + o->at };
                return true;
            }
        }
    }
    return false;
}

static bool find_short(const struct option_rules *rules, char letter, struct found *out)
{
    for (size_t s = 0; s < rules->set_count; s++) {
        const struct option_set *set = &rules->sets[s];

        for (const struct option *o = set->options; o->name != NULL; o++) {
            if (o->letter == letter) {
                *out = (struct found){ o, (char *)set->values + o->at };
                return true;
            }
        }
    }
    return false;
}

static int fail_unknown(const struct option_rules *rules, const char *name, size_t len)
{
    char copy[NAME_MAX_SHOWN + 1] = "";
    struct nearest near;

    memcpy(copy, name, len < NAME_MAX_SHOWN ? len : NAME_MAX_SHOWN);
    nearest_init(&near, copy);
    for (size_t s = 0; s < rules->set_count; s++) {
        for (const struct option *o = rules->sets[s].options; o->name != NULL; o++) {
            nearest_offer(&near, o->name);
        }
    }
    err_raise(HF_EUSAGE, "there is no option --%s", copy);
    if (near.best != NULL) {
        err_hint("did you mean --%s?", near.best);
    }
    return HF_EUSAGE;
}

int option_list_add(struct option_list *l, const char *text, size_t len)
{
    char *copy;

    if (mem_grow(&l->items, &l->capacity, l->count + 1, sizeof *l->items) != 0) {
        return err_nomem();
    }
    copy = mem_alloc(len + 1);
    if (copy == NULL) {
        return err_nomem();
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    l->items[l->count++] = copy;
    return 0;
}

void option_list_release(struct option_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        mem_free(l->items[i]);
    }
    mem_free(l->items);
    memset(l, 0, sizeof *l);
}

/* "a,b" adds two; empty words are an error, since nobody means them. */
static int add_words(struct option_list *l, const char *text)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        int rc;

        if (len == 0) {
            return err_raise(HF_EUSAGE, "there is an empty word in it");
        }
        rc = option_list_add(l, text, len);
        if (rc != 0 || text[len] == '\0') {
            return rc;
        }
        text += len + 1;
    }
}

static int take_choice(const struct option *o, const char *text, const char **place)
{
    struct buf b;

    for (const char *const *c = o->choices; *c != NULL; c++) {
        if (strcmp(*c, text) == 0) {
            *place = *c;
            return 0;
        }
    }
    buf_init(&b);
    for (const char *const *c = o->choices; *c != NULL; c++) {
        buf_printf(&b, "%s%s", c == o->choices ? "" : c[1] == NULL ? " or " : ", ", *c);
    }
    err_raise(HF_EUSAGE, "\"%s\" is not %s", text, buf_text(&b));
    buf_release(&b);
    return HF_EUSAGE;
}

static int take_number(const struct option *o, const char *text, struct option_number *n)
{
    n->given = true;
    return o->kind == OPTION_SIZE ? text_parse_size(text, &n->value)
                                  : text_parse_u64(text, UINT64_MAX, &n->value);
}

static int take_ns(const char *text, struct option_ns *n)
{
    n->given = true;
    return text_parse_duration(text, &n->value);
}

static int take_value(const struct found *f, const char *text)
{
    switch (f->option->kind) {
    case OPTION_FLAG:
        *(bool *)f->place = true;
        return 0;
    case OPTION_COUNT:
        ++*(unsigned *)f->place;
        return 0;
    case OPTION_TEXT:
        *(const char **)f->place = text;
        return 0;
    case OPTION_CHOICE:
        return take_choice(f->option, text, f->place);
    case OPTION_LIST:
        return option_list_add(f->place, text, strlen(text));
    case OPTION_WORDS:
        return add_words(f->place, text);
    case OPTION_NUMBER:
    case OPTION_SIZE:
        return take_number(f->option, text, f->place);
    case OPTION_DURATION:
        return take_ns(text, f->place);
    case OPTION_MAYBE:
        *(struct option_maybe *)f->place = (struct option_maybe){ true, text };
        return 0;
    }
    return 0;
}

static int take_named(const struct found *f, const char *text)
{
    int rc = take_value(f, text);

    return rc != 0 ? err_add(rc, "--%s", f->option->name) : 0;
}

/* The next argument as the value of this option. */
static int next_value(struct parsing *p, const struct option *o, const char **out_value)
{
    if (p->at >= p->argc) {
        return err_raise(HF_EUSAGE, "--%s needs a value: %s", o->name, o->value);
    }
    *out_value = p->argv[p->at++];
    return 0;
}

static int parse_long(struct parsing *p, const char *name)
{
    const char *equals = strchr(name, '=');
    size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);
    const char *value = equals == NULL ? NULL : equals + 1;
    struct found f;
    int rc = 0;

    if (!find_long(p->rules, name, len, &f)) {
        return fail_unknown(p->rules, name, len);
    }
    if (!takes_value(f.option) && value != NULL) {
        return err_raise(HF_EUSAGE, "--%s takes no value", f.option->name);
    }
    if (takes_value(f.option) && value == NULL && f.option->kind != OPTION_MAYBE) {
        rc = next_value(p, f.option, &value);
    }
    return rc != 0 ? rc : take_named(&f, value);
}

/* One argument of short options: flags, then perhaps one with a value. */
static int parse_short(struct parsing *p, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        const char *value = NULL;
        struct found f;
        int rc = 0;

        if (!find_short(p->rules, *letters, &f)) {
            return err_raise(HF_EUSAGE, "there is no option -%c", *letters);
        }
        if (takes_value(f.option) && letters[1] != '\0') {
            value = letters + 1;
        } else if (takes_value(f.option) && f.option->kind != OPTION_MAYBE) {
            rc = next_value(p, f.option, &value);
        }
        if (rc == 0) {
            rc = take_named(&f, value);
        }
        if (rc != 0 || value != NULL) {
            return rc;
        }
    }
    return 0;
}

static int add_operand(struct option_operands *out, const char *text)
{
    if (mem_grow(&out->items, &out->capacity, out->count + 2, sizeof *out->items) != 0) {
        return err_nomem();
    }
    out->items[out->count++] = text;
    out->items[out->count] = NULL;
    return 0;
}

static int parse_rest(struct parsing *p)
{
    int rc = 0;

    p->out->dashes = p->out->count;
    while (rc == 0 && p->at < p->argc) {
        rc = add_operand(p->out, p->argv[p->at++]);
    }
    return rc;
}

int option_parse(const struct option_rules *rules, char *const *argv, size_t argc,
                 struct option_operands *out)
{
    struct parsing p = { rules, argv, argc, 0, out };
    bool dashes = false;
    int rc = 0;

    memset(out, 0, sizeof *out);
    while (rc == 0 && p.at < argc) {
        const char *arg = argv[p.at];
        bool operand = arg[0] != '-' || arg[1] == '\0';

        if (operand && rules->stop_at_operand) {
            break;
        }
        p.at++;
        if (operand) {
            rc = add_operand(out, arg);
        } else if (strcmp(arg, "--") == 0) {
            dashes = true;
            rc = parse_rest(&p);
        } else if (arg[1] == '-') {
            rc = parse_long(&p, arg + 2);
        } else {
            rc = parse_short(&p, arg + 1);
        }
    }
    if (!dashes) {
        out->dashes = out->count;
    }
    out->consumed = p.at;
    return rc;
}

void option_release_operands(struct option_operands *operands)
{
    mem_free(operands->items);
    memset(operands, 0, sizeof *operands);
}

void option_release(const struct option_set *set)
{
    for (const struct option *o = set->options; o->name != NULL; o++) {
        struct option_list *l = (struct option_list *)(void *)((char *)set->values + o->at);

        if (o->kind == OPTION_LIST || o->kind == OPTION_WORDS) {
            option_list_release(l);
        }
    }
}
