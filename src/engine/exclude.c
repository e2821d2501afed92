/*
 * exclude.c - patterns as lists of components, matched against paths component by component.
 *
 * Both levels - characters with `*` in a component, components with `**` in a path - use the same
 * way of matching: on a mismatch go back to the last star and let it take one more. That is all
 * the backtracking ever needed, so no pattern takes more than length times length steps.
 */
#include "engine/exclude.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum part_kind { PART_LITERAL, PART_WILD, PART_ANY_DEPTH };

struct part {
    enum part_kind kind;
    const char *text; /* unescaped if it is literal, else as given; in the pattern's memory */
    size_t len;
};

struct pattern {
    char *given;
    char *memory;  /* of the parts' text */
    char *literal; /* the path meant, if it is one path only */
    struct part *parts;
    size_t count, cap;
    bool anchored, dirs_only, take_back;
};

struct exclude {
    struct pattern *patterns;
    size_t count, cap;
};

/* ---- matching one component ---- */

/* The class that begins at p[0] == '['; *out_next is what follows it. It is known to be closed. */
static bool class_has(const char *p, unsigned char c, const char **out_next)
{
    bool negated = p[1] == '!' || p[1] == '^';
    const char *at = p + (negated ? 2 : 1);
    bool found = false;
    bool first = true;
    for (; first || *at != ']'; first = false) {
        if (*at == '\\') {
            at++;
        }
        unsigned char low = (unsigned char)*at++;
        unsigned char high = low;
        if (at[0] == '-' && at[1] != ']') {
            at++;
            if (*at == '\\') {
                at++;
            }
            high = (unsigned char)*at++;
        }
        if (low <= c && c <= high) {
            found = true;
        }
    }
    *out_next = at + 1;
    return found != negated;
}

/* Whether the pattern character at p (no star) takes c; *out_next is what follows it. */
static bool char_matches(const char *p, unsigned char c, const char **out_next)
{
    if (*p == '[') {
        return class_has(p, c, out_next);
    }
    *out_next = p + 1;
    if (*p == '?') {
        return true;
    }
    if (*p == '\\') {
        *out_next = p + 2;
        p++;
    }
    return (unsigned char)*p == c;
}

static bool wild_matches(const struct part *part, const char *name, size_t len)
{
    const char *p = part->text;
    const char *p_end = p + part->len;
    const char *end = name + len;
    const char *star = NULL;
    const char *star_name = NULL;
    while (name < end) {
        const char *next = NULL;
        if (p < p_end && *p == '*') {
            star = ++p;
            star_name = name;
        } else if (p < p_end && char_matches(p, (unsigned char)*name, &next)) {
            p = next;
            name++;
        } else if (star != NULL) {
            p = star;
            name = ++star_name;
        } else {
            return false;
        }
    }
    while (p < p_end && *p == '*') {
        p++;
    }
    return p == p_end;
}

static bool part_matches(const struct part *part, const char *name, size_t len)
{
    if (part->kind == PART_LITERAL) {
        return part->len == len && memcmp(part->text, name, len) == 0;
    }
    return wild_matches(part, name, len);
}

/* ---- matching a path ---- */

/* The component at *at (past its slash), which moves behind it. False at the end. */
static bool next_component(const char **at, const char *end, const char **out_name, size_t *out_len)
{
    const char *p = *at;
    while (p < end && *p == '/') {
        p++;
    }
    if (p == end) {
        return false;
    }
    const char *slash = memchr(p, '/', (size_t)(end - p));
    *out_name = p;
    *out_len = (size_t)((slash != NULL ? slash : end) - p);
    *at = p + *out_len;
    return true;
}

static bool parts_match(const struct pattern *pat, const char *path, size_t path_len)
{
    const char *at = path;
    const char *end = path + path_len;
    size_t i = 0;
    bool has_star = !pat->anchored; /* an unanchored pattern begins with a silent `**` */
    size_t star = 0;
    const char *star_at = at;
    for (;;) {
        const char *before = at;
        const char *name = NULL;
        size_t len = 0;
        if (!next_component(&at, end, &name, &len)) {
            break;
        }
        if (i < pat->count && pat->parts[i].kind == PART_ANY_DEPTH) {
            has_star = true;
            star = ++i;
            /* As the last part it stands for at least one component: what is below, not the
               folder itself. */
            star_at = i == pat->count ? at : before;
            at = star_at;
        } else if (i < pat->count && part_matches(&pat->parts[i], name, len)) {
            i++;
        } else if (has_star) {
            i = star;
            if (!next_component(&star_at, end, &name, &len)) {
                return false;
            }
            at = star_at;
        } else {
            return false;
        }
    }
    return i == pat->count;
}

