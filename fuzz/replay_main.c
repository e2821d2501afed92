/*
 * replay_main.c - runs a fuzz target over stored inputs, without a fuzzer.
 *
 * Linked with one fuzz/fuzz_NAME.c in place of libFuzzer's own main, so that plain `make test`
 * replays every input that was ever found to be of interest. Each argument is a folder; its files
 * are fed in the order of their names, each in memory of exactly its size, so that a sanitizer sees
 * the first byte read beyond. The name of an input stands in the log before it is run: the last
 * name is the culprit of a crash.
 */
#include <glob.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static int run_file(const char *path)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &st) != 0) {
        perror(path);
        if (file != NULL) {
            fclose(file);
        }
        return -1;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = mem_alloc(size);
    int rc = -1;
    if (data != NULL && fread(data, 1, size, file) == size) {
        fprintf(stderr, "input %s\n", path);
        LLVMFuzzerTestOneInput(data, size);
        rc = 0;
    } else {
        fprintf(stderr, "%s: could not be read\n", path);
    }
    mem_free(data);
    fclose(file);
    return rc;
}

/* Returns how many files were run, or -1. */
static long run_folder(const char *folder)
{
    char pattern[4096];
    glob_t found;
    long count = 0;
    snprintf(pattern, sizeof pattern, "%s/*", folder);
    if (glob(pattern, 0, NULL, &found) != 0) {
        return 0;
    }
    for (size_t i = 0; i < found.gl_pathc && count >= 0; i++) {
        count = run_file(found.gl_pathv[i]) == 0 ? count + 1 : -1;
    }
    globfree(&found);
    return count;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize != NULL) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        long count = run_folder(argv[i]);
        bool good = count > 0; /* a corpus without inputs proves nothing */
        printf("%s - %s: %ld inputs\n", good ? "ok" : "not ok", argv[i], count);
        failed += !good;
    }
    return failed == 0 && argc > 1 ? 0 : 1;
}
