/*
 * places.c - see places.h.
 */
#include "app/places.h"

#include <stdlib.h>

#include "base/err.h"
#include "engine/source_dir.h"

/* $VARIABLE and what is appended to it, cleaned; HF_EABSENT if it is not set. */
static int from_variable(const char *variable, const char *below, char **out_path)
{
    const char *value = getenv(variable);
    struct buf b;
    int rc;

    if (value == NULL || value[0] == '\0') {
        return HF_EABSENT;
    }
    buf_init(&b);
    buf_printf(&b, "%s%s", value, below);
    rc = buf_error(&b);
    if (rc == 0) {
        rc = source_dir_clean(buf_text(&b), out_path);
    }
    buf_release(&b);
    return rc;
}

static int first_of(const char *own, const char *xdg, const char *below_home, const char *what,
                    char **out_path)
{
    int rc = from_variable(own, "", out_path);

    if (rc == HF_EABSENT) {
        rc = from_variable(xdg, "/holdfast", out_path);
    }
    if (rc == HF_EABSENT) {
        rc = from_variable("HOME", below_home, out_path);
    }
    if (rc != HF_EABSENT) {
        return rc;
    }
    return err_raise(HF_EABSENT, "there is no place for %s: set %s or HOME", what, own);
}

int places_cache(const struct app *app, char **out_path)
{
    if (app->options.cache_dir != NULL) {
        return source_dir_clean(app->options.cache_dir, out_path);
    }
    return first_of("HOLDFAST_CACHE_DIR", "XDG_CACHE_HOME", "/.cache/holdfast", "caches", out_path);
}

int places_state(const struct app *app, char **out_path)
{
    (void)app;
    return first_of("HOLDFAST_STATE_DIR", "XDG_STATE_HOME", "/.local/state/holdfast",
                    "what was seen last", out_path);
}
