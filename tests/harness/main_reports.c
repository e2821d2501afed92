/*
 * main_reports.c - holdfast-reports FILE...: writes the report of reportkit.h to each, in the form
 * that its name asks for.
 */
#include <stdio.h>

#include "base/err.h"
#include "harness/reportkit.h"

int main(int argc, char **argv)
{
    struct report *r = reportkit_new();
    int rc = r == NULL ? HF_ENOMEM : 0;

    for (int i = 1; i < argc && rc == 0; i++) {
        rc = report_write(r, argv[i], "{}\n", 3);
    }
    report_free(r);
    if (rc != 0) {
        fprintf(stderr, "holdfast-reports: %s\n", err_last()->text);
    }
    return rc == 0 ? 0 : 1;
}
