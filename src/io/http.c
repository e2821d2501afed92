/*
 * http.c - see http.h. Over libcurl, which no other file includes.
 *
 * It is loaded when the first request is made, and not with the program: with all that it needs
 * itself it would double the time that every command takes to start (docs/decisions/0011).
 */
#include "io/http.h"

#define CURL_DISABLE_TYPECHECK /* it knows the functions by their own names only */
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"

#define NS_PER_MS 1000000
#define NS_PER_US 1000
#define LAST_YEAR 2261 /* that nanoseconds can tell; "does not expire" is written as 9999 */
#define NS_PER_SECOND INT64_C(1000000000)

struct call { /* what libcurl's callbacks are given */
    const struct http_request *request;
    struct http_response *response;
    size_t max_body;
};

/* What is used of it, without "curl_". */
#define FUNCTIONS(X)                                                                               \
    X(global_init)                                                                                 \
    X(easy_init)                                                                                   \
    X(easy_setopt)                                                                                 \
    X(easy_perform)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_cleanup)                                                                                \
    X(easy_strerror)                                                                               \
    X(slist_append)                                                                                \
    X(slist_free_all)

static struct {
#define MEMBER(name) __typeof__(&curl_##name) name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} curl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char trouble[256]; /* why it can't be used; empty if it can */

/* A pointer to a function has no other way out of dlsym in C. */
static void find(void *library, const char *name, void *out)
{
    void *found = dlsym(library, name);

    if (found == NULL) {
        (void)snprintf(trouble, sizeof trouble, "libcurl has no %s", name);
    }
    memcpy(out, &found, sizeof found);
}

/* For the whole life of the process: there is no moment at which nobody could need it any more. */
static void load(void)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        (void)snprintf(trouble, sizeof trouble, "%s", dlerror());
        return;
    }
#define FIND(name) find(library, "curl_" #name, &curl.name);
    FUNCTIONS(FIND)
#undef FIND
    if (trouble[0] == '\0' && curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)snprintf(trouble, sizeof trouble, "libcurl could not be initialised");
    }
}

static int have_library(void)
{
    pthread_once(&once, load);
    if (trouble[0] == '\0') {
        return 0;
    }
    err_raise(HF_EUNSUPPORTED, "the library for web requests can't be used: %s", trouble);
    return err_hint("on Debian it is in the package libcurl4");
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct call *c = context;
    struct buf *body = &c->response->body;
    size_t len = size * count;
    size_t room = c->max_body - body->len;

    buf_put(body, data, len < room ? len : room);
    c->response->cut = len > room;
    return c->response->cut || body->error != 0 ? 0 : len;
}

/* Each answer on the way begins anew with its status line. */
static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct call *c = context;
    struct buf *headers = &c->response->headers;
    size_t len = size * count;
    size_t text = len;

    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        buf_clear(headers);
        return len;
    }
    while (text > 0 && (data[text - 1] == '\r' || data[text - 1] == '\n')) {
        text--;
    }
    if (text > 0 && headers->len + text < HTTP_MAX_HEADERS) {
        buf_put(headers, data, text);
        buf_put_u8(headers, '\0');
    }
    return headers->error != 0 ? 0 : len;
}

static int look_up(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct call *call = context;

    (void)a, (void)b, (void)c, (void)d;
    return call->request->stop != NULL && *call->request->stop != 0;
}

/* What of a url decides anything here; libcurl reads it again, and better. */
struct parts {
    bool secure;
    const char *host; /* borrowed; not terminated */
    size_t host_len;
};

/* A name or an address, the latter in brackets if there are colons in it. */
static size_t host_length(const char *text)
{
    size_t len = strcspn(text, "]");

    if (text[0] == '[') {
        return text[len] == ']' && len > 1 ? len + 1 : 0;
    }
    return strcspn(text, ":/?#");
}

static bool take_apart(const char *url, struct parts *p)
{
    size_t scheme = strncasecmp(url, "http://", 7) == 0    ? 7
                    : strncasecmp(url, "https://", 8) == 0 ? 8
                                                           : 0;
    const char *end = url + scheme + strcspn(url + scheme, "/?#");
    const char *at = memrchr(url + scheme, '@', (size_t)(end - url - (ptrdiff_t)scheme));
    const char *rest;

    p->secure = scheme == 8;
    p->host = at != NULL ? at + 1 : url + scheme;
    p->host_len = host_length(p->host);
    rest = p->host + p->host_len;
    if (*rest == ':') {
        size_t digits = strspn(rest + 1, "0123456789");

        rest += digits > 0 && digits <= 5 ? digits + 1 : 0;
    }
    for (const char *c = url; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            return false;
        }
    }
    return scheme != 0 && p->host_len > 0 && strchr("/?#", *rest) != NULL;
}

