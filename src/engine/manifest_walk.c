/*
 * manifest_walk.c - one page a level, and the way from each to the next.
 *
 * An index page is read through once when it is loaded, to check it; then its reader runs one child
 * ahead, since the separator of the next child is where the current one ends.
 */
#include "engine/manifest_walk.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

struct manifest_walk_level {
    bool loaded;
    struct manifest_page page; /* the one that is loaded */
    struct buf key;            /* its separator */
    struct buf bytes;
    struct page_reader *reader;

    bool on_node;     /* a leaf: the walk's node is where the reader stands */
    struct buf limit; /* a leaf: the path that its nodes come before; empty: none */

    struct manifest_page child; /* an index page: the child that the walk is before or in */
    struct buf child_key;
    struct page_child next; /* the one after it, which the reader has read already */
    bool has_next;
    uint64_t next_first; /* how many entries of the manifest come before that */
};

static const uint8_t none[PAGESTORE_ID_BYTES];

bool manifest_walk_is_none(const uint8_t id[PAGESTORE_ID_BYTES])
{
    return memcmp(id, none, sizeof none) == 0;
}

int manifest_walk_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t shorter = a_len < b_len ? a_len : b_len;
    int order = shorter > 0 ? memcmp(a, b, shorter) : 0;
    if (order != 0) {
        return order;
    }
    return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
}

int manifest_walk_compare_path(const char *path, size_t path_len, const uint8_t *key,
                               size_t key_len)
{
    size_t len = path_len - 1; /* a key is its path without the first byte */
    size_t shorter = len < key_len ? len : key_len;
    for (size_t i = 0; i < shorter; i++) {
        uint8_t byte = path[i + 1] == '/' ? 0 : (uint8_t)path[i + 1];
        if (byte != key[i]) {
            return byte < key[i] ? -1 : 1;
        }
    }
    return len == key_len ? 0 : len < key_len ? -1 : 1;
}

int manifest_walk_open(struct manifest_walk *w, struct pagestore *pages,
                       const uint8_t root[PAGESTORE_ID_BYTES])
{
    *w = (struct manifest_walk){ .pages = pages };
    w->root.last = true;
    memcpy(w->root.id, root, sizeof w->root.id);
    if (manifest_walk_is_none(root)) {
        return 0;
    }
    w->at = MANIFEST_WALK_PAGE;
    w->page = &w->root;
    return 0;
}

void manifest_walk_release(struct manifest_walk *w)
{
    for (unsigned l = 0; l <= PAGE_LEVEL_LIMIT; l++) {
        struct manifest_walk_level *level = w->levels[l];
        if (level == NULL) {
            continue;
        }
        buf_release(&level->key);
        buf_release(&level->bytes);
        buf_release(&level->child_key);
        buf_release(&level->limit);
        page_reader_free(level->reader);
        mem_free(level);
        w->levels[l] = NULL;
    }
    w->at = MANIFEST_WALK_END;
}

static int need_level(struct manifest_walk *w, unsigned l, struct manifest_walk_level **out_level)
{
    if (w->levels[l] == NULL) {
        struct manifest_walk_level *level = mem_zalloc(sizeof *level);
        if (level == NULL) {
            return err_nomem();
        }
        int rc = page_reader_new(&level->reader);
        if (rc != 0) {
            mem_free(level);
            return rc;
        }
        w->levels[l] = level;
    }
    *out_level = w->levels[l];
    return 0;
}

static void stand_before_root(struct manifest_walk *w)
{
    w->at = MANIFEST_WALK_PAGE;
    w->above = 0; /* no level: level 0 has no pages below it */
    w->page = &w->root;
}

static void stand_before_child(struct manifest_walk *w, unsigned l)
{
    w->at = MANIFEST_WALK_PAGE;
    w->above = l;
    w->page = &w->levels[l]->child;
}

/* The separator behind the page whose level is one below l. */
static bool bound_above(const struct manifest_walk *w, unsigned l, const uint8_t **out_key,
                        size_t *out_len)
{
    for (; l > 0 && l <= w->root.level; l++) {
        const struct manifest_walk_level *level = w->levels[l];
        if (level->has_next) {
            *out_key = level->next.key;
            *out_len = level->next.key_len;
            return true;
        }
    }
    return false;
}

bool manifest_walk_bound(const struct manifest_walk *w, const uint8_t **out_key, size_t *out_len)
{
    if (w->at == MANIFEST_WALK_END) {
        return false;
    }
    unsigned l = w->at == MANIFEST_WALK_NODE ? 1 : w->above;
    return bound_above(w, l, out_key, out_len);
}

