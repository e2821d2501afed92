/*
 * pageshape.c - see pageshape.h.
 *
 * For each size a page may have: at which of the first bytes of a page do nearly all pages agree on
 * one value that is not zero? At two or more there is a header; but not if they agree so in the
 * middle of the page as well. Pages of zeros, which a file that is being filled ends in, say
 * nothing.
 */
#include "format/pageshape.h"

#include <stdint.h>
#include <string.h>

#define HEADER_BYTES 32u
#define LEAST_PAGES 16u
#define LEAST_AGREED 2u
#define EXCEPTIONS_SHIFT 4 /* one page in sixteen may be of another kind */

static const size_t sizes[] = { 4096, 8192, 16384, 32768 };

static bool is_empty(const uint8_t *p)
{
    static const uint8_t zeros[HEADER_BYTES];

    return memcmp(p, zeros, sizeof zeros) == 0;
}

/*
 * The value that more than half of the pages have at this place, if there is one: each differing
 * pair cancels out, and what is left over is the only candidate.
 */
static uint8_t candidate(const uint8_t *head, size_t pages, size_t size, size_t at)
{
    uint8_t value = 0;
    size_t lead = 0;

    for (size_t i = 0; i < pages; i++) {
        const uint8_t *p = head + i * size;

        if (is_empty(p)) {
            continue;
        }
        if (lead == 0) {
            value = p[at];
        }
        lead = p[at] == value ? lead + 1 : lead - 1;
    }
    return value;
}

/* At how many of HEADER_BYTES places from `from` on nearly all pages agree. */
static unsigned agreed(const uint8_t *head, size_t pages, size_t size, size_t from)
{
    unsigned places = 0;

    for (size_t at = from; at < from + HEADER_BYTES; at++) {
        uint8_t value = candidate(head, pages, size, at);
        size_t counted = 0, equal = 0;

        for (size_t i = 0; i < pages; i++) {
            const uint8_t *p = head + i * size;

            counted += !is_empty(p);
            equal += !is_empty(p) && p[at] == value;
        }
        places += value != 0 && counted >= LEAST_PAGES &&
                  counted - equal <= counted >> EXCEPTIONS_SHIFT;
    }
    return places;
}

bool pageshape_found(const void *head, size_t len)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i], pages = len / size;

        if (pages >= LEAST_PAGES && agreed(head, pages, size, 0) >= LEAST_AGREED &&
            agreed(head, pages, size, size / 2) == 0) {
            return true;
        }
    }
    return false;
}