static bool pattern_matches(const struct pattern *pat, const char *path, size_t path_len,
                            const char *name, size_t name_len, bool is_dir)
{
    if (pat->dirs_only && !is_dir) {
        return false;
    }
    if (!pat->anchored && pat->count == 1 && pat->parts[0].kind != PART_ANY_DEPTH) {
        return name_len > 0 && part_matches(&pat->parts[0], name, name_len);
    }
    return parts_match(pat, path, path_len);
}

/* The last component; empty for the root. */
static const char *last_name(const char *path, size_t path_len, size_t *out_len)
{
    const char *slash = memrchr(path, '/', path_len);
    const char *name = slash != NULL ? slash + 1 : path;
    *out_len = path_len - (size_t)(name - path);
    return name;
}

bool exclude_hits(const struct exclude *x, size_t i, const char *path, size_t path_len, bool is_dir)
{
    size_t name_len = 0;
    const char *name = last_name(path, path_len, &name_len);
    return pattern_matches(&x->patterns[i], path, path_len, name, name_len, is_dir);
}

size_t exclude_which(const struct exclude *x, const char *path, size_t path_len, bool is_dir)
{
    if (exclude_count(x) == 0) {
        return SIZE_MAX;
    }
    size_t name_len = 0;
    const char *name = last_name(path, path_len, &name_len);
    for (size_t i = x->count; i-- > 0;) {
        if (pattern_matches(&x->patterns[i], path, path_len, name, name_len, is_dir)) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool exclude_matches(const struct exclude *x, const char *path, size_t path_len, bool is_dir)
{
    size_t i = exclude_which(x, path, path_len, is_dir);
    return i != SIZE_MAX && !x->patterns[i].take_back;
}

bool exclude_covers(const struct exclude *x, const char *path, size_t path_len, bool is_dir)
{
    if (exclude_count(x) == 0) {
        return false;
    }
    if (exclude_matches(x, "/", 1, true)) {
        return true;
    }
    for (size_t i = 1; i < path_len; i++) {
        if (path[i] == '/' && exclude_matches(x, path, i, true)) {
            return true;
        }
    }
    return exclude_matches(x, path, path_len, is_dir);
}

/* ---- compiling ---- */

static void pattern_release(struct pattern *pat)
{
    mem_free(pat->given);
    mem_free(pat->memory);
    mem_free(pat->literal);
    mem_free(pat->parts);
}

static int bad(const char *pattern, const char *at, const char *what)
{
    return err_raise(HF_EUSAGE, "pattern '%s', character %zu: %s", pattern,
                     (size_t)(at - pattern) + 1, what);
}

/* Checks the class at p; *out_end is its closing bracket. */
static int check_class(const char *pattern, const char *p, const char **out_end)
{
    const char *at = p + 1;
    if (*at == '!' || *at == '^') {
        at++;
    }
    for (bool first = true; first || *at != ']'; first = false, at++) {
        if (*at == '\\') {
            at++;
        }
        if (*at == '\0' || *at == '/') {
            return bad(pattern, p, "'[' without its ']'");
        }
    }
    *out_end = at;
    return 0;
}

/* Checks the component at p and says where it ends and whether it has wildcards. */
static int check_component(const char *pattern, const char *p, const char **out_end, bool *out_wild)
{
    *out_wild = false;
    for (const char *at = p;; at++) {
        if (*at == '\0' || *at == '/') {
            *out_end = at;
            return 0;
        }
        if (*at == '\\') {
            at++;
            if (*at == '\0' || *at == '/') {
                return bad(pattern, at - 1, "'\\' at the end of a name");
            }
        } else if (*at == '[') {
            *out_wild = true;
            int rc = check_class(pattern, at, &at);
            if (rc != 0) {
                return rc;
            }
        } else if (*at == '*' || *at == '?') {
            *out_wild = true;
        }
    }
}

static size_t unescape(const char *p, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\') {
            i++;
        }
        out[n++] = p[i];
    }
    return n;
}

static int add_part(struct pattern *pat, const char *pattern, const char *p, const char *end,
                    bool wild, char **memory)
{
    size_t len = (size_t)(end - p);
    if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.')) {
        return bad(pattern, p, "'.' and '..' never match");
    }
    if (mem_grow(&pat->parts, &pat->cap, pat->count + 1, sizeof(*pat->parts)) != 0) {
        return err_nomem();
    }
    struct part *part = &pat->parts[pat->count];
    part->text = *memory;
    if (len == 2 && p[0] == '*' && p[1] == '*') {
        part->kind = PART_ANY_DEPTH;
        part->len = 0;
        /* `**` after `**` says nothing more. */
        if (pat->count > 0 && part[-1].kind == PART_ANY_DEPTH) {
            return 0;
        }
    } else if (wild) {
        part->kind = PART_WILD;
        part->len = len;
        memcpy(*memory, p, len);
    } else {
        part->kind = PART_LITERAL;
        part->len = unescape(p, len, *memory);
    }
    *memory += part->len + 1; /* with a NUL, so that the matcher may look one ahead */
    pat->count++;
    return 0;
}

