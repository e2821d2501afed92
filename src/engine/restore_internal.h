/*
 * restore_internal.h - a restore: what it consists of, and which thread may touch what.
 *
 * The calling thread walks the snapshot. It makes folders, links and all that has no content at
 * once, and gathers files with their chunks in a window. When a window is full its chunks are
 * looked up and sorted by their place in the repository, and each block becomes a job of the
 * pool, which decodes it and writes its chunks to wherever they belong; whoever writes the last
 * chunk of a file finishes it. Meanwhile the calling thread plans the next window. When all jobs
 * of a window are done, what must come after the content is done in order: links to files, and
 * the metadata of the folders that were left.
 */
#ifndef HF_ENGINE_RESTORE_INTERNAL_H
#define HF_ENGINE_RESTORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"
#include "engine/arena.h"
#include "engine/listing.h"
#include "engine/manifest_content.h"
#include "engine/pagestore.h"
#include "engine/restore.h"
#include "engine/restore_select.h"
#include "format/cipher.h"

#define RESTORE_WINDOW_FILES 10000u
#define RESTORE_WINDOW_PIECES 40000u
#define RESTORE_WINDOW_SPREAD 256u       /* files of several pieces: each may be open at once */
#define RESTORE_BATCH 64u                /* files without content in one job */
#define RESTORE_COMPARE_BYTES (4u << 20) /* of an existing file, in one job */
#define RESTORE_STRIPES 64u
#define RESTORE_MESSAGE 240u

/* ---- names of one inode ---- */

struct restore_group {
    uint64_t dev, ino;
    uint64_t names_left;        /* that may still come */
    size_t refs;                /* by the map, the first name's file, and planned links */
    struct target_place *place; /* held: the folder of the first name; NULL: it is not there */
    const char *name;
    size_t name_len;
    bool lost;        /* the first one's content is not what it should be */
    bool late;        /* it has flags that forbid links: to be set at the end */
    struct node node; /* of the first name */
    struct arena memory;
};

/* ---- files ---- */

enum restore_open {
    RESTORE_CREATE,
    RESTORE_EXISTING, /* what is there is compared, and kept where it is right */
    RESTORE_SAME,     /* only its metadata are set */
    RESTORE_CHECK,    /* only compared */
};

struct restore_file {
    struct restore *restore;
    struct node node;           /* texts are in the window's arena, or its own */
    struct target_place *place; /* held */
    const char *name;
    size_t name_len;
    struct restore_group *group; /* NULL: it has one name only; else one ref */
    bool own_memory;             /* it may be in several windows */
    struct arena memory;
    enum restore_open how;
    unsigned stripe; /* of the locks: over the fields that follow */
    struct target_file file;
    bool open, finished;
    bool planned; /* all its pieces have been gathered */
    bool has_holes;
    uint64_t old_size; /* of an existing one */
    int code;          /* what was lost, or 0 */
    char message[RESTORE_MESSAGE];
    atomic_uint left; /* pieces to come, and one while it is planned */
    bool counted;     /* the calling thread's */
};

enum restore_state { RESTORE_NEEDED, RESTORE_DONE, RESTORE_RETRY };

struct restore_piece {
    struct restore_file *file;
    uint64_t offset;
    uint64_t len;
    uint8_t id[CIPHER_ID_BYTES];
    uint64_t position; /* where it is in the repository */
    uint32_t segment, slot;
    uint8_t state;
    bool hole;
};

/* ---- windows ---- */

enum restore_action_kind { RESTORE_LINK, RESTORE_LEAVE };

struct restore_action {
    enum restore_action_kind kind;
    struct target_place *place; /* held: where the link goes; the folder that was left */
    struct node node;
    const char *name;
    size_t name_len;
    struct restore_group *group;
    bool quiet; /* losses don't count: an implied folder */
};

struct restore_note { /* a loss, found by a job, told by the calling thread */
    struct restore_note *next;
    const char *path, *what, *why;
    size_t path_len;
};

struct restore_window;

struct restore_job {
    struct pool_job job;
    struct err_trail trail;
    struct restore_window *window;
    size_t first, count; /* into order, pieces or bare, by kind */
};

struct restore_window {
    struct restore *restore;
    struct arena arena; /* nodes, names */
    struct restore_file **files;
    size_t file_count, file_cap;
    struct restore_file **bare; /* without pieces */
    size_t bare_count, bare_cap;
    struct restore_piece *pieces;
    size_t piece_count, piece_cap;
    struct restore_piece **order;
    size_t order_count, order_cap;
    struct restore_job *jobs;
    size_t job_count, job_cap;
    struct restore_action *actions;
    size_t action_count, action_cap;
    uint64_t bytes;
    size_t spread; /* files of several pieces */
    bool compares; /* some pieces may be there already */
    bool started;
};