static int set_key(struct buf *key, const uint8_t *data, size_t len)
{
    buf_clear(key);
    buf_put(key, data, len);
    return buf_error(key);
}

static int damaged(const char *what)
{
    return err_raise(HF_EDAMAGE, "%s", what);
}

/* The next child, which was read ahead, becomes the current one. */
static int take_next(struct manifest_walk_level *level)
{
    struct manifest_page *child = &level->child;
    int rc = set_key(&level->child_key, level->next.key, level->next.key_len);
    if (rc != 0) {
        return rc;
    }
    memcpy(child->id, level->next.id, sizeof child->id);
    child->level = (uint8_t)(level->page.level - 1);
    child->page_len = level->next.page_len;
    child->entries = level->next.entries;
    child->bytes = level->next.bytes;
    child->first_entry = level->next_first;
    child->key = level->child_key.data;
    child->key_len = level->child_key.len;
    level->next_first += child->entries;
    rc = page_reader_next_child(level->reader, &level->next);
    level->has_next = rc == 1;
    child->last = level->page.last && !level->has_next;
    return rc < 0 ? rc : 0;
}

static int rewind_index(struct manifest_walk_level *level)
{
    int rc = page_reader_open(level->reader, level->bytes.data, level->bytes.len);
    if (rc != 0) {
        return rc;
    }
    level->next_first = level->page.first_entry;
    rc = page_reader_next_child(level->reader, &level->next);
    return rc == 1 ? take_next(level) : rc < 0 ? rc : damaged("an index page without pages");
}

/* Reads an index page through: does it say what the page above says of it? */
static int check_index(struct manifest_walk *w, struct manifest_walk_level *level)
{
    struct page_child child;
    uint64_t entries = 0, bytes = 0;
    const uint8_t *bound;
    size_t bound_len;
    int rc;
    for (bool first = true; (rc = page_reader_next_child(level->reader, &child)) == 1;
         first = false) {
        if (first && manifest_walk_compare(child.key, child.key_len, level->page.key,
                                           level->page.key_len) != 0) {
            return damaged("it does not begin where the page above says");
        }
        entries += child.entries;
        bytes += child.bytes;
    }
    if (rc < 0) {
        return rc;
    }
    if (bound_above(w, level->page.level + 1u, &bound, &bound_len) &&
        manifest_walk_compare(child.key, child.key_len, bound, bound_len) >= 0) {
        return damaged("it goes on where the next page begins");
    }
    if (&w->root != w->page && (entries != level->page.entries || bytes != level->page.bytes)) {
        return damaged("what is below it is not what the page above says");
    }
    level->page.entries = entries;
    level->page.bytes = bytes;
    return 0;
}

/* Nothing is above the root that could say what is in it: a root that is a leaf is read through. */
static int count_root_leaf(struct manifest_walk_level *level)
{
    struct node n;
    int rc;
    level->page.entries = level->page.bytes = 0;
    while ((rc = page_reader_next_node(level->reader, &n)) == 1) {
        level->page.entries++;
        level->page.bytes += n.type == NODE_FILE ? n.size : 0;
    }
    return rc;
}

static int check_page(struct manifest_walk *w, struct manifest_walk_level *level)
{
    const struct manifest_page *page = &level->page;
    bool is_root = w->page == &w->root;
    int rc = page_reader_open(level->reader, level->bytes.data, level->bytes.len);
    if (rc != 0) {
        return rc;
    }
    if (page_reader_level(level->reader) != page->level) {
        return damaged("it is of another level than the page above says");
    }
    if (!is_root && level->bytes.len != page->page_len) {
        return damaged("its length is not what the page above says");
    }
    if (page->level > 0) {
        return check_index(w, level);
    }
    if (is_root) {
        return count_root_leaf(level);
    }
    if (page_reader_count(level->reader) != page->entries) {
        return damaged("the number of its entries is not what the page above says");
    }
    return 0;
}

