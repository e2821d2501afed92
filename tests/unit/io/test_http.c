/*
 * test_http.c - a request is answered, or it is said why not; against a small server in a thread.
 */
/* tsan */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/http.h"

#define MS ((int64_t)1000000)

static int listener;
static pthread_t server;
static char base[64];
static char seen[8192]; /* the last request */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void answer(int fd, const char *path)
{
    static const char *const answers[][2] = {
        { "/hello", "HTTP/1.1 200 OK\r\nX-Colour: blue \r\nContent-Length: 5\r\n\r\nhello" },
        { "/gone", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" },
        { "/moved", "HTTP/1.1 302 Found\r\nX-First: 1\r\nLocation: /hello\r\n"
                    "Content-Length: 0\r\n\r\n" },
        { "/file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
                   "Content-Length: 0\r\n\r\n" },
        { "/circle", "HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n" },
        { "/nonsense", "no http at all\r\n\r\n" },
        { "/empty", "HTTP/1.1 204 No Content\r\nX-Nothing:\r\n\r\n" },
        { "/short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello" },
    };
    char line[256];

    if (strcmp(path, "/silence") == 0) {
        (void)!read(fd, line, sizeof line); /* until the client gives up */
        return;
    }
    if (strcmp(path, "/flood") == 0) {
        (void)!write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19);
        memset(line, 'x', sizeof line);
        while (write(fd, line, sizeof line) > 0) {
        }
        return;
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(path, answers[i][0]) == 0) {
            (void)!write(fd, answers[i][1], strlen(answers[i][1]));
        }
    }
}

static void *serve(void *context)
{
    (void)context;
    for (;;) {
        char request[sizeof seen] = "", path[64] = "";
        size_t len = 0;
        int fd = accept(listener, NULL, NULL);

        if (fd < 0) {
            return NULL;
        }
        while (strstr(request, "\r\n\r\n") == NULL && len + 1 < sizeof request) {
            ssize_t n = read(fd, request + len, sizeof request - 1 - len);

            if (n <= 0) {
                break;
            }
            len += (size_t)n;
        }
        pthread_mutex_lock(&lock);
        memcpy(seen, request, sizeof seen);
        pthread_mutex_unlock(&lock);
        sscanf(request, "%*s %63s", path);
        answer(fd, path);
        close(fd);
    }
}

static int start(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    setenv("http_proxy", "http://127.0.0.1:1/", 1); /* never for this machine itself */
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    snprintf(base, sizeof base, "http://127.0.0.1:%u", ntohs(address.sin_port));
    return pthread_create(&server, NULL, serve, NULL);
}

static int stop_server(void **state)
{
    (void)state;
    shutdown(listener, SHUT_RDWR);
    pthread_join(server, NULL);
    return close(listener);
}

static int get(const char *path, struct http_request *q, struct http_response *out)
{
    char url[200];

    snprintf(url, sizeof url, "%s%s", base, path);
    q->url = url;
    return http_send(q, out);
}

static void test_http_gives_status_headers_body_and_latency(void **state)
{
    struct http_request q = { 0 };
    struct http_response r;

    (void)state;
    assert_int_equal(get("/hello", &q, &r), 0);
    assert_int_equal(r.status, 200);
    assert_string_equal(buf_text(&r.body), "hello");
    assert_false(r.cut);
    assert_string_equal(http_header(&r, "x-colour"), "blue ");
    assert_string_equal(http_header(&r, "Content-Length"), "5");
    assert_null(http_header(&r, "X-Col"));
    assert_true(r.latency_ns > 0 && r.latency_ns < 10000 * MS);
    assert_false(r.certified);
    http_release(&r);
    assert_int_equal(get("/empty", &q, &r), 0);
    assert_int_equal(r.status, 204);
    assert_string_equal(http_header(&r, "X-Nothing"), "");
    assert_string_equal(buf_text(&r.body), "");
    http_release(&r);
}

static void test_http_says_what_it_is_told_to_say(void **state)
{
    static const char *const headers[] = { "X-Api-Key: wrong", NULL };
    static const char *const two_in_one[] = { "X-Api-Key: a\r\nX-Other: b", NULL };
    struct http_request q = {
        .method = HTTP_POST, .headers = headers, .body = "a=b", .body_len = 3
    };
    struct http_response r;

    (void)state;
    assert_int_equal(get("/gone", &q, &r), 0);
    assert_int_equal(r.status, 404);
    http_release(&r);
    pthread_mutex_lock(&lock);
    assert_non_null(strstr(seen, "POST /gone HTTP/1.1"));
    assert_non_null(strstr(seen, "\r\nX-Api-Key: wrong\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Length: 3\r\n"));
    pthread_mutex_unlock(&lock);
    q = (struct http_request){ .method = HTTP_HEAD };
    assert_int_equal(get("/gone", &q, &r), 0);
    http_release(&r);
    pthread_mutex_lock(&lock);
    assert_non_null(strstr(seen, "HEAD /gone "));
    pthread_mutex_unlock(&lock);
    q = (struct http_request){ .headers = two_in_one };
    assert_int_equal(get("/gone", &q, &r), HF_EUSAGE);
    http_release(&r);
}

