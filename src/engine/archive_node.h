/*
 * archive_node.h - nodes as bytes, for as long as an import lasts.
 *
 * Everything but path, inode, device and links, which are found out when all entries are known.
 */
#ifndef HF_ENGINE_ARCHIVE_NODE_H
#define HF_ENGINE_ARCHIVE_NODE_H

#include <stddef.h>

#include "base/buf.h"
#include "engine/arena.h"
#include "format/node.h"

int archive_node_encode(const struct node *n, struct buf *out);
/* Texts are copied to the arena and end in a NUL there. HF_EFAIL if that can't be. */
int archive_node_decode(const void *data, size_t len, struct arena *arena, struct node *out);

#endif
