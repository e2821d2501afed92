/*
 * test_err.c - the trail says what failed and why, and the table holds what scripts rely on.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static int set_up(void **state)
{
    (void)state;
    err_clear();
    return 0;
}

static void test_err_raise_begins_the_trail_anew(void **state)
{
    (void)state;
    err_raise(HF_EFAIL, "first");
    err_hint("look there");
    assert_int_equal(err_raise(HF_EUSAGE, "%s is %d", "x", 7), HF_EUSAGE);
    assert_int_equal(err_last()->code, HF_EUSAGE);
    assert_string_equal(err_last()->text, "x is 7");
    assert_string_equal(err_last()->hint, "");
}

static void test_err_add_puts_what_was_tried_in_front(void **state)
{
    (void)state;
    err_raise(HF_EIO, "the disk is gone");
    assert_int_equal(err_add(HF_EIO, "could not write %s", "a"), HF_EIO);
    assert_int_equal(err_add(HF_EPARTIAL, "could not back up %s", "/srv"), HF_EPARTIAL);
    assert_int_equal(err_last()->code, HF_EPARTIAL);
    assert_string_equal(err_last()->text,
                        "could not back up /srv: could not write a: the disk is gone");
}

static void test_err_add_without_a_cause_is_the_cause(void **state)
{
    (void)state;
    assert_int_equal(err_add(HF_EHELD, "someone holds %s", "it"), HF_EHELD);
    assert_int_equal(err_last()->code, HF_EHELD);
    assert_string_equal(err_last()->text, "someone holds it");
}

static void test_err_takes_its_own_text_as_an_argument(void **state)
{
    (void)state;
    err_raise(HF_EFAIL, "cause");
    err_add(HF_EFAIL, "again (%s)", err_last()->text);
    assert_string_equal(err_last()->text, "again (cause): cause");
    err_raise(HF_EFAIL, "only <%s>", err_last()->text);
    assert_string_equal(err_last()->text, "only <again (cause): cause>");
}

static void fill_with(char *text, size_t size, char c)
{
    memset(text, c, size - 1);
    text[size - 1] = '\0';
}

static void test_err_cuts_the_outermost_and_keeps_the_cause(void **state)
{
    char name[1501];

    (void)state;
    fill_with(name, sizeof name, 'n');
    err_raise(HF_EIO, "the cause");
    err_add(HF_EIO, "first %s", name);
    err_add(HF_EIO, "second %s", name);
    err_add(HF_EIO, "third %s", name);

    const char *text = err_last()->text;
    size_t len = strlen(text);
    assert_true(len < ERR_TRAIL_BYTES);
    assert_memory_equal(text, "second nnn", 10);
    assert_non_null(strstr(text, "nnn...: first nnn"));
    assert_string_equal(text + len - strlen("nnn: the cause"), "nnn: the cause");
}

static void test_err_marks_a_cause_that_is_too_long(void **state)
{
    char name[2 * ERR_TRAIL_BYTES];

    (void)state;
    fill_with(name, sizeof name, 'n');
    err_raise(HF_EIO, "%s", name);
    assert_int_equal(strlen(err_last()->text), ERR_TRAIL_BYTES - 1);
    assert_string_equal(err_last()->text + ERR_TRAIL_BYTES - 5, "n...");
    assert_int_equal(err_add(HF_EFAIL, "no room for this"), HF_EFAIL);
    assert_int_equal(err_last()->code, HF_EFAIL);

    /* A system's reason is short, and stays behind a name of any length. */
    err_os(ENOSPC, "%s", name);
    const char *reason = "n...: No space left on device";
    assert_int_equal(strlen(err_last()->text), ERR_TRAIL_BYTES - 1);
    assert_string_equal(err_last()->text + ERR_TRAIL_BYTES - 1 - strlen(reason), reason);
}

static void test_err_os_names_the_reason_and_chooses_the_code(void **state)
{
    static const struct {
        int errnum;
        int code;
    } cases[] = {
        { ENOSPC, HF_ENOSPC },  { EDQUOT, HF_ENOSPC },  { ENOENT, HF_EABSENT },
        { EEXIST, HF_EEXISTS }, { EACCES, HF_EACCESS }, { EPERM, HF_EACCESS },
        { EROFS, HF_EACCESS },  { ENOMEM, HF_ENOMEM },  { EIO, HF_EIO },
        { EINVAL, HF_EIO },     { 0x7fff, HF_EIO },     { EMFILE, HF_EFILES },
        { ENFILE, HF_EFILES },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(err_os(cases[i].errnum, "x"), cases[i].code);
        assert_int_equal(err_last()->code, cases[i].code);
    }
    err_os(ENOENT, "could not open %s", "f");
    assert_string_equal(err_last()->text, "could not open f: No such file or directory");
}

