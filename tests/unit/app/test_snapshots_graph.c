/*
 * test_snapshots_graph.c - the picture of points in time: lanes, heights, the axis, wrong clocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "app/snapshots_graph.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define POINTS 64
#define NOW ((int64_t)1795255200 * NS_PER_S) /* 2026-11-21 10:00 in UTC */
#define HOUR ((int64_t)3600 * NS_PER_S)

struct album {
    struct catalog_snapshot snapshots[POINTS];
    const struct catalog_snapshot *list[POINTS];
    size_t count;
    struct timeline *timeline;
    struct timeline_list points;
    const struct catalog_gap *gap; /* or NULL */
    struct timeline_gap_list gaps;
    struct buf out;
};

static char web[] = "web", mail[] = "mail", host[] = "a";

static int set_up(void **state)
{
    struct album *a = mem_zalloc(sizeof *a);

    setenv("TZ", "UTC0", 1);
    tzset();
    buf_init(&a->out);
    *state = a;
    return 0;
}

static int tear_down(void **state)
{
    struct album *a = *state;

    timeline_list_release(&a->points);
    timeline_gap_list_release(&a->gaps);
    timeline_free(a->timeline);
    buf_release(&a->out);
    mem_free(a);
    return 0;
}

static void add(struct album *a, char *job, int64_t hours_ago)
{
    struct catalog_snapshot *s = &a->snapshots[a->count];

    s->number = 2 + a->count;
    s->commit.job = job;
    s->commit.host = host;
    s->commit.flags = COMMIT_COMPLETE;
    s->commit.counts.bytes_stored = 512;
    s->commit.end_ns = NOW - hours_ago * HOUR;
    a->list[a->count++] = s;
}

static const char *draw(struct album *a, const struct snapshots_graph_style *style)
{
    assert_int_equal(timeline_of(a->list, a->count, NOW, &a->timeline), 0);
    if (a->gap != NULL) {
        assert_int_equal(timeline_set_gaps(a->timeline, &a->gap, 1), 0);
    }
    assert_int_equal(timeline_select(a->timeline, NULL, 0, TIMELINE_LIVE, true, &a->points), 0);
    timeline_gap_list_release(&a->gaps);
    assert_int_equal(timeline_list_gaps(a->timeline, &a->points, &a->gaps), 0);
    assert_int_equal(snapshots_graph_draw(&a->points, &a->gaps, style, &a->out), 0);
    return buf_text(&a->out);
}

static const struct snapshots_graph_style plain = { .columns = 64, .now_ns = NOW };

static void test_snapshots_graph_draws_a_lane_for_each_job_up_to_now(void **state)
{
    struct album *a = *state;

    for (int64_t hours = 24; hours >= 0; hours--) {
        add(a, web, hours);
        if (hours % 12 == 0 && hours > 0) {
            add(a, mail, hours);
        }
    }
    assert_string_equal(draw(a, &plain),
                        "from 2026-11-20 10:00               points     newest      added\n"
                        "mail/a  #-----------#-----------         2        12h    1.0 KiB\n"
                        "web/a   :::::::::::::::::::::::#        25        0 s   12.5 KiB\n"
                        "          | 12:00     | Nov 21\n");
}

static void test_snapshots_graph_is_never_wider_than_the_screen(void **state)
{
    static const size_t widths[] = { 60, 80, 132, 200 };
    struct album *a = *state;

    for (int64_t hours = 5000; hours >= 0; hours -= 100) {
        add(a, hours % 300 == 0 ? web : mail, hours);
    }
    for (size_t i = 0; i < 4; i++) {
        const struct snapshots_graph_style style = { .columns = widths[i],
                                                     .rows = 24,
                                                     .now_ns = NOW };
        const char *line = draw(a, &style);
        size_t widest = 0;

        while (*line != '\0') {
            size_t len = strcspn(line, "\n");

            widest = len > widest ? len : widest;
            line += len + 1;
        }
        assert_int_equal(widest, widths[i]);
        timeline_list_release(&a->points);
        timeline_free(a->timeline);
        a->timeline = NULL;
        buf_clear(&a->out);
    }
}

static void test_snapshots_graph_marks_wrong_clocks_and_is_not_stretched_by_them(void **state)
{
    struct album *a = *state;

    add(a, web, 24);
    add(a, web, 24 * 365 * 20); /* set back by twenty years */
    add(a, web, 12);
    add(a, web, -24 * 365 * 20); /* ahead by as much */
    assert_string_equal(draw(a, &plain),
                        "from 2026-11-20 10:00               points     newest      added\n"
                        "web/a  #-----------:-----------:         4        12h    2.0 KiB\n"
                        "       !                       !\n"
                        "         | 12:00     | Nov 21\n"
                        "! a clock was wrong: the point is of the future, or had gone back\n");
}

