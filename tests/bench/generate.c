/*
 * generate.c - makes what backups are measured with, the same on every machine.
 *
 *   generate tree FOLDER       W1: 100,000 files, 1.5 GB, like the sources of programs
 *   generate rows              W2: the rows of a table of 2 GiB, as CSV for sqlite3's .import
 *   generate row-changes       W2: SQL that rewrites a row on 1 % of that table's pages
 *   generate pages FILE        W2: 2 GiB of 8 KiB pages as PostgreSQL lays them out, no magic
 *   generate page-changes FILE W2: rewrites 1 % of them at random places
 *   generate tiny FOLDER       W3: a million tiny files in 1,000 folders
 *   generate noise FILE        W4: 4 GiB that nobody can compress
 *   generate tree-changes FOLDER, tiny-changes FOLDER
 *                              edits 1 % of the files: a line in the middle, another at the end
 *
 *   --factor F   that part of it (1); numbers of files and bytes scale, sizes of files do not
 *   --seed N     another one of its kind (1); for changes, another set of changes
 *
 * Equal arguments make equal bytes. Text is made of words of one vocabulary, of which each file
 * prefers its own few, so that zstd -1 shrinks a tree about as well as it does Linux's sources.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    VOCABULARY = 6000,
    PREFERRED = 224,
    PAGE_BYTES = 8192,
    PAGE_HEADER_BYTES = 24,
    TUPLE_HEADER_BYTES = 24,
    ITEM_BYTES = 4,
    FILES_A_FOLDER = 16,
    TINY_A_FOLDER = 1000,
    BUFFER_BYTES = 1 << 20,
    FILE_BYTES_MAX = 1 << 20,
    ROWS_A_PAGE = 7,
};

static const uint64_t GIB = 1ULL << 30;

struct dice {
    uint64_t state;
};

struct text {
    char bytes[BUFFER_BYTES + 4096];
    size_t length;
};

struct options {
    double factor;
    uint64_t seed;
    const char *path;
};

static char words[VOCABULARY][16];
static struct text text;

static void fail(const char *what)
{
    fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* SplitMix64: tiny, and good enough that nobody compresses it. */
static uint64_t roll(struct dice *dice)
{
    uint64_t z = (dice->state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* Dice of their own for one thing of many, so that each can be made without the others. */
static struct dice dice_of(uint64_t seed, uint64_t kind, uint64_t number)
{
    struct dice dice = { seed * 0x2545f4914f6cdd1dULL ^ kind << 56 ^ number };

    roll(&dice);
    return dice;
}

static uint64_t below(struct dice *dice, uint64_t limit)
{
    return roll(dice) % limit;
}

static double unit(struct dice *dice)
{
    return (double)(roll(dice) >> 11) / 9007199254740992.0;
}

/* Low numbers more often than high ones, as words are used. */
static size_t often_low(struct dice *dice, size_t limit)
{
    double x = unit(dice);

    return (size_t)(x * x * (double)limit);
}

static void make_words(void)
{
    static const char *const parts[] = { "re",  "al",  "con",  "st", "in",  "ver", "buf",  "en",
                                         "tor", "get", "set",  "_",  "map", "er",  "list", "ad",
                                         "loc", "un",  "page", "io", "dev", "ctx", "id",   "ot" };
    struct dice dice = dice_of(0, 'w', 0);

    for (size_t i = 0; i < VOCABULARY; i++) {
        size_t length = 0;
        size_t count = 2 + below(&dice, 3);

        for (size_t k = 0; k < count; k++) {
            const char *part = parts[below(&dice, sizeof(parts) / sizeof(parts[0]))];
            size_t bytes = strlen(part);

            if (length + bytes < sizeof(words[i])) {
                memcpy(words[i] + length, part, bytes);
                length += bytes;
            }
        }
    }
}

static void put(const char *s)
{
    size_t length = strlen(s);

    memcpy(text.bytes + text.length, s, length);
    text.length += length;
}

static void put_number(uint64_t number)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    put(digits);
}

/* A line of something like C: $ is a word that this file prefers, @ one of all, ~ a number. */
static void put_line(struct dice *dice, const uint16_t *preferred)
{
    static const char *const shapes[] = {
        "    if ($->$ == NULL) {\n        return -@;\n    }\n",
        "    $ = $($, @, ~);\n",
        "    for (i = 0; i < $->$; i++) {\n        $[i] = @;\n    }\n",
        "\n",
        "    return $(&$->@, $);\n}\n\nstatic int $(struct $ *$, const char *$)\n{\n",
        "/* @ $ the @ of $, @ it @. $ is @, or else @ $. */\n",
        "#define @_@ ~\n",
        "    $->$[~] = (@) ? $ : $->$;\n",
        "    { \"@\", ~, $, @ },\n",
        "        @($, \"@ $: %s @\", $);\n",
    };
    const char *shape = shapes[often_low(dice, sizeof(shapes) / sizeof(shapes[0]))];

    for (; *shape != '\0'; shape++) {
        if (*shape == '$') {
            put(words[preferred[often_low(dice, PREFERRED)]]);
        } else if (*shape == '@') {
            put(words[below(dice, VOCABULARY)]);
        } else if (*shape == '~') {
            put_number(below(dice, 1000));
        } else {
            text.bytes[text.length++] = *shape;
        }
    }
}

static void make_text(struct dice *dice, size_t bytes)
{
    uint16_t preferred[PREFERRED];

    for (size_t i = 0; i < PREFERRED; i++) {
        preferred[i] = (uint16_t)below(dice, VOCABULARY);
    }
    text.length = 0;
    while (text.length < bytes) {
        put_line(dice, preferred);
    }
    text.length = bytes;
}

static void write_all(int fd, const void *bytes, size_t length, const char *path)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t done = write(fd, at, length);

        if (done < 0) {
            fail(path);
        }
        at += done;
        length -= (size_t)done;
    }
}