static void test_err_keeps_the_first_hint(void **state)
{
    (void)state;
    err_raise(HF_EFAIL, "x");
    err_hint("do %s", "this");
    err_hint("do that");
    err_add(HF_EFAIL, "y");
    assert_string_equal(err_last()->hint, "do this");
    err_clear();
    assert_int_equal(err_last()->code, 0);
    assert_string_equal(err_last()->text, "");
    assert_string_equal(err_last()->hint, "");
}

static void *fail_elsewhere(void *out)
{
    err_raise(HF_EDAMAGE, "page 7 is damaged");
    err_hint("repair it");
    err_take(out);
    return (void *)(uintptr_t)(err_last()->code != 0);
}

static void test_err_trail_belongs_to_a_thread_and_can_be_handed_over(void **state)
{
    struct err_trail handed;
    pthread_t thread;
    void *left_over;

    (void)state;
    err_raise(HF_EFAIL, "mine");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &handed), 0);
    assert_int_equal(pthread_join(thread, &left_over), 0);
    assert_null(left_over);
    assert_string_equal(err_last()->text, "mine");

    err_give(&handed);
    assert_int_equal(err_last()->code, HF_EDAMAGE);
    assert_string_equal(err_last()->text, "page 7 is damaged");
    assert_string_equal(err_last()->hint, "repair it");
}

static void test_err_nomem_is_a_failure_with_a_trail(void **state)
{
    (void)state;
    assert_int_equal(err_nomem(), HF_ENOMEM);
    assert_string_equal(err_last()->text, "out of memory");
}

static void test_err_table_holds_the_contract_with_scripts(void **state)
{
    static const struct {
        int code;
        int status;
        const char *name;
    } contract[] = {
        { 0, 0, "ok" },
        { HF_EFAIL, 1, "failed" },
        { HF_EUSAGE, 2, "usage" },
        { HF_EPARTIAL, 3, "incomplete" },
        { HF_EDAMAGE, 4, "damaged" },
        { HF_EDRILL, 5, "drill_failed" },
        { HF_ENOT_READY, 6, "not_ready" },
        { HF_ENO_POINT, 7, "no_such_point" },
        { HF_EUNKNOWN, 8, "outcome_unknown" },
        { HF_ENO_REPO, 10, "no_repository" },
        { HF_EHELD, 11, "held" },
        { HF_EKEY, 12, "wrong_key" },
        { HF_ENEWER, 13, "newer_format" },
        { HF_EDENIED, 14, "not_permitted" },
        { HF_ENOSPC, 28, "no_space" },
        { HF_EINTERRUPTED, 130, "interrupted" },
        { HF_ETERMINATED, 143, "terminated" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof contract / sizeof *contract; i++) {
        assert_true(contract[i].code <= 0);
        assert_int_equal(err_exit_status(contract[i].code), contract[i].status);
        assert_string_equal(err_code_name(contract[i].code), contract[i].name);
    }
    assert_string_equal(err_code_text(HF_EDAMAGE), "the repository is damaged");
}

static void test_err_unknown_code_is_never_success(void **state)
{
    static const int unknown[] = { 1, -1, -5000, HF_E_FIRST_, HF_E_END_ };

    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(err_exit_status(unknown[i]), 1);
        assert_string_equal(err_code_name(unknown[i]), "failed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_err_raise_begins_the_trail_anew, set_up),
        cmocka_unit_test_setup(test_err_add_puts_what_was_tried_in_front, set_up),
        cmocka_unit_test_setup(test_err_add_without_a_cause_is_the_cause, set_up),
        cmocka_unit_test_setup(test_err_takes_its_own_text_as_an_argument, set_up),
        cmocka_unit_test_setup(test_err_cuts_the_outermost_and_keeps_the_cause, set_up),
        cmocka_unit_test_setup(test_err_marks_a_cause_that_is_too_long, set_up),
        cmocka_unit_test_setup(test_err_os_names_the_reason_and_chooses_the_code, set_up),
        cmocka_unit_test_setup(test_err_keeps_the_first_hint, set_up),
        cmocka_unit_test_setup(test_err_trail_belongs_to_a_thread_and_can_be_handed_over, set_up),
        cmocka_unit_test_setup(test_err_nomem_is_a_failure_with_a_trail, set_up),
        cmocka_unit_test_setup(test_err_table_holds_the_contract_with_scripts, set_up),
        cmocka_unit_test_setup(test_err_unknown_code_is_never_success, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
