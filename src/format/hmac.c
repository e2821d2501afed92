/*
 * hmac.c - see hmac.h. RFC 2104 and FIPS 180-4.
 *
 * Each of two lanes goes through its text in three stages - its whole blocks, the rest of it with
 * the padding, and the outer hash over the digest - and then takes the next text. As long as both
 * have blocks they advance together, by as many as the shorter stage has.
 */
#include "format/hmac.h"

#include <string.h>

#include "base/mem.h"

enum stage { STAGE_IDLE, STAGE_BODY, STAGE_TAIL, STAGE_OUTER };

struct lane {
    enum stage stage;
    struct sha256_state state;
    const struct hmac_text *text;
    const uint8_t *next; /* where the blocks to be taken in are */
    size_t blocks;
    uint8_t tail[2 * SHA256_BLOCK_BYTES];
};

struct work {
    const struct hmac_key *key;
    const struct hmac_text *texts, *end;
};

static void begin_with_pad(struct sha256_state *s, const uint8_t key[HMAC_KEY_BYTES], uint8_t pad)
{
    uint8_t block[SHA256_BLOCK_BYTES];

    memset(block, pad, sizeof block);
    for (size_t i = 0; i < HMAC_KEY_BYTES; i++) {
        block[i] ^= key[i];
    }
    sha256_begin(s);
    sha256_blocks(s, block, 1);
    mem_wipe(block, sizeof block);
}

void hmac_key_init(struct hmac_key *k, const uint8_t key[HMAC_KEY_BYTES])
{
    begin_with_pad(&k->inner, key, 0x36);
    begin_with_pad(&k->outer, key, 0x5c);
}

/* The last bytes of a message that has `total` of them, padded, become the lane's blocks. */
static void pad(struct lane *l, const void *rest, size_t len, uint64_t total)
{
    size_t end = len + 9 <= SHA256_BLOCK_BYTES ? SHA256_BLOCK_BYTES : sizeof l->tail;
    uint64_t bits = total * 8;

    memset(l->tail, 0, end);
    if (len > 0) {
        memcpy(l->tail, rest, len);
    }
    l->tail[len] = 0x80;
    for (size_t i = 0; i < 8; i++) {
        l->tail[end - 1 - i] = (uint8_t)(bits >> 8 * i);
    }
    l->next = l->tail;
    l->blocks = end / SHA256_BLOCK_BYTES;
}

static void begin_text(struct lane *l, struct work *w)
{
    l->stage = STAGE_IDLE;
    if (w->texts < w->end) {
        l->stage = STAGE_BODY;
        l->text = w->texts++;
        l->state = w->key->inner;
        l->next = l->text->data;
        l->blocks = l->text->len / SHA256_BLOCK_BYTES;
    }
}

static void begin_tail(struct lane *l)
{
    size_t rest = l->text->len % SHA256_BLOCK_BYTES;

    l->stage = STAGE_TAIL;
    pad(l, l->next, rest, SHA256_BLOCK_BYTES + (uint64_t)l->text->len);
}

static void begin_outer(struct lane *l, const struct work *w)
{
    uint8_t inner[SHA256_BYTES];

    sha256_put(&l->state, inner);
    l->stage = STAGE_OUTER;
    l->state = w->key->outer;
    pad(l, inner, sizeof inner, SHA256_BLOCK_BYTES + SHA256_BYTES);
}

/* To the next stage that has blocks, be it of the next text; none is left if it becomes idle. */
static void advance(struct lane *l, struct work *w)
{
    while (l->blocks == 0) {
        switch (l->stage) {
        case STAGE_BODY:
            begin_tail(l);
            break;
        case STAGE_TAIL:
            begin_outer(l, w);
            break;
        case STAGE_OUTER:
            sha256_put(&l->state, l->text->out);
            begin_text(l, w);
            break;
        case STAGE_IDLE:
            begin_text(l, w);
            break;
        }
        if (l->stage == STAGE_IDLE) {
            return;
        }
    }
}

static void taken_in(struct lane *l, size_t blocks)
{
    l->next += blocks * SHA256_BLOCK_BYTES;
    l->blocks -= blocks;
}

void hmac_of(const struct hmac_key *k, const struct hmac_text *texts, size_t count)
{
    struct work w = { k, texts, texts + count };
    struct lane a = { .stage = STAGE_IDLE }, b = { .stage = STAGE_IDLE };

    for (;;) {
        advance(&a, &w);
        advance(&b, &w);
        if (a.blocks > 0 && b.blocks > 0) {
            size_t blocks = a.blocks < b.blocks ? a.blocks : b.blocks;

            sha256_blocks_of_two(&a.state, a.next, &b.state, b.next, blocks);
            taken_in(&a, blocks);
            taken_in(&b, blocks);
        } else if (a.blocks > 0) {
            sha256_blocks(&a.state, a.next, a.blocks);
            taken_in(&a, a.blocks);
        } else if (b.blocks > 0) {
            sha256_blocks(&b.state, b.next, b.blocks);
            taken_in(&b, b.blocks);
        } else {
            return;
        }
    }
}
