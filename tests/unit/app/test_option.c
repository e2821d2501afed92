/*
 * test_option.c - a command line is read as its tables say, and what does not fit is refused by
 * name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/option.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define MAX_ARGS 16

struct values {
    bool flag;
    bool other;
    unsigned count;
    const char *text;
    const char *choice;
    struct option_list list;
    struct option_list words;
    struct option_number number;
    struct option_number size;
    struct option_ns duration;
    struct option_maybe maybe;
};

struct more_values {
    bool global;
};

static const char *const choices[] = { "always", "if-changed", "never", NULL };

#define ROW(field) offsetof(struct values, field)
static const struct option table[] = {
    { "flag", 'f', OPTION_FLAG, NULL, "", ROW(flag), NULL },
    { "other", 'o', OPTION_FLAG, NULL, "", ROW(other), NULL },
    { "verbose", 'v', OPTION_COUNT, NULL, "", ROW(count), NULL },
    { "text", 't', OPTION_TEXT, "T", "", ROW(text), NULL },
    { "choice", 0, OPTION_CHOICE, "C", "", ROW(choice), choices },
    { "list", 'l', OPTION_LIST, "L", "", ROW(list), NULL },
    { "tag", 0, OPTION_WORDS, "T", "", ROW(words), NULL },
    { "number", 0, OPTION_NUMBER, "N", "", ROW(number), NULL },
    { "size", 0, OPTION_SIZE, "S", "", ROW(size), NULL },
    { "duration", 0, OPTION_DURATION, "D", "", ROW(duration), NULL },
    { "maybe", 'm', OPTION_MAYBE, "M", "", ROW(maybe), NULL },
    { .name = NULL },
};
static const struct option more_table[] = {
    { "global", 'g', OPTION_FLAG, NULL, "", offsetof(struct more_values, global), NULL },
    { .name = NULL },
};

struct line {
    struct values v;
    struct more_values more;
    struct option_operands operands;
};

/* Parses words that are separated by single blanks; "~" stands for an empty one. */
static int parse(struct line *l, const char *words, bool stop_at_operand)
{
    static char copy[256];
    static char empty[] = "";
    char *argv[MAX_ARGS];
    size_t argc = 0;
    const struct option_set sets[] = { { table, &l->v }, { more_table, &l->more } };
    const struct option_rules rules = { sets, 2, stop_at_operand };

    memset(l, 0, sizeof *l);
    assert_true(strlen(words) < sizeof copy);
    memcpy(copy, words, strlen(words) + 1);
    for (char *word = copy; word != NULL && *word != '\0' && argc < MAX_ARGS;) {
        char *blank = strchr(word, ' ');

        if (blank != NULL) {
            *blank++ = '\0';
        }
        argv[argc++] = strcmp(word, "~") == 0 ? empty : word;
        word = blank;
    }
    return option_parse(&rules, argv, argc, &l->operands);
}

static void release(struct line *l)
{
    const struct option_set set = { table, &l->v };

    option_release(&set);
    option_release_operands(&l->operands);
}

static void expect_refused(const char *words, const char *said, const char *hint)
{
    struct line l;

    assert_int_equal(parse(&l, words, false), HF_EUSAGE);
    release(&l);
    if (strstr(err_last()->text, said) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", words, err_last()->text, said);
    }
    if (strstr(err_last()->hint, hint) == NULL) {
        fail_msg("%s: the hint \"%s\" does not say \"%s\"", words, err_last()->hint, hint);
    }
}

static void test_option_long_forms_take_both_ways_of_giving_a_value(void **state)
{
    struct line l;

    (void)state;
    assert_int_equal(parse(&l, "--text=a --number 7 --flag --size=2K", false), 0);
    assert_string_equal(l.v.text, "a");
    assert_true(l.v.number.given);
    assert_int_equal(l.v.number.value, 7);
    assert_true(l.v.flag);
    assert_false(l.v.other);
    assert_int_equal(l.v.size.value, 2048);
    release(&l);
}

static void test_option_short_forms_cluster_and_take_values(void **state)
{
    struct line l;

    (void)state;
    assert_int_equal(parse(&l, "-fvvt x -ly -l z -g", false), 0);
    assert_true(l.v.flag);
    assert_int_equal(l.v.count, 2);
    assert_string_equal(l.v.text, "x");
    assert_int_equal(l.v.list.count, 2);
    assert_string_equal(l.v.list.items[0], "y");
    assert_string_equal(l.v.list.items[1], "z");
    assert_true(l.more.global);
    release(&l);
}

