/*
 * cmd_init.c - a new repository.
 *
 * A repository that exists is refused before a password is asked for or a key file made; and the
 * key file is durable before the repository that depends on it is begun.
 */
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/session.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/fs_posix.h"

#define KEY_NAME "first"
#define SEGMENT_MIN (64u << 10)
#define SEGMENT_MAX ((uint64_t)4 << 30)

struct init_values {
    const char *codec;
    struct option_number segment_size;
};

static int fill_params(const struct init_values *v, struct repo_params *out)
{
    int rc = 0;

    repo_default_params(out);
    if (v->segment_size.given) {
        out->segment_target = v->segment_size.value;
    }
    if (out->segment_target < SEGMENT_MIN || out->segment_target > SEGMENT_MAX) {
        return err_raise(HF_EUSAGE, "--segment-size: a segment has 64K to 4G bytes");
    }
    if (v->codec != NULL) {
        rc = codec_parse(v->codec, &out->codec, &out->level);
        if (rc != 0) {
            rc = err_add(rc, "--codec");
        }
    }
    return rc;
}

/* HF_EEXISTS when there is a repository, whole or damaged. */
static int refuse_existing(struct app *app)
{
    struct fs *fs = NULL;
    uint8_t id[16];
    char *path = NULL;
    int rc = session_path(app, &path);

    if (rc != 0) {
        return rc;
    }
    rc = fs_posix_open(path, &fs);
    if (rc == 0) {
        rc = repo_probe(fs, id);
    }
    if (rc == 0 || rc == HF_ENEWER || rc == HF_EDAMAGE) {
        rc = err_raise(HF_EEXISTS, "there is one already in %s", path);
    } else if (rc == HF_EABSENT || rc == HF_ENO_REPO) {
        rc = 0;
    }
    fs_close_fs(fs);
    mem_free(path);
    return rc;
}

static void report(struct app *app, const struct session *s)
{
    char id[33];

    if (app->options.json) {
        json_document(&app->json, "init");
        json_hex(&app->json, "repository_id", s->id, sizeof s->id);
        json_name(&app->json, "path", s->path, strlen(s->path));
        json_text(&app->json, "key_file", app->options.key_file);
        json_bool(&app->json, "key_file_made", s->secret.key_made);
        json_end_object(&app->json);
        return;
    }
    out_printf(&app->out, "made repository %s in ", text_hex(s->id, sizeof s->id, id));
    out_shown(&app->out, s->path, strlen(s->path));
    out_text(&app->out, "\n");
    if (s->secret.key_made) {
        app_note(app, "made the key file %s", app->options.key_file);
    }
    app_note(app, "keep a copy of the %s somewhere else: without it nothing can be restored",
             app->options.key_file != NULL ? "key file" : "password");
}

static int prepare(struct session *s, const struct init_values *values, struct repo_params *out)
{
    int rc = fill_params(values, out);

    if (rc == 0) {
        rc = refuse_existing(s->app);
    }
    if (rc == 0) {
        rc = session_prepare(s->app, s);
    }
    return rc != 0 ? err_add(rc, "could not make a repository") : 0;
}

static int run(struct app *app, const void *values, const struct option_operands *operands)
{
    struct repo_params params;
    struct session s = { .app = app };
    int rc = prepare(&s, values, &params);

    (void)operands;
    if (rc == 0) {
        rc = repo_init(&s.env, &params, &s.secret.unlock, KEY_NAME, s.id);
    }
    if (rc == 0) {
        report(app, &s);
    }
    session_close(&s);
    return rc;
}

#define ROW(field) offsetof(struct init_values, field)
static const struct option options[] = {
    { "codec", 0, OPTION_TEXT, "C", "how to compress: zstd:1 (the default; up to 19), zlib:6, none",
      ROW(codec), NULL },
    { "segment-size", 0, OPTION_SIZE, "SIZE", "how large the files of the log become (64M)",
      ROW(segment_size), NULL },
    { .name = NULL },
};
#undef ROW
static const char *const synopsis[] = { "[--key-file F] [--codec C] [--segment-size SIZE]", NULL };
static const char *const about[] = {
    "Makes a new repository in the folder that --repo or HOLDFAST_REPOSITORY names. The folder is "
    "made if it is absent; an existing repository is refused.",
    "Everything in a repository is encrypted. With --key-file, a key file opens it, and is made "
    "(readable by you alone) if there is none; otherwise a password does.",
    NULL,
};
static const struct command_text exits[] = {
    { "1", "it failed, or there is a repository already" },
    { NULL, NULL },
};
static const struct command_text examples[] = {
    { "holdfast init", "a repository that a password opens" },
    { "holdfast init --repo ~/other --key-file ~/other.key", "one that a key file opens" },
    { NULL, NULL },
};

const struct command cmd_init = {
    .name = "init",
    .group = COMMAND_EVERYDAY,
    .summary = "make a new repository",
    .synopsis = synopsis,
    .about = about,
    .options = options,
    .exits = exits,
    .examples = examples,
    .values_size = sizeof(struct init_values),
    .run = run,
};
