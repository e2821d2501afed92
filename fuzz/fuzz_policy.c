/*
 * fuzz_policy.c - any bytes as a policy. What is understood can be judged: every gate has a type,
 * and all that its type needs.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/policy.h"
#include "fuzz_format.h"

static void look_at(const struct policy *p)
{
    fuzz_require(p->count > 0 && p->name != NULL && strlen(p->name) > 0);
    for (size_t i = 0; i < p->count; i++) {
        const struct policy_gate *g = p->gates[i];

        fuzz_require(g->type < GATE_TYPES && g->severity < POLICY_SEVERITIES);
        fuzz_require(g->values[GATE_KEY_type].given && strlen(g->name) > 0);
        fuzz_require(g->values[GATE_KEY_waived_until].given == g->values[GATE_KEY_reason].given);
        for (int k = 0; k < GATE_KEYS; k++) {
            fuzz_require(!g->values[k].given || g->values[k].count > 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy p;
    char path[40];
    int fd;

    /* What includes others is no policy; and what they are is none of this test's business. */
    if (memmem(data, size, "include", 7) != NULL) {
        return 0;
    }
    fd = memfd_create("policy", MFD_CLOEXEC);
    fuzz_require(fd >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fchmod(fd, 0600) == 0 && write(fd, data, size) == (ssize_t)size) {
        if (policy_read(path, &p) == 0) {
            look_at(&p);
        }
        policy_release(&p);
    }
    err_clear();
    close(fd);
    return 0;
}
