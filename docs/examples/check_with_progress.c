/*
 * check_with_progress.c - verify a repository, all data included, and show how far it has come.
 *
 *     check_with_progress REPOSITORY KEY-FILE
 */
#include <holdfast.h>
#include <stdio.h>

static void show_progress(void *context, const struct holdfast_progress *p)
{
    int *shown = context;
    int percent = p->bytes_expected == 0
                      ? 0
                      : (int)(100.0 * (double)p->bytes / (double)p->bytes_expected);

    if (percent > *shown) {
        *shown = percent;
        printf("%d %% of the data\n", percent);
    }
}

static void print_damage(void *context, const struct holdfast_problem *p)
{
    (void)context;
    printf("DAMAGED: %s\n", p->message);
    if (p->path != NULL) {
        printf("  it costs %.*s of snapshot %s\n", (int)p->path_len, p->path, p->snapshot);
    }
}

static void print_log(void *context, enum holdfast_log_level level, const char *message)
{
    (void)context;
    if (level <= HOLDFAST_LOG_WARNING) {
        fprintf(stderr, "%s\n", message);
    }
}

int main(int argc, char **argv)
{
    int shown = 0;
    struct holdfast_repository where = { .size = sizeof where };
    struct holdfast_events events = { .size = sizeof events,
                                      .context = &shown,
                                      .progress = show_progress,
                                      .problem = print_damage,
                                      .log = print_log };
    struct holdfast_check_options check = { .size = sizeof check, .read_data = true };
    struct holdfast_check_result result = { .size = sizeof result };
    enum holdfast_status status;
    struct holdfast *h;

    if (argc != 3) {
        fprintf(stderr, "usage: %s REPOSITORY KEY-FILE\n", argv[0]);
        return 2;
    }
    h = holdfast_new();
    if (h == NULL) {
        return 1;
    }
    where.path = argv[1];
    where.key_file = argv[2];
    holdfast_set_events(h, &events);
    status = holdfast_open(h, &where);
    if (status == HOLDFAST_OK) {
        status = holdfast_check(h, &check, &result);
    }
    printf("%s: %llu snapshots, %llu chunks, %llu bytes read\n",
           status == HOLDFAST_OK ? "whole" : "NOT WHOLE", (unsigned long long)result.snapshots,
           (unsigned long long)result.chunks, (unsigned long long)result.bytes_read);
    if (status != HOLDFAST_OK) {
        fprintf(stderr, "%s\n", holdfast_last_error(h)->message);
    }
    holdfast_close(h);
    return (int)status;
}
