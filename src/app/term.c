/*
 * term.c - see term.h.
 */
#include "app/term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "app/signals.h"
#include "base/err.h"
#include "base/mem.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN 20
#define ROWS_DEFAULT 24
#define SECRET_MAX 4096

bool term_is_live(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

bool term_has_colours(int fd)
{
    const char *no = getenv("NO_COLOR");

    return term_is_live(fd) && (no == NULL || no[0] == '\0');
}

size_t term_columns(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return COLUMNS_DEFAULT;
    }
    return size.ws_col < COLUMNS_MIN ? COLUMNS_MIN : size.ws_col;
}

size_t term_rows(int fd)
{
    struct winsize size;

    return ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 ? ROWS_DEFAULT : size.ws_row;
}

bool term_has_unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    const char *term = getenv("TERM");

    if (term != NULL && strcmp(term, "dumb") == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *locale = getenv(names[i]);

        if (locale != NULL && locale[0] != '\0') { /* the first that says anything decides */
            return strcasestr(locale, "UTF-8") != NULL || strcasestr(locale, "UTF8") != NULL;
        }
    }
    return false;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0u) == 0x80u;
}

size_t term_width(const char *text, size_t len)
{
    size_t width = 0;

    for (size_t i = 0; i < len; i++) {
        width += !continues(text[i]);
    }
    return width;
}

void term_put_tail(struct buf *b, const char *text, size_t len, size_t columns)
{
    size_t width = term_width(text, len);

    if (width <= columns) {
        buf_put(b, text, len);
        return;
    }
    if (columns < 4) {
        return;
    }
    while (len > 0 && (width > columns - 3 || continues(*text))) {
        width -= !continues(*text);
        text++;
        len--;
    }
    buf_put(b, "...", 3);
    buf_put(b, text, len);
}

/* Reads a line; it ends at a newline or the end of input. */
static int read_line(int fd, char *out, size_t max, size_t *out_len)
{
    *out_len = 0;
    while (*out_len < max) {
        ssize_t n = read(fd, out + *out_len, 1);
        int rc = signals_check();

        if (rc != 0) {
            return rc;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_os(errno, "could not read from the terminal");
        }
        if (n == 0 || out[*out_len] == '\n') {
            return 0;
        }
        ++*out_len;
    }
    return err_raise(HF_EKEY, "the password is longer than %d bytes", SECRET_MAX - 1);
}

static int ask(int fd, const char *prompt, char *out, size_t max)
{
    struct termios before, silent;
    size_t len = 0;
    int rc;

    if (tcgetattr(fd, &before) != 0) {
        return err_os(errno, "could not silence the terminal");
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    if (write(fd, prompt, strlen(prompt)) < 0 || tcsetattr(fd, TCSAFLUSH, &silent) != 0) {
        return err_os(errno, "could not silence the terminal");
    }
    rc = read_line(fd, out, max - 1, &len);
    out[len] = '\0';
    tcsetattr(fd, TCSAFLUSH, &before);
    if (write(fd, "\n", 1) < 0 && rc == 0) {
        rc = err_os(errno, "could not write to the terminal");
    }
    return rc;
}

bool term_can_ask(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

int term_ask_secret(const char *prompt, char **out_answer)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    char *answer;
    int rc;

    *out_answer = NULL;
    if (fd < 0) {
        err_raise(HF_EKEY, "no password was given, and there is no terminal to ask on");
        err_hint("set HOLDFAST_PASSWORD_FILE, or use --password-file or --key-file");
        return HF_EKEY;
    }
    answer = mem_zalloc(SECRET_MAX);
    rc = answer == NULL ? err_nomem() : ask(fd, prompt, answer, SECRET_MAX);
    close(fd);
    if (rc != 0 && answer != NULL) {
        mem_wipe(answer, SECRET_MAX);
        mem_free(answer);
        return rc;
    }
    *out_answer = answer;
    return rc;
}
