/*
 * cmd_key.c - the ways into a repository: passwords, key files, recovery sheets.
 *
 * What a user is left with opens the repository, or is taken away again: a key file or a sheet is
 * durable before the repository knows it, and removed if that fails. Only when it is unknown
 * whether the repository knows it is it kept.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/session.h"
#include "app/sheet.h"
#include "app/table.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/repo_keys.h"

#define HOST_BYTES 256

struct key_values {
    const char *new_password_file;
    const char *new_key_file;
    const char *output;
};

struct key_call {
    struct app *app;
    const struct key_values *values;
    const char *name; /* the operand, or NULL */
    struct session s;
};

/* --- list --- */

/* A name for people as one for scripts: its blanks become underscores. */
static void json_token(struct json *j, const char *key, const char *text)
{
    char token[32];
    size_t n = 0;

    for (; n < sizeof token - 1 && text[n] != '\0'; n++) {
        token[n] = text[n] == ' ' ? '_' : text[n];
    }
    token[n] = '\0';
    json_text(j, key, token);
}

static void list_json(struct app *app, const struct repo_key_list *l)
{
    struct json *j = &app->json;

    json_document(j, "key");
    json_array(j, "keys");
    for (size_t i = 0; i < l->count; i++) {
        const struct repo_key *k = &l->list[i];

        json_object(j, NULL);
        json_text(j, "name", k->name[0] != '\0' ? k->name : NULL);
        json_name(j, "file", k->file, strlen(k->file));
        json_token(j, "kind", k->kind != 0 ? keychange_kind_name(k->kind) : "unknown");
        json_token(j, "state", repo_keys_state_name(k->state));
        json_bool(j, "in_use", k->in_use);
        if (k->entry != 0) {
            json_number(j, "number", k->entry);
            json_time(j, "time", k->time_ns);
        } else {
            json_null(j, "number");
            json_null(j, "time");
        }
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

/* What is to be done about a key that is not as it should be. */
static const char *advice(enum repo_key_state s)
{
    switch (s) {
    case REPO_KEY_OK:
        break;
    case REPO_KEY_HALF:
        return "it opens by its other copy: \"key passwd\" writes it anew, or add another key";
    case REPO_KEY_DAMAGED:
        return "put the file back from a copy of the repository, or \"key remove\" it";
    case REPO_KEY_MISSING:
        return "put the file back from a copy of the repository, or \"key remove\" it";
    case REPO_KEY_REPLACED:
        return "it holds another key than its name says: remove the file";
    case REPO_KEY_FOREIGN:
        return "it opens nothing here: remove the file";
    case REPO_KEY_UNKNOWN:
        return "the journal does not know it, since \"key add\" or \"key passwd\" was interrupted: "
               "do that again, or \"key remove\" it";
    case REPO_KEY_REMOVED:
        return "\"key remove\" was interrupted: do it again, to remove the file as well";
    }
    return NULL;
}

static void list_table(struct app *app, const struct repo_key_list *l)
{
    static const char *const titles[] = { "name", "kind", "since", "state" };
    char when[TEXT_TIME_BYTES];
    struct table t;

    table_init(&t, titles, sizeof titles / sizeof titles[0]);
    for (size_t i = 0; i < l->count; i++) {
        const struct repo_key *k = &l->list[i];
        bool plain = k->state == REPO_KEY_OK && k->name[0] != '\0';
        const char *shown = plain ? k->name : k->file;

        table_name(&t, shown, strlen(shown));
        table_cell(&t, "%s", k->kind != 0 ? keychange_kind_name(k->kind) : "?");
        table_cell(&t, "%s", k->entry != 0 ? text_time_local(k->time_ns, when) : "");
        table_cell(&t, "%s%s", repo_keys_state_name(k->state), k->in_use ? ", in use" : "");
    }
    table_print(&t, &app->out);
    table_release(&t);
    for (size_t i = 0; i < l->count; i++) {
        const char *what = advice(l->list[i].state);

        if (what != NULL) {
            app_note(app, "%s: %s", l->list[i].file, what);
        }
    }
}

static int list(struct key_call *c)
{
    struct repo_key_list l;
    int rc = repo_keys_list(c->s.repo, &l);

    if (rc == 0 && c->app->options.json) {
        list_json(c->app, &l);
    } else if (rc == 0) {
        list_table(c->app, &l);
    }
    repo_keys_release(&l);
    return rc;
}

/* --- add, passwd, remove --- */

static void report(struct key_call *c, const char *action, const char *name, uint64_t number,
                   const struct secret *fresh)
{
    struct app *app = c->app;

    if (app->options.json) {
        json_document(&app->json, "key");
        json_text(&app->json, "action", action);
        json_text(&app->json, "name", name);
        if (number != 0) {
            json_number(&app->json, "number", number);
        } else {
            json_null(&app->json, "number");
        }
        if (fresh != NULL) {
            json_text(&app->json, "key_file", c->values->new_key_file);
            json_bool(&app->json, "key_file_made", fresh->key_made);
        }
        json_end_object(&app->json);
    } else if (fresh != NULL && fresh->key_made) {
        app_note(app, "made the key file %s", c->values->new_key_file);
    }
}

typedef int (*change_fn)(struct repo *r, const struct repo_key_wish *w, uint64_t *out_number);

/* A file that was made for nothing goes again: it would look like a key. */
static void unmake(const char *path, int rc)
{
    if (rc != HF_EUNKNOWN) {
        (void)unlink(path);
    }
}

static int change(struct key_call *c, const char *action, const char *name, change_fn fn)
{
    const struct secret_new from = { c->values->new_password_file, c->values->new_key_file };
    struct secret fresh;
    uint64_t number = 0;
    int rc = secret_get_new(c->app, &from, &fresh);

    if (rc == 0) {
        const struct repo_key_wish wish = {
            .current = &c->s.secret.unlock,
            .name = name,
            .kind = fresh.password != NULL ? KEYCHANGE_PASSWORD : KEYCHANGE_KEY_FILE,
            .unlock = &fresh.unlock,
        };

        rc = fn(c->s.repo, &wish, &number);
        if (rc != 0 && number == 0 && fresh.key_made) {
            unmake(c->values->new_key_file, rc);
        }
    }
    if (rc == 0) {
        report(c, action, name, number, &fresh);
    }
    secret_release(&fresh);
    return rc;
}

static int add(struct key_call *c)
{
    int rc = repo_keys_check_name(c->name);

    return rc != 0 ? rc : change(c, "add", c->name, repo_keys_add);
}

/* The name of the password that opened the repository. */
static int own_name(const struct key_call *c, char out[KEYCHANGE_NAME_MAX + 1])
{
    const struct keychange_way *way = repo_keys_way(c->s.repo);
    unsigned generation;

    if (way->kind != KEYCHANGE_PASSWORD) {
        err_raise(HF_EUSAGE, "the repository was opened by a %s, which is no password",
                  keychange_kind_name(way->kind));
        return err_hint("name the password that is to be changed: \"key passwd NAME\"");
    }
    return keychange_parse_file(way->file, out, &generation)
               ? 0
               : err_raise(HF_EUSAGE, "the key that opened the repository has no name");
}

/* HF_EUSAGE unless all keys of that name are passwords. */
static int check_is_password(struct key_call *c, const char *name)
{
    struct repo_key_list l;
    int rc = repo_keys_list(c->s.repo, &l);

    for (size_t i = 0; rc == 0 && i < l.count; i++) {
        if (strcmp(l.list[i].name, name) == 0 && l.list[i].kind != 0 &&
            l.list[i].kind != KEYCHANGE_PASSWORD) {
            err_raise(HF_EUSAGE, "'%s' is a %s, which has no password", name,
                      keychange_kind_name(l.list[i].kind));
            rc = err_hint("add another key with \"key add\", then \"key remove\" this one");
        }
    }
    repo_keys_release(&l);
    return rc;
}

static int passwd(struct key_call *c)
{
    char own[KEYCHANGE_NAME_MAX + 1];
    const char *name = c->name;
    int rc = 0;

    if (name == NULL) {
        rc = own_name(c, own);
        name = own;
    }
    if (rc == 0) {
        rc = check_is_password(c, name);
    }
    return rc != 0 ? rc : change(c, "passwd", name, repo_keys_replace);
}

static int remove_key(struct key_call *c)
{
    uint64_t number = 0;
    int rc = repo_keys_remove(c->s.repo, c->name, &number);

    if (rc == 0) {
        report(c, "remove", c->name, number, NULL);
    }
    return rc;
}

/* --- recovery-sheet --- */

static void wipe_buf(struct buf *b)
{
    if (b->data != NULL) {
        mem_wipe(b->data, b->cap);
    }
    buf_release(b);
}

static void sheet_json(struct key_call *c, const struct sheet *s, uint64_t number)
{
    struct json *j = &c->app->json;

    json_document(j, "key");
    json_text(j, "action", "recovery-sheet");
    json_text(j, "name", s->name);
    json_number(j, "number", number);
    json_text(j, "output", c->values->output);
    json_hex(j, "repository_id", s->repo_id, sizeof s->repo_id);
    json_name(j, "location", s->location, strlen(s->location));
    if (c->values->output == NULL) {
        json_array(j, "lines");
        for (unsigned i = 0; i < KEYSHEET_LINES; i++) {
            json_text(j, NULL, s->key.lines[i]);
        }
        json_end_array(j);
    }
    json_end_object(j);
}

static int register_sheet(struct key_call *c, const struct sheet *s, const struct secret *fresh,
                          uint64_t *out_number)
{
    const struct repo_key_wish wish = { .current = &c->s.secret.unlock,
                                        .name = s->name,
                                        .kind = KEYCHANGE_RECOVERY,
                                        .unlock = &fresh->unlock };
    const char *output = c->values->output;
    struct buf text;
    int rc;

    buf_init(&text);
    rc = sheet_put(&text, s, sheet_form_of(output));
    if (rc == 0 && output != NULL) {
        rc = secret_write_file(output, &text);
    }
    if (rc == 0) {
        rc = repo_keys_add(c->s.repo, &wish, out_number);
        if (rc != 0 && *out_number == 0 && output != NULL) {
            unmake(output, rc);
        }
    }
    if (rc == 0 && c->app->options.json) {
        sheet_json(c, s, *out_number);
    } else if (rc == 0 && output == NULL) {
        out_put(&c->app->out, text.data, text.len);
    } else if (rc == 0) {
        app_note(c->app, "made the sheet %s for the key '%s'; print it, then remove the file",
                 output, s->name);
    }
    wipe_buf(&text);
    return rc;
}

static int recovery_sheet(struct key_call *c)
{
    char name[KEYCHANGE_NAME_MAX + 1], host[HOST_BYTES] = "";
    struct sheet sheet = { .name = name, .host = host, .location = c->s.path };
    struct secret fresh;
    uint64_t number = 0;
    int rc = repo_keys_sheet_name(c->s.repo, name);

    if (rc == 0) {
        rc = secret_make(c->app, &fresh);
    }
    if (rc == 0) {
        if (gethostname(host, sizeof host - 1) != 0) {
            host[0] = '\0';
        }
        memcpy(sheet.repo_id, c->s.id, sizeof sheet.repo_id);
        sheet.made_ns = clock_wall(c->app->clock);
        keysheet_make(fresh.key, &sheet.key);
        rc = register_sheet(c, &sheet, &fresh, &number);
        secret_release(&fresh);
    }
    mem_wipe(&sheet.key, sizeof sheet.key);
    return rc;
}

/* --- the command --- */

static const struct action {
    const char *name;
    size_t operands_min, operands_max; /* behind the name */
    bool new_password, new_key_file, output;
    bool reads; /* a damaged journal is no obstacle */
    int (*act)(struct key_call *c);
} actions[] = {
    { "list", 0, 0, false, false, false, true, list },
    { "add", 1, 1, true, true, false, false, add },
    { "remove", 1, 1, false, false, false, false, remove_key },
    { "passwd", 0, 1, true, false, false, false, passwd },
    { "recovery-sheet", 0, 0, false, false, true, false, recovery_sheet },
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

static int check_call(const struct action *a, const struct key_values *v,
                      const struct option_operands *operands)
{
    size_t count = operands->count - 1;
    const char *excess = v->new_password_file != NULL && !a->new_password ? "--new-password-file"
                         : v->new_key_file != NULL && !a->new_key_file    ? "--new-key-file"
                         : v->output != NULL && !a->output                ? "--output"
                                                                          : NULL;

    if (count < a->operands_min) {
        return err_raise(HF_EUSAGE, "\"key %s\" needs the NAME of a key", a->name);
    }
    if (count > a->operands_max) {
        return err_raise(HF_EUSAGE, "\"key %s\" takes %s", a->name,
                         a->operands_max == 0 ? "no operand" : "one NAME only");
    }
    if (excess != NULL) {
        return err_raise(HF_EUSAGE, "\"key %s\" takes no %s", a->name, excess);
    }
    return 0;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    const struct action *a = find_action(operands->items[0]);
    struct key_call c = { .app = app, .values = values };
    int rc;

    if (a == NULL) {
        err_raise(HF_EUSAGE,
                  "could not understand \"key %s\": there are \"key list\", \"add\", \"remove\", "
                  "\"passwd\" and \"recovery-sheet\"",
                  operands->items[0]);
        return err_hint("\"holdfast help key\" explains them");
    }
    rc = check_call(a, values, operands);
    if (rc != 0) {
        return rc;
    }
    c.name = operands->count > 1 ? operands->items[1] : NULL;
    rc = session_open(app, a->reads ? REPO_TOLERANT : REPO_STRICT, &c.s);
    if (rc == 0) {
        rc = a->act(&c);
    }
    session_close(&c.s);
    return rc != 0 ? err_add(rc, "could not do \"key %s\"", a->name) : 0;
}

#define ROW(field) offsetof(struct key_values, field)
static const struct option options[] = {
    { "new-password-file", 0, OPTION_TEXT, "F", "the new password is the first line of this file",
      ROW(new_password_file), NULL },
    { "new-key-file", 0, OPTION_TEXT, "F",
      "a key file, made if there is none, instead of a password", ROW(new_key_file), NULL },
    { "output", 'o', OPTION_TEXT, "F",
      "write the sheet to a new file: F.html with a QR code, F.svg the QR code alone, else text",
      ROW(output), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "list",
                                        "add NAME [--new-password-file F | --new-key-file F]",
                                        "remove NAME",
                                        "passwd [NAME] [--new-password-file F]",
                                        "recovery-sheet [-o F]",
                                        NULL };
static const char *const about[] = {
    "A repository can have several ways in, each of which opens it alone: passwords, key files, "
    "recovery sheets. None of this touches the data: they are encrypted by a secret of their own, "
    "which each way in protects for itself.",
    "list: all ways in, and what is wrong with them.",
    "add: another password or key file. NAME is for you to know it by. The new password comes from "
    "--new-password-file, HOLDFAST_NEW_PASSWORD, or the terminal, where it is asked for twice.",
    "remove: takes a way in away; it opens nothing from then on. The last one can't be removed. "
    "Who could read the repository before, and has kept a copy of it and of that key, still can "
    "read that copy.",
    "passwd: changes a password: that of NAME, or the one that you opened the repository with. At "
    "each moment one of the two opens it.",
    "recovery-sheet: a new way in that is meant for paper: five lines of characters with "
    "checksums, which \"--key-file F\" takes when they are typed into a file again, and what to do "
    "then, step by step. Each sheet is a key of its own, so that a lost one can be removed.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "there is a key of that name already, or none; or it is the last way in" },
    { "8", "the change may still happen; \"key list\" shows it then" },
    { "12", "wrong password or key, or none; or no new one" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast key list", "which ways in there are" },
    { "holdfast key add laptop --new-key-file ~/laptop.key", "a key file for another machine" },
    { "HOLDFAST_NEW_PASSWORD='a few random words' holdfast key add team",
      "a second password, for others" },
    { "holdfast key remove laptop", "that key file opens nothing from now on" },
    { "holdfast key recovery-sheet -o ~/sheet.html", "a page to print and to lock away" },
    { NULL, NULL },
};

const struct command cmd_key = {
    .name = "key",
    .group = COMMAND_CARE,
    .summary = "passwords, key files and recovery sheets",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct key_values),
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