static void test_snapshots_graph_shows_gaps_where_no_point_is(void **state)
{
    static struct catalog_gap gap = { .number = 3,
                                      .job = web,
                                      .host = host,
                                      .begin_ns = NOW - 20 * HOUR,
                                      .end_ns = NOW - 9 * HOUR,
                                      .closed_by = 4 };
    struct album *a = *state;

    add(a, web, 24);
    add(a, web, 12);
    a->snapshots[1].number = 5;
    a->gap = &gap;
    assert_string_equal(draw(a, &plain),
                        "from 2026-11-20 10:00               points     newest      added\n"
                        "web/a  #---~~~~~~~~#~~~---------         2        12h    1.0 KiB\n"
                        "         | 12:00     | Nov 21\n"
                        "~ a gap: changes may have been missed\n");
}

static void test_snapshots_graph_uses_the_rows_that_there_are(void **state)
{
    const struct snapshots_graph_style tall = { .columns = 64, .rows = 24, .now_ns = NOW };
    struct album *a = *state;
    size_t lines = 0;

    add(a, web, 24);
    add(a, web, 24);
    add(a, web, 1);
    for (const char *p = draw(a, &tall); *p != '\0'; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(lines, 7); /* a head, a free row, four of the lane, the axis */
    assert_non_null(strstr(buf_text(&a->out), "\n       #    "));
}

static void test_snapshots_graph_is_of_blocks_and_colours_where_the_terminal_can(void **state)
{
    const struct snapshots_graph_style rich = {
        .columns = 64, .unicode = true, .colours = true, .now_ns = NOW
    };
    struct album *a = *state;

    add(a, web, 24);
    add(a, web, 24);
    add(a, web, 12);
    (void)draw(a, &rich);
    assert_non_null(strstr(buf_text(&a->out), "\033[0m\033[36m█\033[0m\033[2m·"));
    assert_non_null(strstr(buf_text(&a->out), "▄"));
    assert_non_null(strstr(buf_text(&a->out), "└ 12:00"));
}

static void test_snapshots_graph_shortens_names_and_escapes_them(void **state)
{
    static char evil[] = "a\033[31m-very-long-name-of-a-job-that-goes-on";
    struct album *a = *state;

    add(a, evil, 1);
    (void)draw(a, &plain);
    assert_null(strchr(buf_text(&a->out), '\033'));
    assert_non_null(strstr(buf_text(&a->out), "\n..."));
    assert_non_null(strstr(buf_text(&a->out), "goes-on/a "));
}

static void test_snapshots_graph_labels_days_months_and_years(void **state)
{
    static const struct {
        int64_t hours;
        const char *label;
    } spans[] = {
        { 0, ":0" }, { 24 * 20, "Nov 09" }, { 24 * 300, "Jul 2026" }, { 24 * 365 * 12, "2020" }
    };
    struct album *a = *state;

    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        a->count = 0;
        add(a, web, spans[i].hours);
        if (strstr(draw(a, &plain), spans[i].label) == NULL) {
            fail_msg("no %s in\n%s", spans[i].label, buf_text(&a->out));
        }
        timeline_list_release(&a->points);
        timeline_free(a->timeline);
        a->timeline = NULL;
        buf_clear(&a->out);
    }
}

static void test_snapshots_graph_survives_a_lack_of_memory_anywhere(void **state)
{
    struct album *a = *state;
    int rc = -1;

    add(a, web, 24);
    add(a, mail, 1);
    (void)draw(a, &plain);
    for (uint64_t n = 1; rc != 0; n++) {
        buf_release(&a->out);
        mem_fail_at(n, 0);
        rc = snapshots_graph_draw(&a->points, &a->gaps, &plain, &a->out);
        mem_fail_at(0, 0);
        assert_true(n < 200);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_snapshots_graph_draws_a_lane_for_each_job_up_to_now),
        CASE(test_snapshots_graph_is_never_wider_than_the_screen),
        CASE(test_snapshots_graph_marks_wrong_clocks_and_is_not_stretched_by_them),
        CASE(test_snapshots_graph_shows_gaps_where_no_point_is),
        CASE(test_snapshots_graph_uses_the_rows_that_there_are),
        CASE(test_snapshots_graph_is_of_blocks_and_colours_where_the_terminal_can),
        CASE(test_snapshots_graph_shortens_names_and_escapes_them),
        CASE(test_snapshots_graph_survives_a_lack_of_memory_anywhere),
        CASE(test_snapshots_graph_labels_days_months_and_years),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
