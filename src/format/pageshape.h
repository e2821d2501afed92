/*
 * pageshape.h - whether content is made of pages, told by what its pages have in common.
 *
 * Databases write pages of one size, each with a header of one shape: a few of its bytes are the
 * same in all of them. Nothing else looks like that at the distance of a page and nowhere between:
 * records of a fixed length are alike at every record, text and compressed data nowhere.
 */
#ifndef HF_FORMAT_PAGESHAPE_H
#define HF_FORMAT_PAGESHAPE_H

#include <stdbool.h>
#include <stddef.h>

#define PAGESHAPE_FILE_BYTES (16u << 20) /* smaller files are not worth the question */

/* `head` is how the file begins: pages of a size are seen where it has sixteen of them or more. */
bool pageshape_found(const void *head, size_t len);

#endif