static void test_http_follows_only_when_told_to_and_only_the_web(void **state)
{
    struct http_request q = { 0 };
    struct http_response r;

    (void)state;
    assert_int_equal(get("/moved", &q, &r), 0);
    assert_int_equal(r.status, 302);
    assert_string_equal(http_header(&r, "location"), "/hello");
    http_release(&r);
    q.follow = true;
    assert_int_equal(get("/moved", &q, &r), 0);
    assert_int_equal(r.status, 200);
    assert_null(http_header(&r, "x-first")); /* that was another answer */
    http_release(&r);
    assert_int_equal(get("/file", &q, &r), HF_EFAIL);
    http_release(&r);
    assert_int_equal(get("/circle", &q, &r), HF_EFAIL);
    http_release(&r);
}

static void test_http_reads_no_more_than_it_may(void **state)
{
    struct http_request q = { .max_body = 1000 };
    struct http_response r;

    (void)state;
    assert_int_equal(get("/flood", &q, &r), 0);
    assert_true(r.cut);
    assert_int_equal(r.body.len, 1000);
    assert_int_equal(r.status, 200);
    http_release(&r);
}

static void test_http_says_why_there_is_no_answer(void **state)
{
    struct http_request q = { .timeout_ns = 200 * MS };
    struct http_response r;

    (void)state;
    assert_int_equal(get("/silence", &q, &r), HF_EFAIL);
    assert_string_equal(err_last()->text, "no answer within 200 ms");
    http_release(&r);
    assert_int_equal(get("/short", &q, &r), HF_EFAIL);
    http_release(&r);
    assert_int_equal(get("/nonsense", &q, &r), HF_EFAIL);
    http_release(&r);
    q.url = "http://127.0.0.1:1/";
    assert_int_equal(http_send(&q, &r), HF_EFAIL);
    assert_non_null(strstr(err_last()->text, "Connection refused"));
    http_release(&r);
    q.url = "http://no-such-host.invalid/";
    unsetenv("http_proxy");
    q.timeout_ns = 0;
    assert_int_equal(http_send(&q, &r), HF_EFAIL);
    assert_true(strlen(err_last()->text) > 0);
    http_release(&r);
}

static void test_http_takes_nothing_for_a_url_that_is_none(void **state)
{
    static const char *const bad[] = { "",
                                       "x",
                                       "ftp://x/",
                                       "file:///etc/passwd",
                                       "http://",
                                       "http://x:y/",
                                       "https//x",
                                       "http:///x",
                                       "http://[::1/",
                                       "http://[]/",
                                       "http://x:123456/",
                                       "http://x y/",
                                       "http://x/\n",
                                       "http://@/",
                                       "http://?x" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(http_check_url(bad[i]), HF_EUSAGE);
    }
    assert_int_equal(http_check_url("https://[::1]:8/x?y"), 0);
    assert_int_equal(http_check_url("HTTP://a:b@x.example.org"), 0);
    assert_int_equal(http_check_url("http://localhost:1?x"), 0);
}

/* The server is another thread, and asks for no memory of ours. */
static void test_http_survives_want_of_memory(void **state)
{
    uint64_t hits = 1;

    (void)state;
    for (uint64_t n = 1; hits > 0; n++) {
        struct http_request q = { 0 };
        struct http_response r;
        int rc;

        mem_fail_at(n, 0);
        rc = get("/hello", &q, &r);
        hits = mem_fail_hits();
        mem_fail_at(0, 0);
        assert_int_equal(rc, hits > 0 ? HF_ENOMEM : 0);
        http_release(&r);
    }
}

static volatile sig_atomic_t stopped = 1;

static void test_http_gives_up_when_it_is_to_stop(void **state)
{
    struct http_request q = { .stop = &stopped };
    struct http_response r;

    (void)state;
    assert_int_equal(get("/silence", &q, &r), HF_EINTERRUPTED);
    http_release(&r);
}

static void *ask_often(void *context)
{
    (void)context;
    for (int i = 0; i < 5; i++) {
        struct http_request q = { 0 };
        struct http_response r;

        assert_int_equal(get("/hello", &q, &r), 0);
        http_release(&r);
    }
    return NULL;
}

static void test_http_serves_many_threads(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_serves_many_threads), /* first: it also begins libcurl */
        cmocka_unit_test(test_http_gives_status_headers_body_and_latency),
        cmocka_unit_test(test_http_says_what_it_is_told_to_say),
        cmocka_unit_test(test_http_follows_only_when_told_to_and_only_the_web),
        cmocka_unit_test(test_http_reads_no_more_than_it_may),
        cmocka_unit_test(test_http_says_why_there_is_no_answer),
        cmocka_unit_test(test_http_takes_nothing_for_a_url_that_is_none),
        cmocka_unit_test(test_http_survives_want_of_memory),
        cmocka_unit_test(test_http_gives_up_when_it_is_to_stop),
    };

    return cmocka_run_group_tests(tests, start, stop_server);
}