/* ---- folders ---- */

struct restore_level {
    struct node node; /* texts in its memory */
    struct arena memory;
    size_t path_len;            /* in the snapshot */
    struct target_place *place; /* held once entered; NULL: not (yet), or dry and absent */
    struct listing_mark mark;   /* of the names seen in it */
    bool entered, made, selected, implied, made_up, failed, kept;
};

struct restore_space { /* what a restore would write: restore_space.c */
    uint64_t dev;      /* of the target's folder */
    uint64_t needed;   /* bytes of data, at least */
    bool unsure;       /* not all of the target is there, or it can't be told */
};

struct restore {
    struct repo *repo;
    const struct restore_options *o;
    struct target *target;
    const struct restore_events *events;
    struct restore_result *result;
    uint8_t id[16], root[32];
    char **paths; /* of the commit: what lies above them is implied */
    size_t path_count;
    uint64_t files_expected, bytes_expected;
    int64_t begin_ns;
    bool doubtful;  /* mtimes are not believed */
    bool verifying; /* nothing is changed: what differs is an error */
    struct pool *pool;
    struct pagestore *stored; /* the repository's */
    struct pagestore pages;   /* the same; what can't be read there is damage */
    struct restore_select *select;
    struct manifest_content_reader *content;
    struct repo_reader *reader; /* the calling thread's */

    struct restore_level *levels;
    size_t level_count, level_cap;
    struct listing names; /* seen in the folders that we are in, for delete_extras */

    struct restore_window windows[2];
    size_t filling;              /* the one being planned */
    struct map *groups;          /* (dev, ino) -> struct restore_group * */
    struct map *claims;          /* (dev, ino) in the target -> that of the group that has it */
    struct arena scratch;        /* for one thing at a time */
    bool names_incomplete;       /* pages were lost: what looks extra may not be */
    bool top_used;               /* some folder has become the target itself */
    struct restore_space *space; /* not NULL: a dry run that only adds up */

    pthread_mutex_t stripes[RESTORE_STRIPES];
    unsigned next_stripe;
    pthread_mutex_t lock;         /* over readers, notes, note_memory */
    struct repo_reader **readers; /* idle ones */
    size_t reader_count, reader_cap;
    struct cipher_id **hashers; /* idle ones */
    size_t hasher_count, hasher_cap;
    struct restore_note *notes, **notes_end;
    struct arena note_memory;
    atomic_ullong bytes_written, bytes_verified;
    atomic_ullong bytes_passed; /* that needed neither: holes, files that were right, other names */
    atomic_llong first_byte_ns, first_file_ns;
    atomic_int fatal;             /* the first error that ends the run, or 0 */
    struct err_trail fatal_trail; /* of it; under lock */
};

/* ---- restore.c ---- */

int restore_cancelled(const struct restore *r);
/* Makes this thread's trail that of the error that ends the run; any thread. */
void restore_set_fatal(struct restore *r, int code);
int restore_give_fatal(struct restore *r);
void restore_tell_error(struct restore *r, const char *path, size_t path_len, int code,
                        const char *message);
/* The same with this thread's trail, which is cleared; errors that end the run are returned. */
int restore_tell_trail(struct restore *r, const char *path, size_t path_len, int rc);
void restore_tell_act(struct restore *r, const struct node *n, const char *act);
void restore_tell_progress(struct restore *r, const struct node *n);
bool restore_is_fatal(int rc);
/* For target_ops: notes losses, to be told by the calling thread. Any thread. */
void restore_note_loss(void *context, const struct node *node, const char *what, const char *why);
void restore_tell_notes(struct restore *r);
int restore_borrow_reader(struct restore *r, struct repo_reader **out_reader);
void restore_return_reader(struct restore *r, struct repo_reader *reader);
int restore_borrow_hasher(struct restore *r, struct cipher_id **out_hasher);
void restore_return_hasher(struct restore *r, struct cipher_id *hasher);
/*
 * A repository that can't be read at some place (HF_EIO) has lost what is there as far as a restore
 * can tell: it is HF_EDAMAGE, and all other files go on. Other codes stay.
 */
int restore_damage_of(int rc);
/* Replaces xattrs that are in a chunk by themselves, in the arena. */
int restore_load_xattrs(struct restore *r, struct arena *a, struct node *n);
/* A node copied with xattrs loaded. */
int restore_copy_node(struct restore *r, struct arena *a, const struct node *from,
                      struct node *out);

