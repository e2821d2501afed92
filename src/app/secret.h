/*
 * secret.h - the password or key file that opens a repository, from wherever the user put it.
 *
 * In this order: --key-file, --password-file or --password-fd (one of them at most);
 * HOLDFAST_PASSWORD; HOLDFAST_PASSWORD_FILE; HOLDFAST_PASSWORD_COMMAND; the terminal. Of a file, a
 * descriptor or a command the first line counts. Never from an argument. What is read is wiped when
 * it is released. A key file may also be a recovery sheet that was typed in again.
 */
#ifndef HF_APP_SECRET_H
#define HF_APP_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/app.h"
#include "base/buf.h"
#include "format/keyfile.h"

struct secret {
    struct keyfile_unlock unlock;
    char *password;
    size_t password_size;
    uint8_t key[KEYFILE_SECRET_BYTES];
    bool key_made; /* the key file did not exist, and does now */
};

enum secret_use { SECRET_TO_OPEN, SECRET_TO_INIT };

/*
 * HF_EKEY when there is none or it can't be read; HF_EKEY_DAMAGED for a key file. To init, a
 * terminal is asked twice, and a key file that does not exist is made.
 */
int secret_get(struct app *app, enum secret_use use, struct secret *out);
void secret_release(struct secret *s);

/* Where a new secret beside the one that opens comes from; at most one of the two is given. */
struct secret_new {
    const char *password_file;
    const char *key_file; /* is made if there is none */
};
/*
 * A new password or key file: from what is given, else from HOLDFAST_NEW_PASSWORD, else asked for
 * twice on the terminal. HF_EKEY if there is none. The cost of a password is chosen for this
 * machine.
 */
int secret_get_new(struct app *app, const struct secret_new *from, struct secret *out);
/* A random one, in s->key, that no file holds yet. */
int secret_make(struct app *app, struct secret *out);

/*
 * Chooses the cost of deriving a key from a password, by doing it once: near 0.25 s here, and never
 * less than the default (keyfile_passes_for).
 */
int secret_choose_cost(struct secret *s);

/*
 * Writes a file that must not exist (HF_EEXISTS), readable by its owner alone, and makes it and its
 * name durable. What could not be written whole is removed.
 */
int secret_write_file(const char *path, const struct buf *text);

#endif
