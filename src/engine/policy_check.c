/*
 * policy_check.c - whether a gate has what its type needs, and nothing that contradicts (policy.h).
 */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "engine/policy_internal.h"
#include "format/keychange.h"

#define K(name) POLICY_KEY(name)

uint64_t policy_keys_of(const struct policy_type *t)
{
    return POLICY_COMMON | t->needed | t->one_of | t->taken;
}

/* "max_age, job, host": what a hint can hold. */
static void name_keys(uint64_t which, char *out, size_t size)
{
    size_t at = 0;

    for (int i = 0; i < GATE_KEYS; i++) {
        size_t len = strlen(policy_key_at((enum gate_key)i)->name);

        if ((which >> i & 1) == 0 || at + len + 3 > size) {
            continue;
        }
        memcpy(out + at, at == 0 ? "" : ", ", at == 0 ? 0 : 2);
        at += at == 0 ? 0 : 2;
        memcpy(out + at, policy_key_at((enum gate_key)i)->name, len);
        at += len;
    }
    out[at] = '\0';
}

static uint64_t keys_given(const struct policy_gate *g)
{
    uint64_t given = 0;

    for (int i = 0; i < GATE_KEYS; i++) {
        given |= g->values[i].given ? UINT64_C(1) << i : 0;
    }
    return given;
}

static int check_keys(const struct policy_gate *g, const struct policy_type *t)
{
    uint64_t given = keys_given(g);
    char names[300];

    for (int i = 0; i < GATE_KEYS; i++) {
        if ((given >> i & 1) != 0 && (policy_keys_of(t) >> i & 1) == 0) {
            err_raise(HF_EUSAGE, "a gate of the type %s has no key \"%s\"", t->name,
                      policy_key_at((enum gate_key)i)->name);
            name_keys(policy_keys_of(t) & ~POLICY_COMMON, names, sizeof names);
            err_hint("its keys are %s", names);
            return config_ini_at(HF_EUSAGE, &g->values[i].place);
        }
    }
    if ((t->needed & ~given) != 0) {
        name_keys(t->needed & ~given, names, sizeof names);
        err_raise(HF_EUSAGE, "the gate \"%s\" of the type %s lacks %s", g->name, t->name, names);
        return config_ini_at(HF_EUSAGE, &g->place);
    }
    if (t->one_of != 0 && (t->one_of & given) == 0) {
        name_keys(t->one_of, names, sizeof names);
        err_raise(HF_EUSAGE, "the gate \"%s\" of the type %s needs at least one of %s", g->name,
                  t->name, names);
        return config_ini_at(HF_EUSAGE, &g->place);
    }
    return 0;
}

static int check_waiver(const struct policy_gate *g)
{
    uint64_t needed = K(waived_until) | K(waived_by) | K(reason);
    uint64_t given = keys_given(g) & needed;
    char names[100];

    if (given == 0 || given == needed) {
        return 0;
    }
    name_keys(needed & ~given, names, sizeof names);
    err_raise(HF_EUSAGE, "the waiver of the gate \"%s\" lacks %s", g->name, names);
    err_hint("somebody decides it, for a reason, and not for ever");
    return config_ini_at(HF_EUSAGE, &g->place);
}

static int complain(const struct policy_gate *g, enum gate_key key, const char *why)
{
    err_raise(HF_EUSAGE, "%s: %s", policy_key_at(key)->name, why);
    return config_ini_at(HF_EUSAGE, &g->values[key].place);
}

static int check_limits(const struct policy_gate *g)
{
    static const enum gate_key of_a_file[] = { GATE_KEY_mode, GATE_KEY_owner, GATE_KEY_max_age,
                                               GATE_KEY_min_size, GATE_KEY_max_size };
    const struct policy_value *v = g->values;
    int64_t timeout = policy_number(g, GATE_KEY_timeout, POLICY_TIMEOUT_NS);

    if (v[GATE_KEY_role].given && !keychange_name_valid(policy_text(g, GATE_KEY_role))) {
        return complain(g, GATE_KEY_role, "a role has letters, digits, - and _ alone");
    }
    if (v[GATE_KEY_max_latency].given && v[GATE_KEY_max_latency].number > timeout) {
        return complain(g, GATE_KEY_max_latency, "it is longer than the timeout");
    }
    if (v[GATE_KEY_min_tls_days].given &&
        strncasecmp(policy_text(g, GATE_KEY_url), "https", 5) != 0) {
        return complain(g, GATE_KEY_min_tls_days, "without https there is no certificate");
    }
    if (v[GATE_KEY_min_size].given && v[GATE_KEY_max_size].given &&
        v[GATE_KEY_min_size].number > v[GATE_KEY_max_size].number) {
        return complain(g, GATE_KEY_max_size, "it is less than min_size");
    }
    for (size_t i = 0; i < sizeof of_a_file / sizeof of_a_file[0]; i++) {
        if (v[GATE_KEY_exists].given && v[GATE_KEY_exists].number == 0 && v[of_a_file[i]].given) {
            return complain(g, of_a_file[i], "what must not exist has no such thing");
        }
    }
    return 0;
}

int policy_check_gate(struct policy_gate *g)
{
    int rc;

    if (!g->values[GATE_KEY_type].given) {
        err_raise(HF_EUSAGE, "the gate \"%s\" has no type", g->name);
        return config_ini_at(HF_EUSAGE, &g->place);
    }
    g->type = (enum gate_type)g->values[GATE_KEY_type].number;
    g->severity = (enum policy_severity)policy_number(g, GATE_KEY_severity, POLICY_CRITICAL);
    rc = check_keys(g, policy_type_at(g->type));
    rc = rc == 0 ? check_waiver(g) : rc;
    return rc == 0 ? check_limits(g) : rc;
}