/* For restore_verify.c: everything but the run itself. */
int restore_open_all(struct restore *r, const struct catalog_snapshot *snapshot);
int restore_walk(struct restore *r);
void restore_fill_result(struct restore *r);
void restore_close_all(struct restore *r);
int restore_verdict(const struct restore_result *result);

/* ---- restore_verify.c ---- */

/* A thing is there, or not, as it was found; files go into the window. */
int restore_verify_visit(struct restore *r, const struct node *n, struct target_place *place,
                         const char *name, size_t len);
/* Compares a piece with what is in the target; what differs is the file's loss. */
int restore_verify_piece(struct restore *r, struct restore_piece *p, struct cipher_id *ids,
                         struct buf *data);

/* ---- restore_space.c ---- */

/* HF_ENOSPC if what is to be written can't fit. */
int restore_space_check(struct repo *repo, const struct catalog_snapshot *snapshot,
                        const struct restore_options *options, struct target *target);
/* A folder of the target is looked at; does nothing unless r->space is set, like the next one. */
int restore_space_enter(struct restore *r, struct target_place *place);
/* A file would be written. now: what is there, or NULL. */
int restore_space_file(struct restore *r, const struct node *n, const struct target_stat *now);

/* ---- restore_tree.c: the folders that the walk is in ---- */

/* Leaves folders until the path lies in the one on top; makes up those that the snapshot lacks. */
int restore_tree_go(struct restore *r, const char *path, size_t path_len);
/* Goes into a folder of the snapshot. */
int restore_tree_push(struct restore *r, const struct node *n, bool selected);
int restore_tree_leave_all(struct restore *r);
/* Sees to it that the folder on top is there. *out_place NULL: it is not (dry, or in the way). */
int restore_tree_enter(struct restore *r, struct target_place **out_place);
/* Notes a name of the snapshot in the folder on top. */
int restore_tree_saw(struct restore *r, const char *name, size_t len);
/* Whether nothing can be in the folder on top but what this run has put there. */
bool restore_tree_is_new(const struct restore *r);
size_t restore_tree_depth(const char *path, size_t path_len); /* components */
const char *restore_tree_name(const char *path, size_t path_len, size_t *out_len);
void restore_tree_release(struct restore *r);

/* ---- restore_node.c: one thing ---- */

int restore_node_visit(struct restore *r, const struct node *n, bool selected);

/* ---- restore_links.c ---- */

/*
 * The group of a thing with several names. *out_first: this one has to be restored itself, and
 * restore_links_first says where. One ref is the caller's in either case.
 */
int restore_links_see(struct restore *r, const struct node *n, struct restore_group **out_group,
                      bool *out_first);
int restore_links_first(struct restore *r, struct restore_group *g, struct target_place *place,
                        const struct node *n);
/*
 * Whether what is there has no more names than it is to have: one, or, for a group, those that no
 * other group has. g NULL: it is to have one.
 */
int restore_links_fit(struct restore *r, const struct target_stat *now,
                      const struct restore_group *g, bool *out_fits);
/* Makes a link that was planned. */
int restore_links_make(struct restore *r, struct restore_action *a);
void restore_links_drop(struct restore *r, struct restore_group *g); /* accepts NULL */
void restore_links_free(struct restore *r);

/* ---- restore_file.c: any thread ---- */

int restore_file_write(struct restore_file *f, uint64_t offset, const void *data, size_t len);
int restore_file_hole(struct restore_file *f, uint64_t offset, uint64_t len);
/* *out_len may be less: what is there. */
int restore_file_read(struct restore_file *f, uint64_t offset, void *out, size_t len,
                      size_t *out_len);
/* So many pieces are done with; the last one finishes the file. */
int restore_file_done(struct restore_file *f, unsigned pieces);
/* Something of it is lost: this thread's trail says what, and is cleared. */
void restore_file_lose(struct restore_file *f, int code);

/* ---- restore_window.c, restore_jobs.c ---- */

int restore_window_file(struct restore_window *w, const struct node *n, struct target_place *place,
                        enum restore_open how, uint64_t old_size, struct restore_group *group);
int restore_window_action(struct restore_window *w, const struct restore_action *a,
                          struct restore_action **out_action);
/* The window being planned goes to work, and the one before is finished. */
int restore_window_turn(struct restore *r);
/* Turns if it is full. */
int restore_window_step(struct restore *r);
/* Waits for everything. */
int restore_window_drain(struct restore *r);
void restore_window_abandon(struct restore *r);

int restore_jobs_start(struct restore_window *w);
int restore_jobs_wait(struct restore_window *w);

#endif
