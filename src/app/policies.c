/*
 * policies.c - see policies.h. The assembler takes the files in as they are, so that there is one
 * copy of each; the Makefile says that this file depends on them.
 */
#include "app/policies.h"

#include <stddef.h>
#include <string.h>

#define SHIPPED(symbol, file, means)                                                               \
    __asm__(".section .rodata\n"                                                                   \
            ".globl policies_file_" #symbol "\n"                                                   \
            ".hidden policies_file_" #symbol "\n"                                                  \
            "policies_file_" #symbol ":\n"                                                         \
            ".incbin \"docs/policies/" file ".ini\"\n"                                             \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const char policies_file_##symbol[] __attribute__((visibility("hidden")));
#include "app/policies.def"
#undef SHIPPED

const char *const policies_names[] = {
#define SHIPPED(symbol, file, means) file,
#include "app/policies.def"
#undef SHIPPED
    NULL,
};

static const struct {
    const char *means, *text;
} shipped[] = {
#define SHIPPED(symbol, file, means) { means, policies_file_##symbol },
#include "app/policies.def"
#undef SHIPPED
};

static size_t find(const char *name)
{
    size_t i = 0;

    while (policies_names[i + 1] != NULL && strcmp(policies_names[i], name) != 0) {
        i++;
    }
    return i;
}

const char *policies_means(const char *name)
{
    return shipped[find(name)].means;
}

const char *policies_text(const char *name)
{
    return shipped[find(name)].text;
}
