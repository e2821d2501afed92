/*
 * reportkit.c - see reportkit.h.
 */
#include "harness/reportkit.h"

#include "base/clock.h"

#define LONG_PATH                                                                                  \
    "/srv/customers/northern-region/production/database-cluster-07/exports/2026/11/"               \
    "a-file-whose-name-goes-on-and-on-without-a-single-blank-in-it-until-nothing-is-left-of-the-"  \
    "line-that-it-was-meant-to-fit-into.parquet.zst"

static void add_overview(struct report *r)
{
    report_fact(r, "Snapshot", "7c1f0e6a9b2d4f3e8a5b6c7d8e9f0a1b");
    report_fact(r, "Repository", "/mnt/backup" LONG_PATH);
    report_fact(r, "Seed", "1834");
    report_fact(r, "Restored", "104,882 files, 18.4 GiB\nof them 3 with more than one name");
    report_section(r, "How fast, and how much would be lost");
    report_paragraph(r, "A restore was measured from the first byte read to the last one proved. "
                        "What lies between the newest point and now would be lost.");
}

static void add_plots(struct report *r)
{
    struct report_point rto[14], rpo[14];

    for (int i = 0; i < 14; i++) {
        int64_t at = REPORTKIT_AT - (13 - i) * 7 * 86400 * NS_PER_S;
        enum report_state state = i == 5 ? REPORT_FAIL : i == 8 ? REPORT_UNKNOWN : REPORT_PASS;

        rto[i] = (struct report_point){ at, 212 + 11 * (i * i % 7) + (i == 5 ? 240 : 0), state };
        rpo[i] = (struct report_point){ at, (double)(1u << 20) * (3 + i * 5 % 11), state };
    }
    report_plot(r, "Time to restore (RTO), full drills", "s", rto, 14);
    report_plot(r, "Data stored since", "bytes", rpo, 14);
}

static void add_cases(struct report *r)
{
    report_section(r, "What was tried");
    report_case(r, "open", REPORT_PASS, "", 412000000);
    report_case(r, "every file has its size, its times and its owner", REPORT_PASS,
                "104,882 of 104,882", 61 * NS_PER_S);
    report_case(r, LONG_PATH, REPORT_FAIL,
                "content differs: 3 of 512 chunks are not what the snapshot says\n"
                "first at byte 4,194,304 of " LONG_PATH,
                1234567890);
    report_case(r, "second copy", REPORT_UNKNOWN, "there is no evidence of it yet", 0);
    report_case(r, "sign-off by the owner", REPORT_WAIVED, "until 2026-12-01 by ops: moving house",
                0);
    report_case(r, "a name with <b>markup</b> & \"quotes\" \x1b[31m and \xff\xfe bytes",
                REPORT_NOTE, "<script>document.title='run'</script>\x01\xef\xbf\xbf]]>", 0);
}

struct report *reportkit_new(void)
{
    struct report *r;

    if (report_new("drill-full", "Full drill of web on host db-07", REPORTKIT_AT, &r) != 0) {
        return NULL;
    }
    report_verdict(r, REPORT_FAIL,
                   "The restore can't be relied on: 1 of 104,882 files is not what was backed up, "
                   "and a second copy was never proved.");
    add_overview(r);
    add_plots(r);
    add_cases(r);
    report_section(r, "How to do it by hand");
    report_paragraph(r, "As root, on any machine that reaches the repository:");
    report_commands(r, "export HOLDFAST_REPOSITORY=/mnt/backup" LONG_PATH "\n"
                       "holdfast restore latest --target /restored\n\n"
                       "\tit prints: 104,882 files <restored>\n");
    report_case(r, "the first step", REPORT_PASS, "took as long as the last time", 0);
    return r;
}
