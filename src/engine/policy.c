/*
 * policy.c - see policy.h.
 */
#include "engine/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/nearest.h"
#include "engine/policy_internal.h"
#include "format/nacl.h"

#define POLICY_MAX_BYTES (1u << 20)
#define NAME_MAX_BYTES 100u
#define GATES_MAX 1000u

static const struct policy_key keys[] = {
#define KEY(name, kind, least, most, means)                                                        \
    [GATE_KEY_##name] = { #name, POLICY_##kind, least, most },
#include "engine/gate_types.def"
#undef KEY
};

#define REPOSITORY true
#define WORLD false
#define K(name) POLICY_KEY(name)

static const struct policy_type types[] = {
#define TYPE(name, place, needed, one_of, taken, means)                                            \
    [GATE_TYPE_##name] = { #name, means, place, needed, one_of, taken },
#include "engine/gate_types.def"
#undef TYPE
};

const char *const policy_types[] = {
#define TYPE(name, place, needed, one_of, taken, means) #name,
#include "engine/gate_types.def"
#undef TYPE
    NULL,
};

const char *const policy_severities[] = {
    [POLICY_CRITICAL] = "critical",
    [POLICY_IMPORTANT] = "important",
    [POLICY_NICE] = "nice",
    [POLICY_SEVERITIES] = NULL,
};

const struct policy_key *policy_key_at(enum gate_key key)
{
    return &keys[key];
}

const struct policy_type *policy_type_at(enum gate_type type)
{
    return &types[type];
}

const char *policy_type_name(enum gate_type type)
{
    return types[type].name;
}

const char *policy_type_means(enum gate_type type)
{
    return types[type].means;
}

const char *policy_severity_name(enum policy_severity severity)
{
    return policy_severities[severity];
}

const char *policy_text(const struct policy_gate *g, enum gate_key key)
{
    return g->values[key].given ? g->values[key].items[0] : NULL;
}

int64_t policy_number(const struct policy_gate *g, enum gate_key key, int64_t standard)
{
    return g->values[key].given ? g->values[key].number : standard;
}

bool policy_needs_repository(const struct policy *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (types[p->gates[i]->type].of_repository) {
            return true;
        }
    }
    return false;
}

/* Reading */

static int find_key(const struct policy_gate *g, const char *text, enum gate_key *out)
{
    bool typed = g->values[GATE_KEY_type].given;
    enum gate_type type = (enum gate_type)g->values[GATE_KEY_type].number;
    uint64_t known = typed ? policy_keys_of(&types[type]) : UINT64_MAX;
    struct nearest near;

    nearest_init(&near, text);
    for (int i = 0; i < GATE_KEYS; i++) {
        if (strcmp(keys[i].name, text) == 0) {
            *out = (enum gate_key)i;
            return 0;
        }
        if ((known >> i & 1) != 0) {
            nearest_offer(&near, keys[i].name);
        }
    }
    err_raise(HF_EUSAGE, "there is no key \"%.100s\"", text);
    if (near.best != NULL) {
        err_hint("did you mean \"%s\"?", near.best);
    }
    return HF_EUSAGE;
}

static int set_name(char **name, const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > NAME_MAX_BYTES) {
        return err_raise(HF_EUSAGE, "a name has up to %u letters", NAME_MAX_BYTES);
    }
    mem_free(*name);
    *name = mem_strdup(text);
    return *name != NULL ? 0 : err_nomem();
}

static int refuse_include(const struct policy *p)
{
    if (p->depth <= 1) {
        return 0;
    }
    err_raise(HF_EUSAGE, "a policy includes no other file");
    return err_hint("what was signed off must be what is judged: put the gates into one file");
}

static int add_gate(struct policy *p, const struct config_ini_place *place, const char *name)
{
    struct policy_gate *g;

    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->gates[i]->name, name) == 0) {
            return err_raise(HF_EUSAGE, "the gate \"%.100s\" is in line %u already", name,
                             p->gates[i]->place.line);
        }
    }
    if (p->count == GATES_MAX) {
        return err_raise(HF_EUSAGE, "more than %u gates", GATES_MAX);
    }
    g = mem_zalloc(sizeof *g);
    if (g == NULL || mem_grow(&p->gates, &p->capacity, p->count + 1, sizeof *p->gates) != 0) {
        mem_free(g);
        return err_nomem();
    }
    p->gates[p->count++] = g;
    g->place = *place;
    return set_name(&g->name, name);
}

static int unknown_section(const char *text)
{
    char word[32] = "";
    size_t len = strcspn(text, " \t");
    struct nearest near;

    memcpy(word, text, len < sizeof word ? len : sizeof word - 1);
    nearest_init(&near, word);
    nearest_offer(&near, "policy");
    nearest_offer(&near, "gate");
    err_raise(HF_EUSAGE, "there is no section [%.100s]", text);
    if (near.best == NULL) {
        return err_hint("there are [policy] and [gate NAME]");
    }
    return err_hint(strcmp(near.best, "gate") == 0 ? "did you mean [gate NAME]?"
                                                   : "did you mean [policy]?");
}