static int open_file(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0644);

    if (fd < 0) {
        fail(path);
    }
    return fd;
}

static void close_file(int fd, const char *path)
{
    if (close(fd) != 0) {
        fail(path);
    }
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        fail(path);
    }
}

static uint64_t scaled(const struct options *options, uint64_t number)
{
    uint64_t part = (uint64_t)((double)number * options->factor);

    return part > 0 ? part : 1;
}

/* Where a file of W1 is: three levels of folders, 16 files in each of the last. */
static void tree_path(char *out, size_t size, const char *root, uint64_t number, bool make)
{
    static const char *const kinds[] = { "c", "c", "c", "h", "h", "py", "md", "json" };
    uint64_t folder = number / FILES_A_FOLDER;
    int length = snprintf(out, size, "%s/part-%03llu", root, (unsigned long long)(folder / 250));

    if (make) {
        make_folder(out);
    }
    length += snprintf(out + length, size - (size_t)length, "/%s%02llu", words[(folder / 10) % 25],
                       (unsigned long long)((folder / 10) % 25));
    if (make) {
        make_folder(out);
    }
    if (folder % 10 > 0) {
        length += snprintf(out + length, size - (size_t)length, "/%s", words[30 + folder % 10]);
        if (make) {
            make_folder(out);
        }
    }
    snprintf(out + length, size - (size_t)length, "/%s_%05llu.%s", words[number % VOCABULARY],
             (unsigned long long)number, kinds[number % 8]);
}

/* Log-normal, as sizes of sources are: half of them below 6.4 KB, 15 KB on average. */
static size_t tree_size(struct dice *dice)
{
    double normal = -6;
    double bytes;

    for (int i = 0; i < 12; i++) {
        normal += unit(dice);
    }
    bytes = exp(8.77 + 1.3 * normal);
    return bytes < FILE_BYTES_MAX ? (size_t)bytes : (size_t)FILE_BYTES_MAX;
}

static void make_file(const char *path)
{
    int fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);

    write_all(fd, text.bytes, text.length, path);
    close_file(fd, path);
}

static void make_tree(const struct options *options)
{
    uint64_t files = scaled(options, 100000);
    char path[4096];

    make_folder(options->path);
    for (uint64_t i = 0; i < files; i++) {
        uint64_t content = i % 100 == 99 ? i / 2 : i; /* one in a hundred is a copy of another */
        struct dice dice = dice_of(options->seed, 't', content);

        make_text(&dice, tree_size(&dice));
        tree_path(path, sizeof(path), options->path, i, i % FILES_A_FOLDER == 0);
        make_file(path);
    }
}

static void tiny_path(char *out, size_t size, const char *root, uint64_t number, bool make)
{
    int length = snprintf(out, size, "%s/folder-%03llu", root,
                          (unsigned long long)(number / TINY_A_FOLDER));

    if (make) {
        make_folder(out);
    }
    snprintf(out + length, size - (size_t)length, "/%s-%06llu", words[number % VOCABULARY],
             (unsigned long long)number);
}

