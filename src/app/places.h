/*
 * places.h - the folders of this client: caches, and what it must not forget.
 *
 * --cache-dir, HOLDFAST_CACHE_DIR, $XDG_CACHE_HOME/holdfast, ~/.cache/holdfast; and for the state
 * HOLDFAST_STATE_DIR, $XDG_STATE_HOME/holdfast, ~/.local/state/holdfast.
 */
#ifndef HF_APP_PLACES_H
#define HF_APP_PLACES_H

#include "app/app.h"

/* Fresh absolute paths. HF_EABSENT when neither an option nor the environment says where. */
int places_cache(const struct app *app, char **out_path);
int places_state(const struct app *app, char **out_path);

#endif
