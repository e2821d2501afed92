/*
 * schedule_unit.c - see schedule_unit.h.
 */
#include "app/schedule_unit.h"

#include <string.h>

#include "app/schedule_cron.h"
#include "base/err.h"

/* A word of a unit: blanks, %, $ and quotes are only themselves. */
static void put_word(struct buf *b, const char *text)
{
    buf_put_u8(b, '"');
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '"':
        case '\\':
            buf_put_u8(b, '\\');
            break;
        case '%':
            buf_put_u8(b, '%');
            break;
        default:
            break;
        }
        buf_put_u8(b, (uint8_t)*text);
    }
    buf_put_u8(b, '"');
}

/* The same in a command, where $ begins a variable. */
static void put_argument(struct buf *b, const char *text)
{
    struct buf plain;

    buf_init(&plain);
    for (; *text != '\0'; text++) {
        if (*text == '$') {
            buf_put_u8(&plain, '$');
        }
        buf_put_u8(&plain, (uint8_t)*text);
    }
    put_word(b, buf_text(&plain));
    buf_release(&plain);
}

static void put_setting(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, "%s=", name);
    put_word(b, value);
    buf_printf(b, "\n");
}

/* What is not there keeps holdfast from starting no more than elsewhere: it says so itself. */
static void put_writable_path(struct buf *b, const char *path, size_t len)
{
    struct buf word;

    buf_init(&word);
    buf_put_u8(&word, '-');
    buf_put(&word, path, len);
    put_setting(b, "ReadWritePaths", buf_text(&word));
    buf_release(&word);
}

/* The folder that a file is in: it is replaced, or made anew. */
static void put_folder_of(struct buf *b, const char *path)
{
    if (path != NULL) {
        const char *slash = strrchr(path, '/');

        put_writable_path(b, path, slash == path ? 1 : (size_t)(slash - path));
    }
}

static void put_writable(struct buf *b, const struct schedule_facts *f)
{
    const char *repository = config_text(f->config, f->job, CONFIG_repository);
    const char *metrics = config_text(f->config, f->job, CONFIG_metrics_file);

    put_writable_path(b, repository, strlen(repository));
    put_writable_path(b, f->cache, strlen(f->cache));
    put_writable_path(b, f->state, strlen(f->state));
    put_folder_of(b, metrics);
    put_folder_of(b, config_text(f->config, f->job, CONFIG_log_file));
}

static void put_home(struct buf *b, const char *home)
{
    struct buf word;

    buf_init(&word);
    buf_printf(&word, "HOME=%s", home);
    put_setting(b, "Environment", buf_text(&word));
    buf_release(&word);
}

static bool has_commands(const struct schedule_facts *f)
{
    static const enum config_key_id commands[] = { CONFIG_before, CONFIG_after, CONFIG_on_failure,
                                                   CONFIG_on_success, CONFIG_password_command };
    bool any = false;

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        any = any || config_text(f->config, f->job, commands[i]) != NULL;
    }
    /* A drill restores owners, devices and setuid bits, below /var/tmp. */
    return any || !config_key_no(config_text(f->config, f->job, CONFIG_drill));
}

/* Nothing here keeps a backup from reading files, whoever's they are, and all their attributes. */
static const char hardened[] = "NoNewPrivileges=yes\n"
                               "LockPersonality=yes\n"
                               "ProtectClock=yes\n"
                               "ProtectHostname=yes\n"
                               "ProtectKernelLogs=yes\n"
                               "ProtectKernelModules=yes\n"
                               "ProtectKernelTunables=yes\n"
                               "RestrictRealtime=yes\n"
                               "SystemCallArchitectures=native\n"
                               "UMask=0077\n";
static const char hardened_more[] =
    "ProtectSystem=strict\n"
    "ProtectControlGroups=yes\n"
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
    "RestrictNamespaces=yes\n"
    "RestrictSUIDSGID=yes\n"
    "MemoryDenyWriteExecute=yes\n"
    "SystemCallFilter=@system-service\n"
    "SystemCallErrorNumber=EPERM\n"
    "CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_FOWNER CAP_CHOWN "
    "CAP_SYS_NICE CAP_SYS_ADMIN\n";

static void put_made_by(struct buf *b, const struct schedule_facts *f)
{
    buf_printf(b, "# Made by \"holdfast schedule %s --install\"; --remove takes it away.\n",
               f->job->name);
}

void schedule_unit_service(struct buf *b, const struct schedule_facts *f)
{
    bool commands = has_commands(f);

    put_made_by(b, f);
    buf_printf(b, "[Unit]\nDescription=Backup job %s of holdfast\n", f->job->name);
    put_setting(b, "RequiresMountsFor", config_text(f->config, f->job, CONFIG_repository));
    buf_printf(b, "\n[Service]\nType=oneshot\n");
    if (!commands) { /* what is writable must be there before */
        buf_printf(b, "ExecStartPre=+/bin/mkdir -p -m 700 ");
        put_argument(b, f->cache);
        buf_printf(b, " ");
        put_argument(b, f->state);
        buf_printf(b, "\n");
    }
    buf_printf(b, "ExecStart=");
    put_argument(b, f->program);
    buf_printf(b, " run %s --no-progress --config ", f->job->name);
    put_argument(b, f->config_path);
    buf_printf(b, "\n# Told to stop, holdfast ends cleanly and tells its hooks itself.\n"
                  "KillMode=mixed\nTimeoutStopSec=2min\n");
    if (f->home != NULL) { /* the folders of this client are those of who runs it by hand */
        put_home(b, f->home);
    }
    buf_printf(b, "%s", hardened);
    if (commands) {
        buf_printf(b, "# Commands of the job, or its drill, may have to write anywhere else.\n"
                      "ProtectSystem=yes\n");
    } else {
        buf_printf(b, "%s", hardened_more);
        put_writable(b, f);
    }
}

void schedule_unit_timer(struct buf *b, const struct schedule_facts *f)
{
    put_made_by(b, f);
    buf_printf(b,
               "[Unit]\nDescription=Times of the backup job %s of holdfast\n\n[Timer]\n"
               "OnCalendar=%s\n"
               "# What was missed while the machine was off is done when it is back.\n"
               "Persistent=true\n"
               "RandomizedDelaySec=5min\nFixedRandomDelay=true\n\n"
               "[Install]\nWantedBy=timers.target\n",
               f->job->name, f->calendar);
}

/* A word for the shell; % is special to cron, even there. */
static void put_shell_word(struct buf *b, const char *text)
{
    buf_put_u8(b, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_printf(b, "'\\''");
        } else if (*text == '%') {
            buf_printf(b, "'\\%%'");
        } else {
            buf_put_u8(b, (uint8_t)*text);
        }
    }
    buf_put_u8(b, '\'');
}

int schedule_unit_cron(struct buf *b, const struct schedule_facts *f, const char *user)
{
    int rc;

    if (user != NULL) {
        put_made_by(b, f);
    }
    rc = schedule_cron_fields(f->calendar, b);
    if (rc != 0) {
        return rc;
    }
    buf_printf(b, " %s%s", user != NULL ? user : "", user != NULL ? " " : "");
    put_shell_word(b, f->program);
    buf_printf(b, " -q run %s --config ", f->job->name);
    put_shell_word(b, f->config_path);
    buf_printf(b, "\n");
    return buf_error(b);
}
