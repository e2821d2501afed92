/*
 * ping.c - see ping.h.
 */
#include "app/ping.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "io/http.h"

#define ATTEMPTS 2
#define LIMIT_NS (10 * NS_PER_S) /* of each attempt */
#define PAUSE_NS NS_PER_S
#define ANSWER_MAX 4096u

void ping_put_url(struct buf *b, const char *url, const char *run, enum ping_event event)
{
    static const char *const paths[] = { "/start", "", "/fail" };
    static const size_t groups[] = { 8, 4, 4, 4, 12 }; /* a UUID as it is usually written */
    size_t len = strcspn(url, "?#");
    const char *query = url + len;

    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    buf_put(b, url, len);
    buf_printf(b, "%s", paths[event]);
    buf_put(b, query, strcspn(query, "#"));
    buf_printf(b, "%srid=", *query == '?' ? "&" : "?");
    for (size_t i = 0, at = 0; i < sizeof groups / sizeof groups[0]; at += groups[i++]) {
        buf_printf(b, "%s%.*s", i > 0 ? "-" : "", (int)groups[i], run + at);
    }
}

/* The host alone: it is enough to know whom to ask. */
static int add_host(int rc, const char *url)
{
    const char *host = strstr(url, "://");
    const char *at;
    size_t len;

    host = host != NULL ? host + 3 : url;
    len = strcspn(host, "/?#");
    at = memrchr(host, '@', len); /* what stands before it is a secret as well */
    if (at != NULL) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    return err_add(rc, "could not ping %.*s", (int)(len < 200 ? len : 200), host);
}

static int attempt(const struct http_request *q, const char *host_of)
{
    struct http_response answer = { 0 };
    int rc = http_send(q, &answer);

    if (rc == HF_EUSAGE) { /* its trail quotes the URL */
        rc = err_raise(HF_EFAIL, "its URL is none");
    } else if (rc == 0 && (answer.status < 200 || answer.status > 299)) {
        rc = err_raise(HF_EFAIL, "it answered with %d", answer.status);
    }
    http_release(&answer);
    return rc != 0 ? add_host(rc, host_of) : 0;
}

int ping_send(const struct ping *p, enum ping_event event)
{
    struct http_request q = {
        .timeout_ns = LIMIT_NS, .max_body = ANSWER_MAX, .follow = true, .stop = p->stop
    };
    struct buf url;
    int rc;

    buf_init(&url);
    ping_put_url(&url, p->url, p->run, event);
    rc = buf_error(&url);
    q.url = buf_text(&url);
    if (p->body != NULL && p->body->len > 0) {
        q.method = HTTP_POST;
        q.body = p->body->data;
        q.body_len = p->body->len;
    }
    for (int i = 0; rc == 0 && i < ATTEMPTS; i++) {
        rc = attempt(&q, p->url);
        if (rc == 0 || rc == HF_EINTERRUPTED) {
            break;
        }
        if (i + 1 < ATTEMPTS) {
            rc = 0;
            clock_sleep(clock_system(), PAUSE_NS);
        }
    }
    buf_release(&url);
    return rc;
}