static void make_tiny(const struct options *options)
{
    uint64_t files = scaled(options, 1000000);
    char path[4096];

    make_folder(options->path);
    for (uint64_t i = 0; i < files; i++) {
        struct dice dice = dice_of(options->seed, 'y', i);

        make_text(&dice, 16 + below(&dice, 480));
        tiny_path(path, sizeof(path), options->path, i, i % TINY_A_FOLDER == 0);
        make_file(path);
    }
}

/* As an editor leaves a file: something in the middle is another, and there is more at the end. */
static void edit(const char *path, struct dice *dice)
{
    int fd = open_file(path, O_RDWR);
    struct stat st;

    if (fstat(fd, &st) != 0) {
        fail(path);
    }
    make_text(dice, 60);
    if (pwrite(fd, text.bytes, 30, st.st_size / 2) != 30 ||
        pwrite(fd, text.bytes, 60, st.st_size) != 60) {
        fail(path);
    }
    close_file(fd, path);
}

typedef void path_function(char *out, size_t size, const char *root, uint64_t number, bool make);

static void change_files(const struct options *options, uint64_t files, path_function *path_of)
{
    struct dice dice = dice_of(options->seed, 'c', 0);
    char path[4096];

    for (uint64_t i = 0; i < files; i += 100) {
        uint64_t last = files - i < 100 ? files - i : 100;

        path_of(path, sizeof(path), options->path, i + below(&dice, last), false);
        edit(path, &dice);
    }
}

static void put_row(struct dice *dice, const char *before, const char *between)
{
    put(before);
    put_number(below(dice, 100000));
    put(between);
    for (int i = 0; i < 9; i++) {
        put(words[often_low(dice, VOCABULARY)]);
        put(" ");
        put(words[often_low(dice, 300)]);
        put(i < 8 ? " " : "");
    }
}

static uint64_t row_count(const struct options *options)
{
    return scaled(options, 2 * GIB / 4096) * ROWS_A_PAGE;
}

static void flush_text(int fd, size_t keep, const char *path)
{
    if (text.length > keep) {
        write_all(fd, text.bytes, text.length, path);
        text.length = 0;
    }
}

/* About 550 bytes a row: an id, numbers, words. */
static void make_rows(const struct options *options)
{
    struct dice dice = dice_of(options->seed, 'r', 0);
    uint64_t rows = row_count(options);

    text.length = 0;
    for (uint64_t i = 1; i <= rows; i++) {
        put_number(i);
        for (int k = 0; k < 3; k++) {
            put_row(&dice, ",", k == 1 ? " at " : " of ");
        }
        put("\n");
        flush_text(STDOUT_FILENO, BUFFER_BYTES / 2, "rows");
    }
    flush_text(STDOUT_FILENO, 0, "rows");
}

/* A row of another length might move; a number in it keeps its place. */
static void change_rows(const struct options *options)
{
    struct dice dice = dice_of(options->seed, 'u', 0);
    uint64_t rows = row_count(options);

    text.length = 0;
    put("PRAGMA journal_mode=OFF;\nBEGIN;\n");
    for (uint64_t i = 0; i < rows / ROWS_A_PAGE / 100 + 1; i++) {
        put("UPDATE rows SET a = '");
        put_row(&dice, "", " of ");
        put("' WHERE id = ");
        put_number(1 + below(&dice, rows));
        put(";\n");
        flush_text(STDOUT_FILENO, BUFFER_BYTES / 2, "row-changes");
    }
    put("COMMIT;\n");
    flush_text(STDOUT_FILENO, 0, "row-changes");
}

