/*
 * api_key.c - the password or key file that a user of the library names.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/api_internal.h"
#include "format/nacl.h"
#include "io/fs_posix.h"

#define KEY_FILE_MAX (64u << 10)

static void wipe_buf(struct buf *b)
{
    if (b->data != NULL) {
        mem_wipe(b->data, b->cap);
    }
    buf_release(b);
}

/* Into memory that has room for it from the beginning: no copy of it is left behind. */
static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? err_os(errno, "could not open %s", path) : buf_reserve(out, KEY_FILE_MAX + 1);

    while (rc == 0) {
        ssize_t n = read(fd, out->data + out->len, KEY_FILE_MAX + 1 - out->len);

        if (n < 0 && errno != EINTR) {
            rc = err_os(errno, "could not read %s", path);
        } else if (n == 0) {
            break;
        }
        out->len += n < 0 ? 0 : (size_t)n;
        if (out->len > KEY_FILE_MAX) {
            rc = err_raise(HF_EKEY_DAMAGED, "%s is too large for a key file", path);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static int read_key(struct api_secret *s, const char *path)
{
    struct buf text;
    int rc;

    buf_init(&text);
    rc = read_file(path, &text);
    if (rc == HF_EABSENT || rc == HF_EACCESS) {
        rc = err_add(HF_EKEY, "no key");
    }
    if (rc == 0) {
        rc = keyfile_parse_text((const char *)text.data, text.len, s->key);
    }
    wipe_buf(&text);
    s->unlock.secret = s->key;
    return rc;
}

/* A new file and its name are durable before anything depends on them. */
static int write_new(struct fs *folder, const char *name, const struct buf *text)
{
    struct fs_file *f = NULL;
    int rc = fs_create(folder, name, 0600, &f);

    if (rc != 0) {
        return rc;
    }
    rc = fs_pwrite(f, text->data, text->len, 0);
    if (rc == 0) {
        rc = fs_sync(f, "key-file");
    }
    if (rc == 0) {
        rc = fs_close(&f);
    } else {
        (void)fs_close(&f);
    }
    if (rc == 0) {
        rc = fs_sync_dir(folder, "", "key-file-name");
    }
    if (rc != 0) {
        struct err_trail why;

        err_take(&why);
        (void)fs_unlink(folder, name);
        err_give(&why);
    }
    return rc;
}

/* HF_EEXISTS if there is one. */
static int make_key(struct api_secret *s, const char *path)
{
    char *folder_path = mem_strdup(path), *name = mem_strdup(path);
    struct fs *folder = NULL;
    struct buf text;
    int rc = folder_path == NULL || name == NULL ? err_nomem() : 0;

    buf_init(&text);
    if (rc == 0) {
        rc = fs_posix_open(dirname(folder_path), &folder);
    }
    if (rc == 0) {
        rc = rnd_bytes(rnd_system(), s->key, sizeof s->key);
    }
    if (rc == 0) {
        keyfile_put_text(&text, s->key);
        rc = buf_error(&text);
    }
    if (rc == 0) {
        rc = write_new(folder, basename(name), &text);
    }
    wipe_buf(&text);
    fs_close_fs(folder);
    mem_free(folder_path);
    mem_free(name);
    s->unlock.secret = s->key;
    return rc;
}

/* As the program does it: near a quarter of a second here, and never less than the default. */
static int choose_cost(struct keyfile_unlock *unlock)
{
    static const uint8_t salt[NACL_SALT_BYTES];
    uint8_t key[NACL_KEY_BYTES];
    int64_t begin;
    int rc = nacl_init();

    begin = clock_monotonic(clock_system());
    if (rc == 0) {
        rc = nacl_password_key("", 0, salt, KEYFILE_DEFAULT_PASSES, KEYFILE_DEFAULT_MEMORY_KIB,
                               key);
    }
    if (rc == 0) {
        unlock->passes = keyfile_passes_for(clock_monotonic(clock_system()) - begin);
    }
    return rc;
}

static int take_password(struct api_secret *s, const char *password, bool make)
{
    if (password[0] == '\0') {
        return err_raise(HF_EKEY, "the password is empty");
    }
    s->password_size = strlen(password);
    s->password = mem_dup(password, s->password_size);
    if (s->password == NULL) {
        return err_nomem();
    }
    s->unlock.password = s->password;
    s->unlock.password_len = s->password_size;
    return make ? choose_cost(&s->unlock) : 0;
}

int api_secret_get(struct api_secret *s, const struct holdfast_repository *where, bool make)
{
    int rc = HF_EEXISTS;

    memset(s, 0, sizeof *s);
    if ((where->password != NULL) == (where->key_file != NULL)) {
        return err_raise(HF_EUSAGE, "either a password or a key file opens a repository");
    }
    if (where->password != NULL) {
        rc = take_password(s, where->password, make);
    } else if (make) {
        rc = make_key(s, where->key_file);
    }
    if (rc == HF_EEXISTS) {
        rc = read_key(s, where->key_file);
    }
    if (rc != 0) {
        api_secret_release(s);
    }
    return rc;
}

void api_secret_release(struct api_secret *s)
{
    if (s->password != NULL) {
        mem_wipe(s->password, s->password_size);
    }
    mem_free(s->password);
    mem_wipe(s, sizeof *s);
}
