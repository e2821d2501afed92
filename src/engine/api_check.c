/*
 * api_check.c - verifying a repository for users of the library.
 */
#include "base/text.h"
#include "engine/api_internal.h"
#include "engine/check.h"

static void on_progress(void *context, const struct check_progress *p)
{
    const struct holdfast *h = context;
    const struct holdfast_progress told = { .files = p->segments,
                                            .bytes = p->bytes,
                                            .files_expected = p->segments_expected,
                                            .bytes_expected = p->bytes_expected };

    h->events.progress(h->events.context, &told);
}

static void on_damage(void *context, const struct check_damage *d)
{
    char id[HOLDFAST_ID_BYTES];
    const struct holdfast_problem p = {
        .path = d->path,
        .path_len = d->path_len,
        .code = err_code_name(HF_EDAMAGE),
        .message = d->message,
        .object = d->object,
        .snapshot = d->snapshot == NULL ? NULL : text_hex(d->snapshot, 16, id),
    };

    api_problem(context, &p);
}

static void on_note(void *context, const char *message)
{
    (void)context;
    log_write(LOG_LEVEL_INFO, "%s", message);
}

static int fill(const struct holdfast *h, const struct holdfast_check_options *from,
                struct check_options *o)
{
    /* Not a number is refused as well. */
    if (!(from->read_percent >= 0.0 && from->read_percent <= 100.0)) {
        return err_raise(HF_EUSAGE, "a part of the data has up to 100 percent");
    }
    *o = (struct check_options){ .read_data = from->read_data,
                                 .scrub = from->scrub,
                                 .threads = h->threads,
                                 .cancel = &h->cancel };
    o->read_fraction = from->read_percent > 0.0 ? from->read_percent / 100.0 : 1.0;
    return rnd_bytes(rnd_system(), &o->seed, sizeof o->seed);
}

static int check(struct holdfast *h, const struct check_options *o, struct check_result *result)
{
    const struct check_events events = { .context = h,
                                         .progress = h->events.progress != NULL ? on_progress
                                                                                : NULL,
                                         .damage = on_damage,
                                         .note = on_note };
    int rc = check_run(h->repo, o, &events, result);

    if (rc == HF_EDAMAGE) {
        return err_add(rc, "could not find everything whole");
    }
    return rc != 0 ? err_add(rc, "could not check the repository") : 0;
}

enum holdfast_status holdfast_check(struct holdfast *h,
                                    const struct holdfast_check_options *options,
                                    struct holdfast_check_result *out_result)
{
    struct holdfast_check_options given;
    struct check_result n = { 0 };
    struct check_options o;
    int rc = api_begin(h);

    if (rc != 0) {
        return HOLDFAST_USAGE;
    }
    rc = api_check_result(out_result, "struct holdfast_check_result");
    if (rc == 0) {
        rc = api_take(&given, sizeof given, options, "struct holdfast_check_options");
    }
    if (rc == 0) {
        rc = fill(h, &given, &o);
    }
    if (rc == 0) {
        rc = api_ready(h);
    }
    if (rc == 0) {
        rc = check(h, &o, &n);
    }
    const struct holdfast_check_result r = { .entries = n.entries,
                                             .segments = n.segments,
                                             .chunks = n.chunks,
                                             .snapshots = n.snapshots,
                                             .bytes_read = n.bytes_read,
                                             .damage = n.damage };
    api_give(out_result, &r, sizeof r);
    return api_end(h, rc);
}
