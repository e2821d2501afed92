/*
 * secret.h - the password or key file that opens a repository, from wherever the user put it.
 *
 * In this order: --key-file, --password-file or --password-fd (one of them at most);
 * HOLDFAST_PASSWORD; HOLDFAST_PASSWORD_FILE; HOLDFAST_PASSWORD_COMMAND; the terminal. Of a file, a
 * descriptor or a command the first line counts. Never from an argument. What is read is wiped when
 * it is released.
 */
#ifndef HF_APP_SECRET_H
#define HF_APP_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/app.h"
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

#endif
