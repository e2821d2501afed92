/*
 * two_threads.c - two handles in two threads: one backs up, the other restores and checks.
 *
 *     two_threads REPOSITORY KEY-FILE PATH TARGET
 *
 * Neither waits for the other, and each has its own log and its own last error.
 */
#include <holdfast.h>
#include <pthread.h>
#include <stdio.h>

#define ROUNDS 5

struct side {
    const char *name;
    struct holdfast_repository where;
    const char *path, *target;
    enum holdfast_status (*work)(struct holdfast *h, const struct side *s, int round);
    enum holdfast_status status;
};

static enum holdfast_status back_up(struct holdfast *h, const struct side *s, int round)
{
    struct holdfast_backup_options o = { .size = sizeof o, .path_count = 1, .force = round % 2 };

    o.paths = &s->path;
    return holdfast_backup(h, &o, NULL);
}

static enum holdfast_status restore_and_check(struct holdfast *h, const struct side *s, int round)
{
    struct holdfast_restore_options o = { .size = sizeof o, .overwrite = HOLDFAST_ALWAYS };
    struct holdfast_check_options c = { .size = sizeof c };
    enum holdfast_status status;

    o.target = s->target;
    status = holdfast_restore(h, &o, NULL);
    c.read_data = round % 2;
    return status == HOLDFAST_OK ? holdfast_check(h, &c, NULL) : status;
}

static void *run(void *argument)
{
    struct side *s = argument;
    struct holdfast *h = holdfast_new();

    if (h == NULL) {
        s->status = HOLDFAST_FAILED;
        return NULL;
    }
    s->status = holdfast_open(h, &s->where);
    for (int round = 0; s->status == HOLDFAST_OK && round < ROUNDS; round++) {
        s->status = s->work(h, s, round);
    }
    if (s->status != HOLDFAST_OK) {
        fprintf(stderr, "%s: %s\n", s->name, holdfast_last_error(h)->message);
    }
    holdfast_close(h);
    return NULL;
}

int main(int argc, char **argv)
{
    struct side sides[] = { { .name = "backups", .work = back_up },
                            { .name = "restores", .work = restore_and_check } };
    pthread_t threads[2];

    if (argc != 5) {
        fprintf(stderr, "usage: %s REPOSITORY KEY-FILE PATH TARGET\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        sides[i].where.size = sizeof sides[i].where;
        sides[i].where.path = argv[1];
        sides[i].where.key_file = argv[2];
        sides[i].path = argv[3];
        sides[i].target = argv[4];
        if (pthread_create(&threads[i], NULL, run, &sides[i]) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        printf("%s: %s\n", sides[i].name, sides[i].status == HOLDFAST_OK ? "done" : "failed");
    }
    return (int)(sides[0].status != HOLDFAST_OK ? sides[0].status : sides[1].status);
}
