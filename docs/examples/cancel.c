/*
 * cancel.c - a backup that Ctrl-C ends cleanly; run again, it goes on with what it has stored.
 *
 *     cancel REPOSITORY KEY-FILE PATH...
 */
#define _POSIX_C_SOURCE 200809L
#include <holdfast.h>
#include <signal.h>
#include <stdio.h>

static struct holdfast *h; /* for the handler */

static void stop(int signal_number)
{
    (void)signal_number;
    holdfast_cancel(h);
}

int main(int argc, char **argv)
{
    struct holdfast_repository where = { .size = sizeof where };
    struct holdfast_backup_options backup = { .size = sizeof backup };
    struct holdfast_backup_result result = { .size = sizeof result };
    struct sigaction action = { .sa_handler = stop };
    enum holdfast_status status;

    if (argc < 4) {
        fprintf(stderr, "usage: %s REPOSITORY KEY-FILE PATH...\n", argv[0]);
        return 2;
    }
    h = holdfast_new();
    if (h == NULL) {
        return 1;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    where.path = argv[1];
    where.key_file = argv[2];
    backup.paths = (const char *const *)argv + 3;
    backup.path_count = (size_t)argc - 3;

    status = holdfast_open(h, &where);
    if (status == HOLDFAST_OK) {
        puts("backing up");
        fflush(stdout);
        status = holdfast_backup(h, &backup, &result);
    }
    if (status == HOLDFAST_INTERRUPTED) {
        printf("stopped: %s snapshot was made\n", result.published ? "a" : "no");
    } else if (status == HOLDFAST_OK) {
        printf("made snapshot %s\n", result.id);
    } else {
        fprintf(stderr, "%s\n", holdfast_last_error(h)->message);
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    holdfast_close(h);
    return (int)status;
}