/* Fetches the root, whose level nobody knows before. */
static int fetch_root(struct manifest_walk *w)
{
    struct manifest_walk_level *level = NULL, *zero = NULL;
    int rc = need_level(w, 0, &zero);
    if (rc == 0) {
        rc = w->pages->get(w->pages, w->root.id, &zero->bytes);
    }
    w->pages_read++;
    if (rc == 0) {
        rc = page_reader_open(zero->reader, zero->bytes.data, zero->bytes.len);
    }
    if (rc != 0) {
        return rc;
    }
    w->root.level = page_reader_level(zero->reader);
    w->root.page_len = zero->bytes.len;
    rc = need_level(w, w->root.level, &level);
    if (rc == 0 && level != zero) {
        struct buf bytes = level->bytes;
        level->bytes = zero->bytes;
        zero->bytes = bytes;
    }
    return rc;
}

static int fetch(struct manifest_walk *w, struct manifest_walk_level *level)
{
    w->pages_read++;
    return w->pages->get(w->pages, w->page->id, &level->bytes);
}

static bool is_loaded(const struct manifest_walk *w)
{
    const struct manifest_walk_level *level = w->levels[w->page->level];
    return level != NULL && level->loaded && level->page.first_entry == w->page->first_entry &&
           memcmp(level->page.id, w->page->id, sizeof level->page.id) == 0;
}

static int load_unless_there(struct manifest_walk *w, bool *out_fresh)
{
    struct manifest_walk_level *level;
    *out_fresh = !is_loaded(w);
    if (!*out_fresh) {
        return 0;
    }
    int rc;
    if (w->page == &w->root) {
        if (w->levels[0] != NULL) {
            w->levels[0]->loaded = false;
        }
        rc = fetch_root(w);
        if (rc != 0) {
            return rc;
        }
        level = w->levels[w->root.level];
        level->loaded = level->on_node = false;
    } else {
        rc = need_level(w, w->page->level, &level);
        if (rc != 0) {
            return rc;
        }
        level->loaded = level->on_node = false;
        rc = fetch(w, level);
    }
    if (rc == 0) {
        rc = set_key(&level->key, w->page->key, w->page->key_len);
    }
    if (rc != 0) {
        return rc;
    }
    level->page = *w->page;
    level->page.key = level->key.data;
    rc = check_page(w, level);
    if (rc == 0 && level->page.level > 0) {
        rc = rewind_index(level);
    }
    if (rc != 0) {
        return rc;
    }
    if (w->page == &w->root) {
        w->root.entries = level->page.entries;
        w->root.bytes = level->page.bytes;
    }
    level->loaded = true;
    return 0;
}

/* Loads the page stood before; an error names it. */
static int load(struct manifest_walk *w, bool *out_fresh)
{
    int rc = load_unless_there(w, out_fresh);
    if (rc == 0) {
        return 0;
    }
    char hex[2 * PAGESTORE_ID_BYTES + 1];
    return err_add(rc, "manifest page %s", text_hex(w->page->id, PAGESTORE_ID_BYTES, hex));
}

/* Whether the node read lies where the page above says that the nodes of this leaf lie. */
static int check_place(const struct manifest_walk *w, const struct manifest_walk_level *leaf,
                       bool first)
{
    const struct node *n = &w->node;
    const struct manifest_page *page = &leaf->page;
    if (first && manifest_walk_compare_path(n->path, n->path_len, page->key, page->key_len) < 0) {
        return damaged("it begins before the page above says");
    }
    if (leaf->limit.len > 0 &&
        node_path_compare(n->path, n->path_len, (char *)leaf->limit.data, leaf->limit.len) >= 0) {
        return damaged("it goes on where the next page begins");
    }
    return 1;
}

/* Reads the next node of the leaf: 1, 0 at its end, or an error that names the leaf. */
static int read_node(struct manifest_walk *w, struct manifest_walk_level *leaf)
{
    bool first = !leaf->on_node;
    leaf->on_node = false;
    int rc = page_reader_next_node(leaf->reader, &w->node);
    if (rc == 1) {
        rc = check_place(w, leaf, first);
    }
    if (rc == 1) {
        leaf->on_node = true;
        w->index = first ? 0 : w->index + 1;
    } else if (rc < 0) {
        char hex[2 * PAGESTORE_ID_BYTES + 1];
        err_add(rc, "manifest page %s", text_hex(leaf->page.id, PAGESTORE_ID_BYTES, hex));
    }
    return rc;
}

/* The separator behind the leaf as a path, since paths are quicker to compare with each other. */
static int set_limit(const struct manifest_walk *w, struct manifest_walk_level *leaf)
{
    const uint8_t *bound;
    size_t len;
    buf_clear(&leaf->limit);
    if (!bound_above(w, 1, &bound, &len)) {
        return 0;
    }
    int rc = buf_reserve(&leaf->limit, len + 1);
    if (rc == 0) {
        leaf->limit.len = page_path_of_key(bound, len, (char *)leaf->limit.data);
    }
    return rc;
}

