/*
 * secret.c - see secret.h.
 */
#include "app/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/child.h"
#include "app/slurp.h"
#include "app/term.h"
#include "base/err.h"
#include "base/mem.h"
#include "format/nacl.h"

#define PASSWORD_MAX 4096u
#define KEY_FILE_MAX (64u << 10)

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

static void wipe_buf(struct buf *b)
{
    if (b->data != NULL) {
        mem_wipe(b->data, b->cap);
    }
    buf_release(b);
}

/* Takes over a password that lies in `from`: its first line. */
static int take_line(struct secret *s, struct buf *from)
{
    size_t len = 0;

    while (len < from->len && from->data[len] != '\n') {
        len++;
    }
    if (len > 0 && from->data[len - 1] == '\r') {
        len--;
    }
    if (len == 0) {
        return err_raise(HF_EKEY, "the password is empty");
    }
    s->password = mem_dup(from->data, len);
    if (s->password == NULL) {
        return err_nomem();
    }
    s->password_size = len;
    s->unlock.password = s->password;
    s->unlock.password_len = len;
    return 0;
}

/* Whatever kept us from a password is, for scripts, a missing one. */
static int as_key_error(int rc)
{
    switch (rc) {
    case 0:
    case HF_ENOMEM:
    case HF_EINTERRUPTED:
    case HF_ETERMINATED:
        return rc;
    default:
        return err_add(HF_EKEY, "no password");
    }
}

static int password_from_file(struct secret *s, const char *path)
{
    struct buf b;
    int rc;

    buf_init(&b);
    rc = slurp_file(path, PASSWORD_MAX, &b);
    if (rc == 0) {
        rc = take_line(s, &b);
    }
    wipe_buf(&b);
    return as_key_error(rc);
}

static int password_from_fd(struct secret *s, uint64_t fd)
{
    struct buf b;
    int rc;

    buf_init(&b);
    rc = fd > INT_MAX ? err_raise(HF_EUSAGE, "there is no descriptor of that number")
                      : slurp_fd((int)fd, "the descriptor of the password", PASSWORD_MAX, &b);
    if (rc == 0) {
        rc = take_line(s, &b);
    }
    wipe_buf(&b);
    return as_key_error(rc);
}

static int password_from_command(struct app *app, struct secret *s, const char *command)
{
    const struct child_options o = { .what = "the password command", .umask = app->umask_before };
    struct buf b;
    int rc;

    buf_init(&b);
    rc = child_shell(&o, command, &b, PASSWORD_MAX);
    if (rc == 0) {
        rc = take_line(s, &b);
    }
    wipe_buf(&b);
    return as_key_error(rc);
}

static int password_from_text(struct secret *s, const char *text)
{
    struct buf b;
    int rc;

    buf_init(&b);
    buf_put(&b, text, strlen(text));
    rc = buf_error(&b);
    if (rc == 0) {
        rc = take_line(s, &b);
    }
    wipe_buf(&b);
    return as_key_error(rc);
}

static void wipe_text(char *text)
{
    if (text == NULL) {
        return;
    }
    mem_wipe(text, strlen(text));
    mem_free(text);
}

static int password_from_terminal(struct secret *s, enum secret_use use)
{
    char *first = NULL, *second = NULL;
    int rc = term_ask_secret(use == SECRET_TO_OPEN ? "Password: " : "New password: ", &first);

    if (rc == 0 && use != SECRET_TO_OPEN) {
        rc = term_ask_secret("The same again: ", &second);
    }
    if (rc == 0 && second != NULL && strcmp(first, second) != 0) {
        rc = err_raise(HF_EKEY, "the two passwords differ");
    }
    if (rc == 0) {
        rc = password_from_text(s, first);
    }
    wipe_text(first);
    wipe_text(second);
    return rc;
}

/* Makes the file's name durable: a repository will depend on it. */
static int sync_folder_of(const char *path)
{
    char *copy = mem_strdup(path);
    int fd, rc = 0;

    if (copy == NULL) {
        return err_nomem();
    }
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        rc = err_os(errno, "could not sync the folder of %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    mem_free(copy);
    return rc;
}

static int write_all(int fd, const char *path, const struct buf *text)
{
    size_t done = 0;

    while (done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);

        if (n < 0 && errno != EINTR) {
            return err_os(errno, "could not write %s", path);
        }
        done += n < 0 ? 0 : (size_t)n;
    }
    if (fsync(fd) != 0) {
        return err_os(errno, "could not write %s", path);
    }
    return sync_folder_of(path);
}

int secret_write_file(const char *path, const struct buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0) {
        bool is_homeless = errno == ENOENT;

        rc = err_os(errno, "could not make %s", path);
        return is_homeless ? err_hint("make the folder that it is to be in first") : rc;
    }
    rc = write_all(fd, path, text);
    if (close(fd) != 0 && rc == 0) {
        rc = err_os(errno, "could not write %s", path);
    }
    if (rc != 0) {
        unlink(path);
    }
    return rc;
}

int secret_make(struct app *app, struct secret *out)
{
    memset(out, 0, sizeof *out);
    out->unlock.secret = out->key;
    return rnd_bytes(app->rnd, out->key, sizeof out->key);
}

