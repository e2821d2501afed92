/*
 * test_command.c - the tables of the command line say all that the help, the parser and the reader
 * need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/app.h"
#include "app/command.h"
#include "app/help.h"
#include "base/err.h"

#define COLUMNS 79

static void check_text(const char *command, const char *what, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        fail_msg("%s has no %s", command, what);
    }
}

static void check_options(const char *command, const struct option *options)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        bool plain = o->kind == OPTION_FLAG || o->kind == OPTION_COUNT;

        check_text(command, o->name, o->help);
        if (plain != (o->value == NULL)) {
            fail_msg("%s --%s: its value has a name if it takes one", command, o->name);
        }
        if ((o->kind == OPTION_CHOICE) != (o->choices != NULL)) {
            fail_msg("%s --%s: choices are for OPTION_CHOICE", command, o->name);
        }
        for (const struct option *other = o + 1; other->name != NULL; other++) {
            if (strcmp(o->name, other->name) == 0 ||
                (o->letter != 0 && o->letter == other->letter)) {
                fail_msg("%s --%s and --%s are the same", command, o->name, other->name);
            }
        }
        for (const struct option *all = app_option_table; all->name != NULL; all++) {
            if (options != app_option_table &&
                (strcmp(o->name, all->name) == 0 || (o->letter != 0 && o->letter == all->letter))) {
                fail_msg("%s --%s is an option of every command", command, o->name);
            }
        }
    }
}

static void test_command_rows_are_complete(void **state)
{
    (void)state;
    check_options("holdfast", app_option_table);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *c = command_at(i);

        check_text(c->name, "summary", c->summary);
        check_text(c->name, "first synopsis", c->synopsis[0] == NULL ? NULL : "there");
        check_text(c->name, "explanation", c->about[0]);
        check_text(c->name, "example", c->examples[0].what);
        assert_non_null(c->run);
        assert_true(c->operands_min <= c->operands_max);
        check_options(c->name, c->options);
        for (const struct command_text *e = c->examples; e->what != NULL; e++) {
            check_text(c->name, "reason of an example", e->means);
            if (strstr(e->what, "holdfast ") == NULL) {
                fail_msg("%s: an example does not use it: %s", c->name, e->what);
            }
        }
    }
}

static void test_command_values_have_room_for_all_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *c = command_at(i);

        for (const struct option *o = c->options; o->name != NULL; o++) {
            if (o->at >= c->values_size) {
                fail_msg("%s --%s lies behind its values", c->name, o->name);
            }
        }
    }
}

static void test_command_names_are_found_and_misspellings_recognised(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count(); i++) {
        assert_ptr_equal(command_find(command_at(i)->name), command_at(i));
    }
    assert_null(command_find("bakup"));
    assert_string_equal(command_nearest("bakup")->name, "backup");
    assert_string_equal(command_nearest("snapshot")->name, "snapshots");
    assert_null(command_nearest("qqqqqqqqqqqq"));
}

static void check_lines(const char *command, const char *help)
{
    while (*help != '\0') {
        size_t len = strcspn(help, "\n");

        if (len > COLUMNS) {
            fail_msg("%s: a line of its help is too long: %.*s", command, (int)len, help);
        }
        if (len > 0 && help[len - 1] == ' ') {
            fail_msg("%s: a line of its help ends in a blank: %.*s", command, (int)len, help);
        }
        help += len + (help[len] == '\n');
    }
}

static void test_help_fits_on_a_terminal_and_names_every_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *c = command_at(i);
        const char *text;
        struct out out;

        out_init(&out, -1);
        help_command(&out, c);
        text = buf_text(&out.pending);
        check_lines(c->name, text);
        for (const struct option *o = c->options; o->name != NULL; o++) {
            if (strstr(text, o->name) == NULL) {
                fail_msg("the help of %s does not name --%s", c->name, o->name);
            }
        }
        out_release(&out);
    }
}

static void test_help_of_the_program_names_every_command(void **state)
{
    const char *text;
    struct out out;

    (void)state;
    out_init(&out, -1);
    help_program(&out);
    text = buf_text(&out.pending);
    check_lines("holdfast", text);
    for (size_t i = 0; i < command_count(); i++) {
        if (strstr(text, command_at(i)->summary) == NULL) {
            fail_msg("%s is not in the help", command_at(i)->name);
        }
    }
    out_release(&out);
}

static void test_app_worse_keeps_the_order_of_the_contract(void **state)
{
    static const int order[] = { HF_EINTERRUPTED, HF_EDAMAGE, HF_ENOSPC, HF_EPARTIAL, HF_EFAIL, 0 };
    const size_t count = sizeof order / sizeof order[0];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i; k < count; k++) {
            assert_int_equal(app_worse(order[i], order[k]), order[i]);
            assert_int_equal(app_worse(order[k], order[i]), order[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_rows_are_complete),
        cmocka_unit_test(test_command_values_have_room_for_all_options),
        cmocka_unit_test(test_command_names_are_found_and_misspellings_recognised),
        cmocka_unit_test(test_help_fits_on_a_terminal_and_names_every_option),
        cmocka_unit_test(test_help_of_the_program_names_every_command),
        cmocka_unit_test(test_app_worse_keeps_the_order_of_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