static int refuse(const char *url)
{
    err_raise(HF_EUSAGE, "\"%.200s\" is no url of a web server", url);
    return err_hint("it begins with http:// or https:// and a host");
}

int http_check_url(const char *url)
{
    struct parts p;

    return take_apart(url, &p) ? 0 : refuse(url);
}

static bool is_local(const struct parts *p)
{
    static const char *const names[] = { "localhost", "[::1]" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (p->host_len == strlen(names[i]) && strncasecmp(p->host, names[i], p->host_len) == 0) {
            return true;
        }
    }
    return p->host_len > 4 && strncmp(p->host, "127.", 4) == 0;
}

static int make_headers(const struct http_request *q, struct curl_slist **out)
{
    for (size_t i = 0; q->headers != NULL && q->headers[i] != NULL; i++) {
        struct curl_slist *more;

        if (strpbrk(q->headers[i], "\r\n") != NULL) { /* it would be two, or the end of them */
            return err_raise(HF_EUSAGE, "there is a line break in a header");
        }
        more = curl.slist_append(*out, q->headers[i]);
        if (more == NULL) {
            return err_nomem();
        }
        *out = more;
    }
    return 0;
}

static long timeout_ms(const struct http_request *q)
{
    int64_t ns = q->timeout_ns > 0 ? q->timeout_ns : HTTP_TIMEOUT_NS;
    int64_t ms = ns / NS_PER_MS;

    return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (long)ms;
}

static void set_method(CURL *h, const struct http_request *q)
{
    if (q->method == HTTP_HEAD) {
        curl.easy_setopt(h, CURLOPT_NOBODY, 1L);
    } else if (q->method == HTTP_POST) {
        curl.easy_setopt(h, CURLOPT_POST, 1L);
        curl.easy_setopt(h, CURLOPT_POSTFIELDS, q->body != NULL ? q->body : "");
        curl.easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
    }
}

/* None of these can fail but for want of memory, which the transfer would tell as well. */
static void set_up(CURL *h, struct call *c, const struct parts *p, struct curl_slist *headers,
                   char *error)
{
    const struct http_request *q = c->request;
    const char *onward = p->secure ? "https" : "http,https";

    curl.easy_setopt(h, CURLOPT_URL, q->url);
    curl.easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl.easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, onward);
    curl.easy_setopt(h, CURLOPT_FOLLOWLOCATION, q->follow ? 1L : 0L);
    curl.easy_setopt(h, CURLOPT_MAXREDIRS, (long)HTTP_MAX_REDIRECTS);
    curl.easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(h, CURLOPT_USERAGENT, "holdfast");
    curl.easy_setopt(h, CURLOPT_TIMEOUT_MS, timeout_ms(q));
    curl.easy_setopt(h, CURLOPT_CERTINFO, 1L);
    curl.easy_setopt(h, CURLOPT_ERRORBUFFER, error);
    curl.easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
    curl.easy_setopt(h, CURLOPT_WRITEDATA, c);
    curl.easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
    curl.easy_setopt(h, CURLOPT_HEADERDATA, c);
    curl.easy_setopt(h, CURLOPT_XFERINFOFUNCTION, look_up);
    curl.easy_setopt(h, CURLOPT_XFERINFODATA, c);
    curl.easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl.easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    if (q->ca_file != NULL) {
        curl.easy_setopt(h, CURLOPT_CAINFO, q->ca_file);
        curl.easy_setopt(h, CURLOPT_CAPATH, NULL);
    }
    if (is_local(p)) {
        curl.easy_setopt(h, CURLOPT_PROXY, "");
    }
    set_method(h, q);
}

static int failure(CURL *h, CURLcode code, const struct http_request *q, const char *error)
{
    char limit[TEXT_SIZE_BYTES];
    long errnum = 0;

    curl.easy_getinfo(h, CURLINFO_OS_ERRNO, &errnum);
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return err_nomem();
    case CURLE_ABORTED_BY_CALLBACK:
        return err_raise(HF_EINTERRUPTED, "interrupted");
    case CURLE_OPERATION_TIMEDOUT:
        return err_raise(HF_EFAIL, "no answer within %s",
                         text_duration((int64_t)timeout_ms(q) * NS_PER_MS, limit));
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_raise(HF_EFAIL, "the name of the host could not be resolved");
    case CURLE_COULDNT_CONNECT:
        if (errnum != 0) {
            err_os((int)errnum, "could not connect");
            return HF_EFAIL;
        }
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_raise(HF_EFAIL, "the server's certificate does not hold: %s", error);
    default:
        break;
    }
    return err_raise(HF_EFAIL, "%s", error[0] != '\0' ? error : curl.easy_strerror(code));
}