static int on_section(void *context, const struct config_ini_place *place, const char *text)
{
    struct policy *p = context;
    int rc = refuse_include(p);

    if (rc != 0) {
        return rc;
    }
    if (strcmp(text, "policy") == 0) {
        if (p->named || p->count > 0) {
            return err_raise(HF_EUSAGE, "[policy] stands once, and before all gates");
        }
        p->named = true;
        return 0;
    }
    if (strncmp(text, "gate", 4) == 0 && (text[4] == '\0' || strchr(" \t", text[4]) != NULL)) {
        text += 4 + strspn(text + 4, " \t");
        return text[0] != '\0' ? add_gate(p, place, text)
                               : err_raise(HF_EUSAGE, "[gate] has no name: write [gate NAME]");
    }
    return unknown_section(text);
}

static int on_policy_entry(struct policy *p, const char *key, const char *value)
{
    struct nearest near;

    if (strcmp(key, "name") == 0) {
        return set_name(&p->name, value);
    }
    nearest_init(&near, key);
    nearest_offer(&near, "name");
    err_raise(HF_EUSAGE, "there is no key \"%.100s\" in [policy]", key);
    return err_hint(near.best != NULL ? "did you mean \"name\"?" : "its only key is \"name\"");
}

static int on_entry(void *context, const struct config_ini_place *place, const char *key,
                    const char *value)
{
    struct policy *p = context;
    struct policy_gate *g = p->count > 0 ? p->gates[p->count - 1] : NULL;
    struct policy_value *v;
    enum gate_key id;
    int rc = refuse_include(p);

    if (rc != 0) {
        return rc;
    }
    if (g == NULL && !p->named) {
        err_raise(HF_EUSAGE, "\"%.100s\" stands outside of any section", key);
        return err_hint("[policy] or [gate NAME] comes before it");
    }
    if (g == NULL) {
        return on_policy_entry(p, key, value);
    }
    rc = find_key(g, key, &id);
    if (rc != 0) {
        return rc;
    }
    v = &g->values[id];
    rc = policy_value_take(&keys[id], value, v);
    v->place = *place;
    return rc != 0 ? err_add(rc, "%s", key) : 0;
}

static void on_enter(void *context, bool begins)
{
    struct policy *p = context;

    p->depth += begins ? 1 : 0;
}

/* "launch" of /etc/launch.ini. */
static int name_by_file(struct policy *p, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t len = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);

    p->name = mem_dup(base, len + 1);
    if (p->name == NULL) {
        return err_nomem();
    }
    p->name[len] = '\0';
    return 0;
}

int policy_hash_file(const char *path, uint8_t out[EVIDENCE_HASH_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct buf text;
    ssize_t n = 1;
    int rc = 0;

    if (fd < 0) {
        return err_os(errno, "could not open %s", path);
    }
    buf_init(&text);
    while (rc == 0 && n > 0 && text.len <= POLICY_MAX_BYTES) {
        rc = buf_reserve(&text, POLICY_MAX_BYTES);
        n = rc == 0 ? read(fd, text.data + text.len, POLICY_MAX_BYTES) : 0;
        rc = n < 0 ? err_os(errno, "could not read %s", path) : rc;
        text.len += n > 0 ? (size_t)n : 0;
    }
    if (rc == 0 && text.len > POLICY_MAX_BYTES) {
        rc = err_raise(HF_ELIMIT, "%s has more than %u bytes", path, POLICY_MAX_BYTES);
    }
    if (rc == 0) {
        nacl_hash(text.data, text.len, out);
    }
    close(fd);
    buf_release(&text);
    return rc;
}

int policy_read(const char *path, struct policy *out)
{
    const struct config_ini_events events = { out, on_section, on_entry, on_enter };
    int rc;

    memset(out, 0, sizeof *out);
    rc = config_ini_read(path, &events, &out->files);
    if (rc == 0 && out->count == 0) {
        err_raise(HF_EUSAGE, "%s has no gate: there is nothing to judge", path);
        rc = err_hint("\"holdfast ready --init FILE\" writes a policy to begin with");
    }
    for (size_t i = 0; rc == 0 && i < out->count; i++) {
        rc = policy_check_gate(out->gates[i]);
    }
    if (rc == 0 && out->name == NULL) {
        rc = name_by_file(out, path);
    }
    return rc == 0 ? policy_hash_file(path, out->hash) : rc;
}

static void free_gate(struct policy_gate *g)
{
    for (int i = 0; i < GATE_KEYS; i++) {
        policy_value_release(&g->values[i]);
    }
    mem_free(g->name);
    mem_free(g);
}

void policy_release(struct policy *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free_gate(p->gates[i]);
    }
    mem_free(p->gates);
    mem_free(p->name);
    config_ini_release(&p->files);
    memset(p, 0, sizeof *p);
}
