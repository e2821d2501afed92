/*
 * restore_at.c - restore as of a moment, and say which point in time that was.
 *
 *     restore_at REPOSITORY KEY-FILE TIME TARGET [PATH...]
 *
 * TIME is "2026-11-21 10:00", RFC 3339, "-3h" or "now".
 */
#include <holdfast.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct holdfast_repository where = { .size = sizeof where };
    struct holdfast_restore_options restore = { .size = sizeof restore };
    struct holdfast_restore_result result = { .size = sizeof result };
    enum holdfast_status status;
    char selector[128];
    struct holdfast *h;

    if (argc < 5) {
        fprintf(stderr, "usage: %s REPOSITORY KEY-FILE TIME TARGET [PATH...]\n", argv[0]);
        return 2;
    }
    h = holdfast_new();
    if (h == NULL) {
        return 1;
    }
    snprintf(selector, sizeof selector, "at:%s", argv[3]);
    where.path = argv[1];
    where.key_file = argv[2];
    restore.selector = selector;
    restore.target = argv[4];
    restore.includes = (const char *const *)argv + 5;
    restore.include_count = (size_t)argc - 5;
    restore.verify = true;

    status = holdfast_open(h, &where);
    if (status == HOLDFAST_OK) {
        status = holdfast_restore(h, &restore, &result);
    }
    if (result.id[0] != '\0') {
        printf("#%llu, %.3f s before what was asked for%s\n", (unsigned long long)result.number,
               (double)(result.asked_ns - result.time_ns) / 1e9,
               result.next_ns == 0 ? "; there is no later one" : "");
        printf("%llu files, %llu bytes verified\n", (unsigned long long)result.files,
               (unsigned long long)result.bytes_verified);
    }
    if (status != HOLDFAST_OK) {
        const struct holdfast_error *e = holdfast_last_error(h);

        fprintf(stderr, "%s: %s\n", e->code, e->message);
    }
    holdfast_close(h);
    return (int)status;
}