static bool take_number(const char **text, int digits, int *out)
{
    int n = 0;

    while (**text == ' ') {
        ++*text;
        digits--; /* a day below ten may be padded */
    }
    for (; digits > 0; digits--, ++*text) {
        if (**text < '0' || **text > '9') {
            return false;
        }
        n = n * 10 + (**text - '0');
    }
    *out = n;
    return true;
}

/* "Nov 21 18:06:31 2027 GMT", whatever the locale. */
static bool parse_date(const char *text, int64_t *out_ns)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = { 0 };
    int month = 0;

    while (month < 12 && strncmp(text, months + 3 * month, 3) != 0) {
        month++;
    }
    if (month == 12 || text[3] != ' ') {
        return false;
    }
    tm.tm_mon = month;
    text += 4;
    if (!take_number(&text, 2, &tm.tm_mday) || *text++ != ' ' ||
        !take_number(&text, 2, &tm.tm_hour) || *text++ != ':' ||
        !take_number(&text, 2, &tm.tm_min) || *text++ != ':' ||
        !take_number(&text, 2, &tm.tm_sec) || *text++ != ' ' ||
        !take_number(&text, 4, &tm.tm_year)) {
        return false;
    }
    tm.tm_year = tm.tm_year < LAST_YEAR ? tm.tm_year - 1900 : LAST_YEAR - 1900;
    *out_ns = (int64_t)timegm(&tm) * NS_PER_SECOND;
    return true;
}

/* The first certificate of the chain is the server's own. */
static void look_at_certificate(CURL *h, struct http_response *r)
{
    static const char name[] = "Expire date:";
    struct curl_certinfo *info = NULL;

    if (curl.easy_getinfo(h, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
        info->num_of_certs < 1) {
        return;
    }
    for (const struct curl_slist *l = info->certinfo[0]; l != NULL; l = l->next) {
        if (strncmp(l->data, name, sizeof name - 1) == 0) {
            r->certified = parse_date(l->data + sizeof name - 1, &r->certified_until_ns);
        }
    }
}

static int perform(CURL *h, struct call *c, const char *error)
{
    struct http_response *r = c->response;
    CURLcode code = curl.easy_perform(h);
    curl_off_t total_us = 0;
    long status = 0;

    if (buf_error(&r->body) != 0 || buf_error(&r->headers) != 0) {
        return HF_ENOMEM;
    }
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && r->cut)) {
        return failure(h, code, c->request, error);
    }
    curl.easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    curl.easy_getinfo(h, CURLINFO_TOTAL_TIME_T, &total_us);
    r->status = (int)status;
    r->latency_ns = (int64_t)total_us * NS_PER_US;
    look_at_certificate(h, r);
    return 0;
}

int http_send(const struct http_request *q, struct http_response *out)
{
    struct call c = { q, out, q->max_body > 0 ? q->max_body : HTTP_MAX_BODY };
    struct curl_slist *headers = NULL;
    char error[CURL_ERROR_SIZE] = "";
    struct parts p;
    CURL *h = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    buf_init(&out->body);
    buf_init(&out->headers);
    rc = take_apart(q->url, &p) ? have_library() : refuse(q->url);
    if (rc != 0) {
        return rc;
    }
    h = curl.easy_init();
    rc = h != NULL ? make_headers(q, &headers) : err_nomem();
    if (rc == 0) {
        set_up(h, &c, &p, headers, error);
        rc = perform(h, &c, error);
    }
    curl.easy_cleanup(h);
    curl.slist_free_all(headers);
    return rc;
}

void http_release(struct http_response *r)
{
    buf_release(&r->body);
    buf_release(&r->headers);
}

const char *http_header(struct http_response *r, const char *name)
{
    const char *text = (const char *)r->headers.data;
    size_t len = strlen(name);

    for (size_t at = 0; at < r->headers.len; at += strlen(text + at) + 1) {
        if (strncasecmp(text + at, name, len) == 0 && text[at + len] == ':') {
            return text + at + len + 1 + strspn(text + at + len + 1, " \t");
        }
    }
    return NULL;
}