/* The first node of the leaf that was loaded. */
static int rewind_leaf(struct manifest_walk *w, struct manifest_walk_level *leaf)
{
    leaf->on_node = false;
    int rc = set_limit(w, leaf);
    if (rc == 0) {
        rc = page_reader_open(leaf->reader, leaf->bytes.data, leaf->bytes.len);
    }
    if (rc == 0) {
        rc = read_node(w, leaf);
    }
    if (rc < 0) {
        return rc;
    }
    w->at = MANIFEST_WALK_NODE;
    w->page = &leaf->page;
    return 0;
}

int manifest_walk_enter(struct manifest_walk *w)
{
    bool fresh;
    if (w->at != MANIFEST_WALK_PAGE) {
        return err_raise(HF_EFAIL, "there is no page to enter");
    }
    int rc = load(w, &fresh);
    if (rc != 0) {
        return rc;
    }
    unsigned l = w->page->level;
    if (l == 0) {
        return rewind_leaf(w, w->levels[0]);
    }
    if (!fresh) {
        rc = rewind_index(w->levels[l]);
    }
    if (rc == 0) {
        stand_before_child(w, l);
    }
    return rc;
}

/* What is below the current child of level l is done with. */
static int go_on_above(struct manifest_walk *w, unsigned l)
{
    for (; l > 0 && l <= w->root.level; l++) {
        if (w->levels[l]->has_next) {
            int rc = take_next(w->levels[l]);
            stand_before_child(w, l);
            return rc;
        }
    }
    w->at = MANIFEST_WALK_END;
    w->page = NULL;
    return 0;
}

int manifest_walk_skip(struct manifest_walk *w)
{
    if (w->at == MANIFEST_WALK_END) {
        return 0;
    }
    return go_on_above(w, w->at == MANIFEST_WALK_NODE ? 1 : w->above);
}

int manifest_walk_next(struct manifest_walk *w)
{
    if (w->at != MANIFEST_WALK_NODE) {
        return err_raise(HF_EFAIL, "there is no node to go on from");
    }
    struct manifest_walk_level *leaf = w->levels[0];
    if (!leaf->on_node) { /* the last one could not be read */
        return damaged("the rest of the page can't be read");
    }
    int rc = read_node(w, leaf);
    return rc == 1 ? 0 : rc < 0 ? rc : go_on_above(w, 1);
}

/* In the loaded index page: the child in which key must be. */
static int seek_child(struct manifest_walk_level *level, bool fresh, const uint8_t *key,
                      size_t key_len)
{
    int rc = 0;
    if (!fresh && manifest_walk_compare(level->child.key, level->child.key_len, key, key_len) > 0) {
        rc = rewind_index(level);
    }
    while (rc == 0 && level->has_next &&
           manifest_walk_compare(level->next.key, level->next.key_len, key, key_len) <= 0) {
        rc = take_next(level);
    }
    return rc;
}

/* In the loaded leaf: the first node at or after key, or what comes behind the leaf. */
static int seek_node(struct manifest_walk *w, const uint8_t *key, size_t key_len)
{
    struct manifest_walk_level *leaf = w->levels[0];
    const struct node *n = &w->node;
    int rc = 0;
    if (leaf->on_node && manifest_walk_compare_path(n->path, n->path_len, key, key_len) <= 0) {
        w->at = MANIFEST_WALK_NODE;
        w->page = &leaf->page;
    } else {
        rc = rewind_leaf(w, leaf);
    }
    while (rc == 0 && w->at == MANIFEST_WALK_NODE &&
           manifest_walk_compare_path(n->path, n->path_len, key, key_len) < 0) {
        rc = manifest_walk_next(w);
    }
    return rc;
}

int manifest_walk_seek(struct manifest_walk *w, const uint8_t *key, size_t key_len)
{
    if (manifest_walk_is_none(w->root.id)) {
        return 0;
    }
    stand_before_root(w);
    for (;;) {
        bool fresh;
        int rc = load(w, &fresh);
        if (rc != 0) {
            return rc;
        }
        unsigned l = w->page->level;
        if (l == 0) {
            return seek_node(w, key, key_len);
        }
        rc = seek_child(w->levels[l], fresh, key, key_len);
        if (rc != 0) {
            return rc;
        }
        stand_before_child(w, l);
    }
}
