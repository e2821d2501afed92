/*
 * api.c - the handles of include/holdfast.h: what every operation begins and ends with.
 */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/api_internal.h"
#include "engine/names.h"

_Static_assert((int)HOLDFAST_LOG_ERROR == (int)LOG_LEVEL_ERROR &&
                   (int)HOLDFAST_LOG_DEBUG == (int)LOG_LEVEL_DEBUG,
               "levels are handed on as they are");

const char *holdfast_version(void)
{
    return HOLDFAST_VERSION;
}

/* Any thread of an operation comes here. */
static void hand_log_on(void *context, enum log_level level, const char *message)
{
    struct holdfast *h = context;

    pthread_mutex_lock(&h->log_lock);
    h->events.log(h->events.context, (enum holdfast_log_level)level, message);
    pthread_mutex_unlock(&h->log_lock);
}

static void keep_error(struct holdfast *h, int rc)
{
    h->error.status = (enum holdfast_status)(rc == 0 ? 0 : err_exit_status(rc));
    h->error.code = err_code_name(rc);
    h->error.message = h->trail.text;
    h->error.hint = h->trail.hint[0] == '\0' ? NULL : h->trail.hint;
}

struct holdfast *holdfast_new(void)
{
    struct holdfast *h = mem_zalloc(sizeof *h);

    if (h != NULL) {
        pthread_mutex_init(&h->log_lock, NULL);
        keep_error(h, 0);
    }
    return h;
}

const struct holdfast_error *holdfast_last_error(const struct holdfast *h)
{
    return &h->error;
}

void holdfast_cancel(struct holdfast *h)
{
    h->cancel = 1;
}

int api_begin(struct holdfast *h)
{
    if (h->busy) {
        return HF_EUSAGE;
    }
    h->busy = true;
    h->trail.text[0] = h->trail.hint[0] = '\0';
    err_clear();
    h->log_before = log_own();
    h->log = (struct log_own){ .sink = h->events.log != NULL ? hand_log_on : NULL,
                               .context = h,
                               .level = LOG_LEVEL_DEBUG };
    log_set_own(&h->log);
    return 0;
}

enum holdfast_status api_end(struct holdfast *h, int rc)
{
    log_set_own(h->log_before);
    if (rc != 0) {
        err_take(&h->trail);
    } else {
        err_clear();
    }
    keep_error(h, rc);
    h->cancel = 0;
    h->busy = false;
    return h->error.status;
}

int api_take(void *own, size_t own_size, const void *given, const char *what)
{
    const uint8_t *bytes = given;
    size_t size = 0;

    memset(own, 0, own_size);
    if (given == NULL) {
        return 0;
    }
    memcpy(&size, given, sizeof size);
    if (size < sizeof size) {
        return err_raise(HF_EUSAGE, "the size of %s was not set", what);
    }
    for (size_t i = own_size; i < size; i++) {
        if (bytes[i] != 0) {
            return err_raise(HF_EUNSUPPORTED, "%s asks for what libholdfast %s does not know", what,
                             HOLDFAST_VERSION);
        }
    }
    memcpy(own, given, size < own_size ? size : own_size);
    return 0;
}

int api_check_result(const void *out, const char *what)
{
    size_t size = sizeof size;

    if (out != NULL) {
        memcpy(&size, out, sizeof size);
    }
    return size >= sizeof size ? 0 : err_raise(HF_EUSAGE, "the size of %s was not set", what);
}

void api_give(void *to, const void *own, size_t own_size)
{
    const size_t head = sizeof(size_t);
    uint8_t *bytes = to;
    size_t size = 0;

    if (to == NULL) {
        return;
    }
    memcpy(&size, to, sizeof size);
    if (size <= head) {
        return;
    }
    memset(bytes + head, 0, size - head);
    memcpy(bytes + head, (const uint8_t *)own + head, (size < own_size ? size : own_size) - head);
}

enum holdfast_status holdfast_set_events(struct holdfast *h, const struct holdfast_events *events)
{
    struct holdfast_events taken;
    int rc = api_begin(h);

    if (rc != 0) {
        return HOLDFAST_USAGE;
    }
    rc = api_take(&taken, sizeof taken, events, "struct holdfast_events");
    if (rc == 0) {
        h->events = taken;
    }
    return api_end(h, rc);
}

void api_problem(const struct holdfast *h, const struct holdfast_problem *p)
{
    if (h->events.problem != NULL) {
        h->events.problem(h->events.context, p);
    }
}

int api_patterns(const char *const *patterns, size_t count, struct exclude **out)
{
    int rc = exclude_new(out);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = exclude_add(*out, patterns[i]);
    }
    return rc;
}

int api_find_self(struct api_self *out)
{
    struct names *names;
    const char *user;
    size_t len;
    int rc = names_new(&names);

    memset(out, 0, sizeof *out);
    if (rc != 0) {
        return rc;
    }
    user = names_of(names, NAMES_USER, (uint32_t)geteuid(), &len);
    if (len < sizeof out->user) {
        memcpy(out->user, user, len);
    }
    names_free(names);
    if (gethostname(out->host, sizeof out->host - 1) != 0) {
        out->host[0] = '\0';
    }
    return 0;
}