static void put_le(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

/* PageHeaderData, line pointers from the front, tuples from the back, a hole between them. */
static void make_page(unsigned char *page, struct dice *dice, uint64_t number)
{
    size_t lower = PAGE_HEADER_BYTES;
    size_t upper = PAGE_BYTES;

    memset(page, 0, PAGE_BYTES);
    for (uint64_t item = 1;; item++) {
        size_t bytes;

        text.length = 0;
        put_row(dice, "", " of ");
        bytes = (TUPLE_HEADER_BYTES + 12 + text.length + 7) / 8 * 8;
        if (upper - lower < bytes + ITEM_BYTES) {
            break;
        }
        upper -= bytes;
        put_le(page + lower, upper | 1U << 15 | (uint64_t)bytes << 17, 4);
        lower += ITEM_BYTES;
        put_le(page + upper, 700 + number / 5000, 4); /* t_xmin */
        put_le(page + upper + 12, number, 4);         /* t_ctid */
        put_le(page + upper + 16, item | 0x0005ULL << 16 | 0x0902ULL << 32 | 24ULL << 48, 8);
        put_le(page + upper + 24, number * 24 + item, 4); /* the key, then a time */
        put_le(page + upper + 28, 700000000000000ULL + number * 1000000 + below(dice, 1000000), 8);
        memcpy(page + upper + 36, text.bytes, text.length);
    }
    put_le(page, 0x16000000000ULL + number * 8312 + below(dice, 4000), 8); /* pd_lsn */
    put_le(page + 8, roll(dice), 2);                                       /* pd_checksum */
    put_le(page + 12, lower, 2);
    put_le(page + 14, upper, 2);
    put_le(page + 16, PAGE_BYTES, 2);
    put_le(page + 18, PAGE_BYTES | 4, 2);
}

static void make_pages(const struct options *options)
{
    uint64_t pages = scaled(options, 2 * GIB / PAGE_BYTES);
    int fd = open_file(options->path, O_WRONLY | O_CREAT | O_TRUNC);
    unsigned char page[PAGE_BYTES];

    for (uint64_t i = 0; i < pages; i++) {
        struct dice dice = dice_of(options->seed, 'p', i);

        make_page(page, &dice, i);
        write_all(fd, page, sizeof(page), options->path);
    }
    close_file(fd, options->path);
}

static void change_pages(const struct options *options)
{
    uint64_t pages = scaled(options, 2 * GIB / PAGE_BYTES);
    int fd = open_file(options->path, O_WRONLY);
    struct dice dice = dice_of(options->seed, 'q', 0);
    unsigned char page[PAGE_BYTES];

    for (uint64_t i = 0; i < pages / 100 + 1; i++) {
        uint64_t number = below(&dice, pages);

        make_page(page, &dice, number);
        if (pwrite(fd, page, sizeof(page), (off_t)(number * PAGE_BYTES)) != PAGE_BYTES) {
            fail(options->path);
        }
    }
    close_file(fd, options->path);
}

static void make_noise(const struct options *options)
{
    uint64_t bytes = scaled(options, 4 * GIB);
    struct dice dice = dice_of(options->seed, 'n', 0);
    int fd = open_file(options->path, O_WRONLY | O_CREAT | O_TRUNC);

    for (uint64_t at = 0; at < bytes; at += BUFFER_BYTES) {
        for (size_t i = 0; i < BUFFER_BYTES; i += sizeof(uint64_t)) {
            uint64_t random = roll(&dice);

            memcpy(text.bytes + i, &random, sizeof(random));
        }
        write_all(fd, text.bytes, bytes - at < BUFFER_BYTES ? (size_t)(bytes - at) : BUFFER_BYTES,
                  options->path);
    }
    close_file(fd, options->path);
}

static void change_tree(const struct options *options)
{
    change_files(options, scaled(options, 100000), tree_path);
}

static void change_tiny(const struct options *options)
{
    change_files(options, scaled(options, 1000000), tiny_path);
}

static const struct kind {
    const char *name;
    void (*make)(const struct options *options);
    bool has_path;
} kinds[] = {
    { "tree", make_tree, true },   { "tree-changes", change_tree, true },
    { "rows", make_rows, false },  { "row-changes", change_rows, false },
    { "pages", make_pages, true }, { "page-changes", change_pages, true },
    { "tiny", make_tiny, true },   { "tiny-changes", change_tiny, true },
    { "noise", make_noise, true },
};

int main(int argc, char **argv)
{
    struct options options = { .factor = 1, .seed = 1 };
    const char *name = argc > 1 ? argv[1] : "";

    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--factor") == 0 && i + 1 < argc) {
            options.factor = strtod(argv[++i], NULL);
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            options.seed = strtoull(argv[++i], NULL, 10);
        } else {
            options.path = argv[i];
        }
    }
    make_words();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0 && (options.path != NULL) == kinds[i].has_path) {
            kinds[i].make(&options);
            return 0;
        }
    }
    fprintf(stderr, "usage: generate KIND [PATH] [--factor F] [--seed N]; see generate.c\n");
    return 2;
}
