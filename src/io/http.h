/*
 * http.h - one request to a web server, and its whole answer.
 *
 * Synchronous, and bounded in time and in what it reads. Only http and https; a certificate that
 * does not hold is an error. Nothing is followed unless asked for, and then never from https to
 * http. The proxies of the environment (https_proxy, no_proxy, ...) count as for other programs,
 * but never for this machine itself. No file of the user's (.netrc) is read, no cookie is kept.
 * May be called from any thread.
 */
#ifndef HF_IO_HTTP_H
#define HF_IO_HTTP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HTTP_TIMEOUT_NS (10 * INT64_C(1000000000))
#define HTTP_MAX_BODY (1u << 20)
#define HTTP_MAX_HEADERS (64u << 10)
#define HTTP_MAX_REDIRECTS 5

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST };

struct http_request { /* all zeros but the url is a plain GET */
    const char *url;
    enum http_method method;
    const char *const *headers; /* "Name: value"; NULL-terminated, or NULL */
    const void *body;           /* of a POST */
    size_t body_len;
    int64_t timeout_ns;                /* of all of it; 0: HTTP_TIMEOUT_NS */
    size_t max_body;                   /* what is kept of the answer; 0: HTTP_MAX_BODY */
    bool follow;                       /* up to HTTP_MAX_REDIRECTS redirects */
    const char *ca_file;               /* certificates to trust instead of the system's; or NULL */
    const volatile sig_atomic_t *stop; /* gives up when this is not 0; or NULL */
};

struct http_response {
    int status;         /* 200, 404, ...: an answer is none of our errors */
    int64_t latency_ns; /* until the last byte was there */
    struct buf body;
    bool cut;                   /* there was more of it than max_body */
    struct buf headers;         /* of the last answer: lines, each with a NUL behind it */
    bool certified;             /* it came by https, and */
    int64_t certified_until_ns; /* this is when the server's certificate expires */
};

/*
 * HF_EUSAGE for a url that is none; HF_EINTERRUPTED; HF_EFAIL says why there is no answer: unknown
 * host, refused, timed out, a certificate that does not hold; HF_EUNSUPPORTED where libcurl is not
 * installed. Release *out in either case.
 */
int http_send(const struct http_request *q, struct http_response *out);
void http_release(struct http_response *r);

/* The value of the first header of that name, whatever its case; or NULL. */
const char *http_header(struct http_response *r, const char *name);
/* Whether a text is the url of a request: http or https, and a host. HF_EUSAGE. */
int http_check_url(const char *url);

#endif
