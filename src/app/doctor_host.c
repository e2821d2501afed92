/*
 * doctor_host.c - see doctor.h: the program, the machine, the clock, the environment.
 */
#include "app/doctor.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/app.h"
#include "app/slurp.h"
#include "app/version.h"
#include "base/err.h"
#include "base/text.h"

#define CPUINFO_MAX (4u << 20)
#define FILES_WANTED 1024u
#define BEFORE_THIS_PROGRAM_NS (INT64_C(1700000000) * NS_PER_S) /* November 2023 */
#define MUCH_LATER_NS (INT64_C(4102444800) * NS_PER_S)          /* 2100 */

/*
 * The libraries say it themselves. They are asked by name, since only one file of this project
 * includes the headers of each.
 */
static const char *version_of(const char *symbol, bool takes_kind)
{
    const char *(*plain)(void) = NULL;
    const char *(*of_kind)(int) = NULL;
    void *found = dlsym(RTLD_DEFAULT, symbol);

    if (found == NULL) {
        return "?";
    }
    memcpy(&plain, &found, sizeof plain);
    memcpy(&of_kind, &found, sizeof of_kind);
    return takes_kind ? of_kind(0) : plain();
}

static void look_at_program(struct doctor *d)
{
    const struct doctor_about about = { "program", NULL, NULL };
    static const struct {
        const char *name, *symbol;
        bool takes_kind;
    } libraries[] = {
        { "libsodium", "sodium_version_string", false },   { "OpenSSL", "OpenSSL_version", true },
        { "zstd", "ZSTD_versionString", false },           { "zlib", "zlibVersion", false },
        { "libarchive", "archive_version_string", false }, { "curl", "curl_version", false },
    };
    struct utsname host;
    struct buf b;

    buf_init(&b);
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        const char *version = version_of(libraries[i].symbol, libraries[i].takes_kind);

        if (*version == '?') {
            continue; /* one that is loaded when it is needed */
        }
        while (*version != '\0' && !isdigit((unsigned char)*version)) {
            version++; /* "OpenSSL 3.0.17 ...", "libcurl/7.88.1 ..." */
        }
        buf_printf(&b, "%s%s %.*s", i > 0 ? ", " : "", libraries[i].name,
                   (int)strcspn(version, " "), version);
    }
    doctor_say(d, DOCTOR_OK, &about, "%s, format %u; %s", VERSION_TOOL, VERSION_FORMAT,
               buf_text(&b));
    buf_release(&b);
    if (uname(&host) == 0) {
        const struct doctor_about system = { "system", NULL, NULL };

        doctor_say(d, DOCTOR_OK, &system, "%s %s on %s; user %ld", host.sysname, host.release,
                   host.machine, (long)geteuid());
    }
}

/* Whether a word is among the features of the processor, under any of its names. */
static bool has_feature(const char *cpuinfo, const char *const *names)
{
    for (; *names != NULL; names++) {
        for (const char *at = cpuinfo; (at = strstr(at, *names)) != NULL; at++) {
            char after = at[strlen(*names)];

            if (at > cpuinfo && at[-1] == ' ' && (after == ' ' || after == '\n')) {
                return true;
            }
        }
    }
    return false;
}

static void look_at_processor(struct doctor *d)
{
    static const char *const aes[] = { "aes", NULL };
    static const char *const sha[] = { "sha_ni", "sha2", NULL };
    const struct doctor_about about = { "processor", NULL, NULL };
    const struct doctor_about slow = {
        "processor", NULL, "in a virtual machine: give it the processor type of the host"
    };
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    struct buf b;

    buf_init(&b);
    if (slurp_file("/proc/cpuinfo", CPUINFO_MAX, &b) == 0) {
        bool has_aes = has_feature(buf_text(&b), aes), has_sha = has_feature(buf_text(&b), sha);

        doctor_say(d, has_aes ? DOCTOR_OK : DOCTOR_WARN, has_aes ? &about : &slow,
                   "%ld, AES instructions: %s, SHA instructions: %s%s", count,
                   has_aes ? "yes" : "no", has_sha ? "yes" : "no",
                   has_aes ? "" : "; encryption takes longer without");
    }
    err_clear();
    buf_release(&b);
}

static void look_at_clock(struct doctor *d)
{
    const struct doctor_about about = { "clock", NULL, NULL };
    const struct doctor_about wrong = { "clock", NULL, "set it: points in time are named by it" };
    const struct doctor_about alone = { "clock", NULL,
                                        "\"timedatectl set-ntp true\", or install chrony" };
    int64_t now = clock_wall(d->app->clock);
    struct timex t = { .modes = 0 };
    char shown[TEXT_TIME_BYTES];
    int state = adjtimex(&t);

    text_time_local(now, shown);
    if (now < BEFORE_THIS_PROGRAM_NS || now > MUCH_LATER_NS) {
        doctor_say(d, DOCTOR_FAIL, &wrong, "it shows %s, which can't be", shown);
    } else if (state < 0) {
        doctor_say(d, DOCTOR_OK, &about, "%s; whether it is synchronised can't be told", shown);
    } else if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0) {
        doctor_say(d, DOCTOR_WARN, &alone, "%s, not synchronised with any other", shown);
    } else {
        doctor_say(d, DOCTOR_OK, &about, "%s, synchronised", shown);
    }
}

/* The variables that there are, beside one for each key of the configuration. */
static bool is_known(const char *name, size_t len)
{
    static const char *const more[] = { "PASSWORD", "NEW_PASSWORD", "CONFIG",      "HOOK",  "JOB",
                                        "EXIT",     "ERROR",        "SNAPSHOT_ID", "RUN_ID" };
    bool known = false;

    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        known = known || (strlen(more[i]) == len && strncmp(more[i], name, len) == 0);
    }
    for (int i = 0; i < CONFIG_KEYS; i++) {
        const char *key = config_key_at((enum config_key_id)i)->name;

        known = known || (strlen(key) == len && strncasecmp(key, name, len) == 0);
    }
    return known;
}

static void look_at_environment(struct doctor *d)
{
    static const char prefix[] = "HOLDFAST_";
    const struct doctor_about unknown = { "environment", NULL,
                                          "\"holdfast help config\" and docs/cli.md name those "
                                          "that there are" };
    const struct doctor_about about = { "environment", NULL, NULL };
    const struct doctor_about few = { "environment", NULL, "ulimit -n 4096, or LimitNOFILE=" };
    struct rlimit files;
    size_t count = 0;

    for (char **e = environ; *e != NULL; e++) {
        if (strncmp(*e, prefix, sizeof prefix - 1) == 0) {
            const char *name = *e + sizeof prefix - 1;
            size_t len = strcspn(name, "=");

            count++;
            if (!is_known(name, len)) {
                doctor_say(d, DOCTOR_WARN, &unknown, "HOLDFAST_%.*s means nothing to holdfast",
                           (int)(len < 64 ? len : 64), name);
            }
        }
    }
    doctor_say(d, DOCTOR_OK, &about, "variables of holdfast: %zu; HOME %s", count,
               getenv("HOME") != NULL ? getenv("HOME") : "is not set");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_WANTED) {
        doctor_say(d, DOCTOR_WARN, &few, "only %ju files may be open at once",
                   (uintmax_t)files.rlim_cur);
    }
}

void doctor_host(struct doctor *d)
{
    look_at_program(d);
    look_at_processor(d);
    look_at_clock(d);
    look_at_environment(d);
}