static void test_option_values_are_of_their_type(void **state)
{
    struct line l;

    (void)state;
    assert_int_equal(parse(&l,
                           "--choice never --tag a,b --tag c --duration 1d "
                           "--maybe",
                           false),
                     0);
    assert_string_equal(l.v.choice, "never");
    assert_int_equal(l.v.words.count, 3);
    assert_string_equal(l.v.words.items[1], "b");
    assert_int_equal(l.v.duration.value, 86400 * NS_PER_S);
    assert_true(l.v.maybe.given);
    assert_null(l.v.maybe.value);
    release(&l);
}

static void test_option_maybe_takes_a_value_only_if_joined(void **state)
{
    struct line l;

    (void)state;
    assert_int_equal(parse(&l, "--maybe=5% --maybe x", false), 0);
    assert_null(l.v.maybe.value);
    assert_int_equal(l.operands.count, 1);
    release(&l);
    assert_int_equal(parse(&l, "--maybe=5%", false), 0);
    assert_string_equal(l.v.maybe.value, "5%");
    release(&l);
    assert_int_equal(parse(&l, "-m x", false), 0);
    assert_null(l.v.maybe.value);
    assert_string_equal(l.operands.items[0], "x");
    release(&l);
}

static void test_option_operands_may_stand_anywhere(void **state)
{
    struct line l;

    (void)state;
    assert_int_equal(parse(&l, "a --flag b - -- --text -x", false), 0);
    assert_int_equal(l.operands.count, 5);
    assert_int_equal(l.operands.dashes, 3);
    assert_string_equal(l.operands.items[2], "-");
    assert_string_equal(l.operands.items[3], "--text");
    assert_null(l.operands.items[5]);
    assert_null(l.v.text);
    release(&l);
    assert_int_equal(parse(&l, "a b", false), 0);
    assert_int_equal(l.operands.dashes, 2);
    release(&l);
}

static void test_option_stops_at_the_first_operand_if_told_to(void **state)
{
    struct line l;

    (void)state;
    assert_int_equal(parse(&l, "-g command --unknown", true), 0);
    assert_int_equal(l.operands.consumed, 1);
    assert_int_equal(l.operands.count, 0);
    release(&l);
}

static void test_option_refuses_what_is_unknown_and_names_the_nearest(void **state)
{
    (void)state;
    expect_refused("--txet=a", "there is no option --txet", "did you mean --text?");
    expect_refused("--glob", "there is no option --glob", "--global");
    expect_refused("--qqqqqqqq", "there is no option --qqqqqqqq", "");
    expect_refused("-fz", "there is no option -z", "");
    expect_refused("--tex", "there is no option --tex", "--text");
}

static void test_option_refuses_values_that_do_not_fit(void **state)
{
    (void)state;
    expect_refused("--number x", "--number: ", "");
    expect_refused("--number -1", "--number: ", "");
    expect_refused("--size 1Q", "--size: ", "");
    expect_refused("--duration 5", "--duration: ", "");
    expect_refused("--choice sometimes", "\"sometimes\" is not always, if-changed or never", "");
    expect_refused("--tag a,,b", "--tag: ", "");
    expect_refused("--flag=yes", "--flag takes no value", "");
    expect_refused("--text", "--text needs a value: T", "");
    expect_refused("-t", "--text needs a value", "");
}

static void test_option_survives_every_lack_of_memory(void **state)
{
    struct line l;
    int rc = HF_ENOMEM;

    (void)state;
    for (uint64_t nth = 1; rc == HF_ENOMEM; nth++) {
        assert_true(nth < 100);
        mem_fail_at(nth, 0);
        rc = parse(&l, "a --list b --tag c,d e", false);
        mem_fail_at(0, 0);
        release(&l);
    }
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_option_long_forms_take_both_ways_of_giving_a_value),
        cmocka_unit_test(test_option_short_forms_cluster_and_take_values),
        cmocka_unit_test(test_option_values_are_of_their_type),
        cmocka_unit_test(test_option_maybe_takes_a_value_only_if_joined),
        cmocka_unit_test(test_option_operands_may_stand_anywhere),
        cmocka_unit_test(test_option_stops_at_the_first_operand_if_told_to),
        cmocka_unit_test(test_option_refuses_what_is_unknown_and_names_the_nearest),
        cmocka_unit_test(test_option_refuses_values_that_do_not_fit),
        cmocka_unit_test(test_option_survives_every_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
