/*
 * help_parts.c - see help_parts.h.
 */
#include "app/help_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/drill.h"

/* Codes that any command may end with; rows of its own with the same code take their place. */
static const struct command_text common_exits[] = {
    { "0", "all that was asked for was done" },
    { "1", "it failed; what was published before stands" },
    { "2", "the command was not understood" },
    { "4", "the repository is damaged" },
    { "10", "there is no repository there" },
    { "12", "wrong password or key, or none" },
    { "130", "interrupted; 143 if terminated" },
    { NULL, NULL },
};

const char *help_parts_group(enum command_group group)
{
    static const char *const titles[COMMAND_GROUPS] = {
        [COMMAND_EVERYDAY] = "Every day",
        [COMMAND_LOOK] = "Looking into a repository",
        [COMMAND_CARE] = "Taking care of it",
        [COMMAND_OTHER] = "Others",
    };

    return titles[group];
}

static const struct command_text *find_exit(const struct command_text *list, const char *code)
{
    for (; list->what != NULL; list++) {
        if (strcmp(list->what, code) == 0) {
            return list;
        }
    }
    return NULL;
}

/* Both lists are in order; the command's own row stands for the common one. */
void help_parts_exits(struct out *out, const struct command *c, help_parts_row_fn put)
{
    const struct command_text *own = c->exits;

    for (const struct command_text *e = common_exits; e->what != NULL; e++) {
        size_t len = strlen(e->what);

        if (c->local && (len > 1 || e->what[0] > '2')) {
            break;
        }
        while (own->what != NULL && find_exit(common_exits, own->what) == NULL &&
               (strlen(own->what) < len ||
                (strlen(own->what) == len && strcmp(own->what, e->what) < 0))) {
            put(out, own++);
        }
        if (own->what != NULL && strcmp(own->what, e->what) == 0) {
            put(out, own++);
        } else {
            put(out, e);
        }
    }
    for (; own->what != NULL; own++) {
        put(out, own);
    }
}

void help_parts_codes(struct out *out, const char *status, const char *before, const char *joint,
                      const char *after)
{
    long number = strtol(status, NULL, 10);
    const char *between = before;

    for (int code = HF_E_FIRST_ + 1; code < HF_E_END_; code++) {
        if (err_exit_status(code) == number) {
            out_printf(out, "%s%s", between, err_code_name(code));
            between = joint;
        }
    }
    if (between != before) {
        out_text(out, after);
    }
}

/* Help calls values by few names, and what they are called says what they are. */
enum help_parts_value help_parts_value(const struct option *o)
{
    static const struct {
        const char *name;
        enum help_parts_value value;
    } names[] = {
        { "F", HELP_PARTS_FILE },      { "FILE", HELP_PARTS_FILE },
        { "PATH", HELP_PARTS_FILE },   { "P", HELP_PARTS_FILE },
        { "DIR", HELP_PARTS_FOLDER },  { "REPO", HELP_PARTS_FOLDER },
        { "CMD", HELP_PARTS_COMMAND }, { "COMMAND", HELP_PARTS_COMMAND },
    };

    if (o->value == NULL) {
        return HELP_PARTS_FLAG;
    }
    if (o->choices != NULL) {
        return HELP_PARTS_WORDS;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(o->value, names[i].name) == 0) {
            return names[i].value;
        }
    }
    return HELP_PARTS_TEXT;
}

static bool is_word(const char *line, const char *at, size_t len, const char *word)
{
    return strlen(word) == len && strncmp(at, word, len) == 0 &&
           (at == line || !isalnum((unsigned char)at[-1]));
}

/* Operands are the words in capitals that stand behind no option. */
static void read_synopsis(const char *line, struct help_parts_operands *out)
{
    bool is_value = false;

    for (const char *at = line; *at != '\0' && strncmp(at, "-- ", 3) != 0;) {
        size_t len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        if (len > 0 && !is_value) {
            out->files |= is_word(line, at, len, "PATH") || is_word(line, at, len, "FILE") ||
                          is_word(line, at, len, "ARCHIVE");
            out->points |= is_word(line, at, len, "SELECTOR") || is_word(line, at, len, "A");
            out->jobs |= is_word(line, at, len, "JOB");
            out->kinds |= is_word(line, at, len, "KIND");
            out->commands |= is_word(line, at, len, "COMMAND");
        }
        if (len == 0) {
            len = strcspn(at, " ");
            len = len == 0 || strchr("[(|", *at) != NULL ? 1 : len;
            is_value = *at == '-' || (is_value && *at == ' ');
        } else {
            is_value = false;
        }
        at += len;
    }
}

/* A line of the synopsis that begins with words in lower case, as "on|off NAME" does. */
static size_t literal_word(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz-");

    return text[0] == '-' || strchr(" |", text[len]) == NULL ? 0 : len;
}

void help_parts_operands(const struct command *c, struct help_parts_operands *out)
{
    memset(out, 0, sizeof *out);
    for (const char *const *s = c->synopsis; *s != NULL; s++) {
        read_synopsis(*s, out);
        out->words |= literal_word(*s) > 0;
    }
    out->words |= out->kinds;
}

void help_parts_words(struct out *out, const struct command *c)
{
    struct help_parts_operands operands;

    help_parts_operands(c, &operands);
    for (size_t i = 0; operands.kinds && i < drill_kind_count(); i++) {
        out_printf(out, " %s", drill_kind_at(i)->name);
    }
    for (const char *const *s = c->synopsis; *s != NULL; s++) {
        const char *word = *s;
        size_t len;

        while ((len = literal_word(word)) > 0) {
            out_printf(out, " %.*s", (int)len, word);
            word += len + (word[len] == '|' ? 1 : 0);
        }
    }
}

const char *help_parts_takes(const struct config_key *key)
{
    static const char *const takes[] = {
        [CONFIG_PATH] = "a path",
        [CONFIG_PATHS] = "a list of paths",
        [CONFIG_LIST] = "a list of words",
        [CONFIG_COMMAND] = "a command for /bin/sh",
        [CONFIG_NAME] = "a name",
        [CONFIG_FLAG] = "yes or no",
        [CONFIG_NUMBER] = "a number",
        [CONFIG_DURATION] = "a DURATION",
        [CONFIG_KEEP] = "a number or \"unlimited\"",
        [CONFIG_PART] = "no, yes, a percentage or a SIZE",
        [CONFIG_CLASS] = "app, crash or fuzzy",
        [CONFIG_IONICE] = "idle, best-effort or best-effort:N",
        [CONFIG_FORMAT] = "text or json",
        [CONFIG_URL] = "an http or https URL",
        [CONFIG_DRILL] = "no, or a kind of drill that needs no command",
        [CONFIG_CALENDAR] = "a calendar expression of systemd.time(7)",
    };
    size_t kind = (size_t)key->kind;

    return kind < sizeof takes / sizeof takes[0] && takes[kind] != NULL ? takes[kind] : "a value";
}
