/*
 * backup_and_list.c - the first program: make a repository if there is none, back up, list.
 *
 *     backup_and_list REPOSITORY KEY-FILE PATH...
 */
#include <holdfast.h>
#include <stdio.h>
#include <string.h>

static int print_point(void *context, const struct holdfast_point *p)
{
    (void)context;
    printf("#%llu %s %s: %llu files, %llu bytes\n", (unsigned long long)p->number, p->id, p->job,
           (unsigned long long)p->files, (unsigned long long)p->bytes);
    return 0;
}

static void print_problem(void *context, const struct holdfast_problem *p)
{
    (void)context;
    fprintf(stderr, "%.*s: %s\n", (int)p->path_len, p->path != NULL ? p->path : "", p->message);
}

static enum holdfast_status complain(const struct holdfast *h)
{
    const struct holdfast_error *e = holdfast_last_error(h);

    fprintf(stderr, "%s\n", e->message);
    if (e->hint != NULL) {
        fprintf(stderr, "hint: %s\n", e->hint);
    }
    return e->status;
}

int main(int argc, char **argv)
{
    struct holdfast_repository where = { .size = sizeof where };
    struct holdfast_events events = { .size = sizeof events, .problem = print_problem };
    struct holdfast_backup_options backup = { .size = sizeof backup, .job = "example" };
    struct holdfast_backup_result result = { .size = sizeof result };
    struct holdfast_list_options list = { .size = sizeof list, .point = print_point };
    enum holdfast_status status;
    struct holdfast *h;

    if (argc < 4) {
        fprintf(stderr, "usage: %s REPOSITORY KEY-FILE PATH...\n", argv[0]);
        return 2;
    }
    h = holdfast_new();
    if (h == NULL) {
        return 1;
    }
    where.path = argv[1];
    where.key_file = argv[2];
    backup.paths = (const char *const *)argv + 3;
    backup.path_count = (size_t)argc - 3;
    holdfast_set_events(h, &events);

    status = holdfast_init(h, &where);
    if (status != HOLDFAST_OK && strcmp(holdfast_last_error(h)->code, "exists") == 0) {
        status = holdfast_open(h, &where);
    }
    if (status == HOLDFAST_OK) {
        status = holdfast_backup(h, &backup, &result);
    }
    if (status != HOLDFAST_OK) {
        complain(h);
    }
    /* Incomplete: the snapshot is there, and print_problem has told what is missing in it. */
    if (result.published) {
        printf("made snapshot %s\n", result.id);
        if (holdfast_list(h, &list) != HOLDFAST_OK) {
            status = complain(h);
        }
    }
    holdfast_close(h);
    return (int)status;
}
