/*
 * drill.c - restore for real, see whether it works, and record how long it took.
 *
 *     drill REPOSITORY KEY-FILE SCRATCH-FOLDER
 */
#include <holdfast.h>
#include <stdio.h>

static void print_mismatch(void *context, const struct holdfast_problem *p)
{
    (void)context;
    if (p->path != NULL) {
        printf("MISMATCH %.*s: %s\n", (int)p->path_len, p->path, p->message);
    } else {
        printf("MISMATCH %s: %s\n", p->object != NULL ? p->object : "", p->message);
    }
}

int main(int argc, char **argv)
{
    struct holdfast_repository where = { .size = sizeof where };
    struct holdfast_events events = { .size = sizeof events, .problem = print_mismatch };
    struct holdfast_drill_options drill = { .size = sizeof drill, .kind = "full" };
    struct holdfast_drill_result result = { .size = sizeof result };
    enum holdfast_status status;
    struct holdfast *h;

    if (argc != 4) {
        fprintf(stderr, "usage: %s REPOSITORY KEY-FILE SCRATCH-FOLDER\n", argv[0]);
        return 2;
    }
    h = holdfast_new();
    if (h == NULL) {
        return 1;
    }
    where.path = argv[1];
    where.key_file = argv[2];
    drill.scratch = argv[3];
    holdfast_set_events(h, &events);
    status = holdfast_open(h, &where);
    if (status == HOLDFAST_OK) {
        status = holdfast_drill(h, &drill, &result);
    }
    if (status == HOLDFAST_OK) {
        printf("restored %llu files, %llu bytes in %.3f s\n", (unsigned long long)result.files,
               (unsigned long long)result.bytes, (double)result.total_ns / 1e9);
        printf("evidence %s\n", result.evidence);
    } else {
        fprintf(stderr, "%s\n", holdfast_last_error(h)->message);
    }
    holdfast_close(h);
    return (int)status;
}
