/*
 * simsched.c - who runs.
 *
 * The baton is a semaphore a client: whoever holds it wakes the one that is to go on, and waits for
 * its own. So all that the clients share is ordered, without a lock.
 */
#include "harness/simsched.h"

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "base/err.h"
#include "harness/simdisk_internal.h"
#include "harness/simmem.h"

#define MOST_OPERATIONS 1000000u

enum task_state { TASK_READY, TASK_SLEEPS, TASK_DONE };

struct task {
    struct simsched *sched;
    struct task *next;
    struct simclient *client;
    simsched_body body;
    void *context;
    pthread_t thread;
    sem_t baton;
    enum task_state state;
    uint64_t wake_op; /* TASK_SLEEPS: by the count of the disk; 0: not by that */
    int64_t wake_ns;  /* the same by its clock; 0: not by that */
    int result;
    struct err_trail trail;
};

struct armed_rule {
    struct simsched_rule rule;
    uint64_t seen;
};

struct simsched {
    struct simdisk *disk;
    uint64_t seed;
    struct rnd rnd;
    uint64_t restless;  /* in 32: how often somebody else goes on */
    struct task *tasks; /* in the order in which they were added */
    struct task *current;
    struct armed_rule *rules;
    size_t rule_count, rule_capacity;
    uint64_t first_op, most_ops;
    bool endless;
    sem_t all_done;
};

struct simsched *simsched_new(struct simdisk *d, uint64_t seed)
{
    static const uint64_t restless[] = { 32, 16, 8, 2 };
    struct simsched *s = simmem_alloc(sizeof *s);
    s->disk = d;
    s->seed = seed;
    s->most_ops = MOST_OPERATIONS;
    rnd_init_seeded(&s->rnd, seed);
    s->restless = restless[rnd_below(&s->rnd, sizeof restless / sizeof restless[0])];
    sem_init(&s->all_done, 0, 0);
    return s;
}

void simsched_free(struct simsched *s)
{
    if (s == NULL) {
        return;
    }
    for (struct task *t = s->tasks, *next; t != NULL; t = next) {
        next = t->next;
        sem_destroy(&t->baton);
        simmem_free(t);
    }
    sem_destroy(&s->all_done);
    simmem_free(s->rules);
    simmem_free(s);
}

void simsched_add(struct simsched *s, const char *client, simsched_body body, void *context)
{
    struct task *t = simmem_alloc(sizeof *t);
    t->sched = s;
    t->client = simdisk_client(s->disk, client);
    t->body = body;
    t->context = context;
    sem_init(&t->baton, 0, 0);
    struct task **end = &s->tasks;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = t;
}

void simsched_rule(struct simsched *s, const struct simsched_rule *rule)
{
    simmem_grow(&s->rules, &s->rule_capacity, s->rule_count + 1, sizeof *s->rules);
    s->rules[s->rule_count++] = (struct armed_rule){ .rule = *rule };
}

void simsched_limit(struct simsched *s, uint64_t ops)
{
    s->most_ops = ops;
}

static struct task *find_task(const struct simsched *s, const char *client)
{
    for (struct task *t = s->tasks; t != NULL; t = t->next) {
        if (strcmp(t->client->name, client) == 0) {
            return t;
        }
    }
    simmem_die("no client %s in this schedule", client);
}

/* --- who goes on ------------------------------------------------------------------------------ */

static void wake(struct task *t)
{
    if (t->state == TASK_SLEEPS) {
        t->state = TASK_READY;
    }
    t->wake_op = 0;
    t->wake_ns = 0;
}

static void wake_who_is_due(struct simsched *s)
{
    const struct simdisk *d = s->disk;
    for (struct task *t = s->tasks; t != NULL; t = t->next) {
        bool due = (t->wake_op != 0 && t->wake_op <= d->ops) ||
                   (t->wake_ns != 0 && t->wake_ns <= d->now_ns);
        if (t->state == TASK_SLEEPS && (due || t->client->killed)) {
            wake(t);
        }
    }
}

static size_t count_ready(const struct simsched *s)
{
    size_t count = 0;
    for (const struct task *t = s->tasks; t != NULL; t = t->next) {
        count += t->state == TASK_READY;
    }
    return count;
}

/* Who waits for a time comes before who waits for operations of others, and that before the rest.
 */
static bool wakes_before(const struct task *a, const struct task *b)
{
    if (a->wake_ns != b->wake_ns) {
        return b->wake_ns == 0 || (a->wake_ns != 0 && a->wake_ns < b->wake_ns);
    }
    if (a->wake_op != b->wake_op) {
        return b->wake_op == 0 || (a->wake_op != 0 && a->wake_op < b->wake_op);
    }
    return false;
}

/* All sleep: the time that one of them waits for comes at once; others wait for nobody. */
static void wake_somebody(struct simsched *s)
{
    struct task *first = NULL;
    for (struct task *t = s->tasks; t != NULL; t = t->next) {
        if (t->state == TASK_SLEEPS && (first == NULL || wakes_before(t, first))) {
            first = t;
        }
    }
    if (first == NULL) {
        return;
    }
    if (first->wake_ns > s->disk->now_ns) {
        s->disk->now_ns = first->wake_ns;
    }
    wake(first);
}