/* HF_EEXISTS if there is one. */
static int make_key_file(struct app *app, struct secret *s, const char *path)
{
    struct buf text;
    int rc = secret_make(app, s);

    buf_init(&text);
    if (rc == 0) {
        keyfile_put_text(&text, s->key);
        rc = buf_error(&text);
    }
    if (rc == 0) {
        rc = secret_write_file(path, &text);
    }
    wipe_buf(&text);
    s->key_made = rc == 0;
    return rc;
}

static void warn_of_readers(struct app *app, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
        app_warn(app, "the key file %s can be read by others; \"chmod 600\" it", path);
    }
}

static int read_key_file(struct app *app, struct secret *s, const char *path)
{
    struct buf text;
    int rc;

    buf_init(&text);
    rc = slurp_file(path, KEY_FILE_MAX, &text);
    if (rc == HF_EABSENT || rc == HF_EACCESS) {
        rc = err_add(HF_EKEY, "no key");
    }
    if (rc == HF_ELIMIT) {
        rc = err_add(HF_EKEY_DAMAGED, "this is no key file");
    }
    if (rc == 0) {
        rc = keyfile_parse_text((const char *)text.data, text.len, s->key);
    }
    if (rc == 0) {
        warn_of_readers(app, path);
    }
    wipe_buf(&text);
    s->unlock.secret = s->key;
    return rc;
}

static int from_key_file(struct app *app, enum secret_use use, struct secret *s, const char *path)
{
    int rc = HF_EEXISTS;

    if (use == SECRET_TO_INIT) {
        rc = make_key_file(app, s, path);
    }
    return rc == HF_EEXISTS ? read_key_file(app, s, path) : rc;
}

static int from_somewhere(struct app *app, enum secret_use use, struct secret *s)
{
    const struct app_options *o = &app->options;
    const char *value;

    if ((o->key_file != NULL) + (o->password_file != NULL) + o->password_fd.given > 1) {
        return err_raise(HF_EUSAGE,
                         "--key-file, --password-file and --password-fd exclude each other");
    }
    if (o->key_file != NULL) {
        return from_key_file(app, use, s, o->key_file);
    }
    if (o->password_file != NULL) {
        return password_from_file(s, o->password_file);
    }
    if (o->password_fd.given) {
        return password_from_fd(s, o->password_fd.value);
    }
    if ((value = from_environment("HOLDFAST_PASSWORD")) != NULL) {
        return password_from_text(s, value);
    }
    if ((value = from_environment("HOLDFAST_PASSWORD_FILE")) != NULL) {
        return password_from_file(s, value);
    }
    if ((value = from_environment("HOLDFAST_PASSWORD_COMMAND")) != NULL) {
        return password_from_command(app, s, value);
    }
    return password_from_terminal(s, use);
}

/* Of the processor and not of the wall, so that a busy machine makes no password cheaper. */
static int64_t processor_ns(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0) {
        return 0;
    }
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int secret_choose_cost(struct secret *s)
{
    static const uint8_t salt[NACL_SALT_BYTES];
    uint8_t key[NACL_KEY_BYTES];
    int64_t begin;
    int rc;

    if (s->password == NULL) {
        return 0;
    }
    rc = nacl_init();
    begin = processor_ns();
    if (rc == 0) {
        rc = nacl_password_key("", 0, salt, KEYFILE_DEFAULT_PASSES, KEYFILE_DEFAULT_MEMORY_KIB,
                               key);
    }
    if (rc == 0) {
        s->unlock.passes = keyfile_passes_for(processor_ns() - begin);
    }
    return rc;
}

static int no_new_password(void)
{
    err_raise(HF_EKEY, "no new password was given, and there is no terminal to ask on");
    return err_hint("set HOLDFAST_NEW_PASSWORD, or use --new-password-file");
}

int secret_get_new(struct app *app, const struct secret_new *from, struct secret *out)
{
    const char *value = from_environment("HOLDFAST_NEW_PASSWORD");
    int rc;

    memset(out, 0, sizeof *out);
    if (from->password_file != NULL && from->key_file != NULL) {
        return err_raise(HF_EUSAGE, "--new-password-file and --new-key-file exclude each other");
    }
    if (from->key_file != NULL) {
        rc = from_key_file(app, SECRET_TO_INIT, out, from->key_file);
    } else if (from->password_file != NULL) {
        rc = password_from_file(out, from->password_file);
    } else if (value != NULL) {
        rc = password_from_text(out, value);
    } else {
        rc = term_can_ask() ? password_from_terminal(out, SECRET_TO_INIT) : no_new_password();
    }
    if (rc == 0) {
        rc = secret_choose_cost(out);
    }
    if (rc != 0) {
        secret_release(out);
        rc = err_add(rc, "no new key");
    }
    return rc;
}

int secret_get(struct app *app, enum secret_use use, struct secret *out)
{
    int rc;

    memset(out, 0, sizeof *out);
    rc = from_somewhere(app, use, out);
    if (rc == 0 && use == SECRET_TO_INIT) {
        rc = secret_choose_cost(out);
    }
    if (rc != 0) {
        secret_release(out);
    }
    return rc;
}

void secret_release(struct secret *s)
{
    if (s->password != NULL) {
        mem_wipe(s->password, s->password_size);
    }
    mem_free(s->password);
    mem_wipe(s->key, sizeof s->key);
    memset(s, 0, sizeof *s);
}