static int add_parts(struct pattern *pat, const char *pattern, const char *p)
{
    char *memory = pat->memory;
    while (*p != '\0') {
        const char *end = NULL;
        bool wild = false;
        int rc = check_component(pattern, p, &end, &wild);
        if (rc == 0 && end > p) {
            rc = add_part(pat, pattern, p, end, wild, &memory);
        }
        if (rc != 0) {
            return rc;
        }
        if (*end == '/') {
            pat->dirs_only = end[1] == '\0';
            /* A slash before the end ties the components together, not the pattern to the root. */
            end++;
        }
        p = end;
    }
    return 0;
}

/* An anchored pattern without wildcards means one path: builds it. */
static int set_literal(struct pattern *pat)
{
    size_t len = 1;
    for (size_t i = 0; i < pat->count; i++) {
        if (pat->parts[i].kind != PART_LITERAL) {
            return 0;
        }
        len += pat->parts[i].len + 1;
    }
    if (!pat->anchored || pat->take_back) {
        return 0;
    }
    char *out = mem_alloc(len + 1);
    if (out == NULL) {
        return err_nomem();
    }
    pat->literal = out;
    for (size_t i = 0; i < pat->count; i++) {
        *out++ = '/';
        memcpy(out, pat->parts[i].text, pat->parts[i].len);
        out += pat->parts[i].len;
    }
    if (pat->count == 0) {
        *out++ = '/';
    }
    *out = '\0';
    return 0;
}

static int compile(struct pattern *pat, const char *pattern)
{
    const char *p = pattern;
    pat->given = mem_strdup(pattern);
    pat->memory = mem_zalloc(2 * strlen(pattern) + 2);
    if (pat->given == NULL || pat->memory == NULL) {
        return err_nomem();
    }
    if (*p == '!') {
        pat->take_back = true;
        p++;
    }
    if (*p == '\0') {
        return bad(pattern, p, "the pattern is empty");
    }
    pat->anchored = *p == '/';
    int rc = add_parts(pat, pattern, p);
    return rc != 0 ? rc : set_literal(pat);
}

int exclude_add(struct exclude *x, const char *pattern)
{
    struct pattern pat = { 0 };
    int rc = compile(&pat, pattern);
    if (rc == 0 && mem_grow(&x->patterns, &x->cap, x->count + 1, sizeof(pat)) != 0) {
        rc = err_nomem();
    }
    if (rc != 0) {
        pattern_release(&pat);
        return rc;
    }
    x->patterns[x->count++] = pat;
    return 0;
}

/* The length of a line without the blanks at its end; an escaped one stays. */
static size_t trimmed(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r')) {
        if (len > 1 && line[len - 2] == '\\' && line[len - 1] != '\r') {
            break;
        }
        len--;
    }
    return len;
}

static int add_line(struct exclude *x, struct buf *scratch, const char *line, size_t len)
{
    len = trimmed(line, len);
    if (len == 0 || line[0] == '#') {
        return 0;
    }
    if (memchr(line, '\0', len) != NULL) {
        return err_raise(HF_EUSAGE, "a pattern has a NUL byte in it");
    }
    buf_clear(scratch);
    buf_put(scratch, line, len);
    buf_put_u8(scratch, 0);
    if (buf_error(scratch) != 0) {
        return err_nomem();
    }
    return exclude_add(x, (const char *)scratch->data);
}

int exclude_add_lines(struct exclude *x, const char *text, size_t len, const char *label)
{
    const char *end = text + len;
    size_t before = x->count;
    size_t number = 1;
    struct buf scratch;
    buf_init(&scratch);
    int rc = 0;
    for (; text < end; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (stop == NULL) {
            stop = end;
        }
        rc = add_line(x, &scratch, text, (size_t)(stop - text));
        if (rc != 0) {
            err_add(rc, "%s, line %zu", label, number);
            break;
        }
        text = stop < end ? stop + 1 : end;
    }
    while (rc != 0 && x->count > before) {
        pattern_release(&x->patterns[--x->count]);
    }
    buf_release(&scratch);
    return rc;
}

/* ---- life ---- */

int exclude_new(struct exclude **out_exclude)
{
    *out_exclude = mem_zalloc(sizeof(**out_exclude));
    return *out_exclude != NULL ? 0 : err_nomem();
}

void exclude_free(struct exclude *x)
{
    if (x == NULL) {
        return;
    }
    for (size_t i = 0; i < x->count; i++) {
        pattern_release(&x->patterns[i]);
    }
    mem_free(x->patterns);
    mem_free(x);
}

size_t exclude_count(const struct exclude *x)
{
    return x == NULL ? 0 : x->count;
}

const char *exclude_pattern(const struct exclude *x, size_t i)
{
    return x->patterns[i].given;
}

const char *exclude_literal(const struct exclude *x, size_t i)
{
    return x->patterns[i].literal;
}