/* NULL when all are done. */
static struct task *pick(struct simsched *s)
{
    wake_who_is_due(s);
    if (count_ready(s) == 0) {
        wake_somebody(s);
    }
    size_t ready = count_ready(s);
    if (ready == 0) {
        return NULL;
    }
    bool stays = rnd_below(&s->rnd, 32) >= s->restless;
    if (stays && s->current != NULL && s->current->state == TASK_READY) {
        return s->current;
    }
    size_t n = (size_t)rnd_below(&s->rnd, ready);
    for (struct task *t = s->tasks; t != NULL; t = t->next) {
        if (t->state == TASK_READY && n-- == 0) {
            return t;
        }
    }
    return NULL;
}

/* Hands the baton on, and takes it back unless this client is done. */
static void pass_baton(struct simsched *s)
{
    struct task *self = s->current;
    struct task *next = pick(s);
    s->current = next;
    if (next == self) {
        return;
    }
    bool comes_back = self != NULL && self->state != TASK_DONE;
    sem_post(next != NULL ? &next->baton : &s->all_done);
    while (comes_back && sem_wait(&self->baton) != 0) {
        continue;
    }
}

/* --- before every operation ------------------------------------------------------------------- */

static void obey(struct simsched *s, const struct simsched_rule *rule)
{
    struct task *t = rule->who == NULL ? s->current : find_task(s, rule->who);
    switch (rule->deed) {
    case SIMSCHED_SLEEP:
        if (t->state == TASK_DONE) {
            return;
        }
        t->state = TASK_SLEEPS;
        t->wake_op = rule->ops == SIMSCHED_UNTIL_WOKEN ? 0 : s->disk->ops + rule->ops;
        t->wake_ns = 0;
        return;
    case SIMSCHED_WAKE:
        wake(t);
        return;
    case SIMSCHED_KILL:
        t->client->killed = true;
        return;
    }
}

static void obey_rules(struct simsched *s, const struct simop *about)
{
    for (size_t i = 0; i < s->rule_count; i++) {
        struct armed_rule *a = &s->rules[i];
        uint64_t nth = a->rule.when.nth == 0 ? 1 : a->rule.when.nth;
        if (simmatch_fits(&a->rule.when, about) && ++a->seen == nth) {
            obey(s, &a->rule);
        }
    }
}

static void kill_all(struct simsched *s)
{
    s->endless = true;
    for (struct task *t = s->tasks; t != NULL; t = t->next) {
        t->client->killed = true;
    }
}

static void turn(void *context, struct simclient *c, const struct simop *about)
{
    struct simsched *s = context;
    obey_rules(s, about);
    if (s->disk->ops - s->first_op >= s->most_ops) {
        kill_all(s);
    }
    if (!c->killed) {
        pass_baton(s);
    }
}

static void sleep_until(void *context, struct simclient *c, int64_t ns)
{
    struct simsched *s = context;
    if (c->killed || ns <= 0) {
        return;
    }
    s->current->state = TASK_SLEEPS;
    s->current->wake_ns = s->disk->now_ns + ns;
    s->current->wake_op = 0;
    pass_baton(s);
}

/* --- a run ------------------------------------------------------------------------------------ */

static void *run_task(void *context)
{
    struct task *t = context;
    while (sem_wait(&t->baton) != 0) {
        continue;
    }
    t->result = t->body(t->client, t->context);
    err_take(&t->trail);
    t->state = TASK_DONE;
    pass_baton(t->sched);
    return NULL;
}

int simsched_run(struct simsched *s)
{
    struct simdisk *d = s->disk;
    if (s->tasks == NULL) {
        return 0;
    }
    d->turn = turn;
    d->sleep = sleep_until;
    d->turn_context = s;
    s->first_op = d->ops;
    for (struct task *t = s->tasks; t != NULL; t = t->next) {
        if (pthread_create(&t->thread, NULL, run_task, t) != 0) {
            simmem_die("no thread for client %s", t->client->name);
        }
    }
    pass_baton(s);
    while (sem_wait(&s->all_done) != 0) {
        continue;
    }
    for (struct task *t = s->tasks; t != NULL; t = t->next) {
        pthread_join(t->thread, NULL);
    }
    d->turn = NULL;
    d->sleep = NULL;
    if (s->endless) {
        return err_raise(HF_ELIMIT, "the clients did not come to an end in %" PRIu64 " operations",
                         s->most_ops);
    }
    return 0;
}

int simsched_result(struct simsched *s, const char *client)
{
    const struct task *t = find_task(s, client);
    err_give(&t->trail);
    return t->result;
}

void simsched_print(struct simsched *s, FILE *out)
{
    fprintf(out, "seed %" PRIu64 "\n", s->seed);
    for (const struct task *t = s->tasks; t != NULL; t = t->next) {
        fprintf(out, "client %s: %s%s%s%s\n", t->client->name,
                t->result == 0 ? "done" : err_code_name(t->result), t->result == 0 ? "" : ": ",
                t->result == 0 ? "" : t->trail.text, t->client->killed ? " (killed)" : "");
    }
    struct buf text;
    buf_init(&text);
    simtrace_print(simdisk_trace(s->disk), 0, SIZE_MAX, &text);
    fputs(buf_text(&text), out);
    buf_release(&text);
}
