/*
 * prune_report.c - see prune_report.h.
 */
#include "app/prune_report.h"

#include <string.h>

#include "app/signals.h"
#include "base/text.h"

static void on_progress(void *context, const struct prune_progress *p)
{
    static const char *const phases[] = {
        [PRUNE_MARKING] = "looking at what is needed",
        [PRUNE_COPYING] = "copying what is needed",
        [PRUNE_REMOVING] = "removing the rest",
    };
    struct app *app = context;
    struct progress_state s = { .path = phases[p->phase], .path_len = strlen(phases[p->phase]) };

    if (p->phase == PRUNE_COPYING) {
        s.bytes = p->done;
        s.bytes_expected = p->expected;
    } else {
        s.files = p->done;
        s.files_expected = p->expected;
    }
    progress_update(app, &s);
}

int prune_report_run(struct app *app, struct repo *r, struct collect_options *o,
                     struct prune_report *out)
{
    int64_t began = clock_monotonic(app->clock);
    int rc;

    o->cancel = signals_flag();
    o->progress = on_progress;
    o->context = app;
    progress_start(app);
    rc = collect_run(r, o, &out->result);
    progress_stop(app);
    out->dry_run = o->dry;
    out->duration_ns = clock_monotonic(app->clock) - began;
    return signals_name(rc);
}

void prune_report_json(struct json *j, const struct prune_report *p)
{
    const struct prune_result *r = &p->result;

    json_bool(j, "dry_run", p->dry_run);
    json_number(j, "segments_before", r->segments_before);
    json_number(j, "segments_after", r->segments_after);
    json_number(j, "condemned", r->condemned);
    json_number(j, "removed", r->removed);
    json_number(j, "bytes_reclaimed", r->bytes_reclaimed);
    json_number(j, "bytes_copied", r->bytes_copied);
    json_number(j, "bytes_read", r->bytes_read);
    json_number(j, "bytes_removed", r->bytes_removed);
    json_number(j, "bytes_before", r->bytes_before);
    json_number(j, "bytes_needed", r->bytes_alive);
    json_number(j, "spared", r->spared);
    json_number(j, "kept_forgotten", r->kept_forgotten);
    json_number(j, "kept_unfinished", r->kept_unfinished);
    json_number(j, "entries", r->entries);
    json_number(j, "attempts", r->attempts);
    json_seconds(j, "duration_seconds", p->duration_ns);
}

void prune_report_json_part(struct json *j, const struct prune_report *p)
{
    if (p) {
        json_object(j, "prune");
        prune_report_json(j, p);
        json_end_object(j);
    }
}

static void tell_what_is_kept(struct app *app, const struct prune_result *r)
{
    char x[TEXT_SIZE_BYTES];

    if (r->kept_forgotten > 0) {
        app_note(app,
                 "%s forgotten snapshots are kept for the grace time, and can be undeleted; "
                 "\"holdfast prune --now\" takes them too",
                 text_count(r->kept_forgotten, x));
    }
    if (r->kept_unfinished > 0) {
        app_note(app, "what %s unfinished backups stored is kept for their next run",
                 text_count(r->kept_unfinished, x));
    }
    if (r->spared > 0) {
        app_note(app, "%s segments were spared: snapshots published meanwhile need them",
                 text_count(r->spared, x));
    }
}

void prune_report_text(struct app *app, const struct prune_report *p)
{
    const struct prune_result *r = &p->result;
    struct out *out = &app->out;
    char x[TEXT_SIZE_BYTES], y[TEXT_SIZE_BYTES], z[TEXT_SIZE_BYTES];

    if (app->options.quiet) {
        return;
    }
    if (p->dry_run) {
        out_printf(out, "would reclaim %s: remove %s segments and leftover files, ",
                   text_size(r->bytes_reclaimed, x), text_count(r->condemned, y));
        out_printf(out, "read %s, copy %s\n", text_size(r->bytes_read, x),
                   text_size(r->bytes_copied, y));
    } else {
        out_printf(out, "reclaimed %s: removed %s files, ", text_size(r->bytes_reclaimed, x),
                   text_count(r->removed, y));
        out_printf(out, "read %s, copied %s", text_size(r->bytes_read, x),
                   text_size(r->bytes_copied, y));
        out_printf(out, ", in %s\n", text_duration(p->duration_ns, z));
    }
    out_printf(out, "%s segments of %s, of which %s are needed", text_count(r->segments_before, x),
               text_size(r->bytes_before, y), text_size(r->bytes_alive, z));
    out_printf(out, "; now %s segments\n", text_count(r->segments_after, x));
    tell_what_is_kept(app, r);
}
