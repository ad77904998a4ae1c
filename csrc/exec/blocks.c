#include "exec/blocks.h"

#include <stdlib.h>

enum { LINE = 64 };

/* Sizes 64, 96, 128, 192, 256 ... */
static size_t class_bytes(int class) { return ((size_t)LINE << (class / 2)) + (class % 2 ? (size_t)LINE / 2 << (class / 2) : 0); }
/* The smallest class that holds so many bytes. */
static int class_of(size_t bytes) {
    if (bytes <= LINE) return 0;
    int power = 63 - __builtin_clzll((unsigned long long)(bytes - 1) / LINE);
    return 2 * power + (bytes <= class_bytes(2 * power + 1) ? 1 : 2);
}

static void start(pr_blocks *b) {
    b->slots = PR_NO_BLOCK;
    for (int i = 0; i < PR_BLOCK_CLASSES; i++) b->free_of[i] = PR_NO_BLOCK;
}

/* Among the free ones: a block serves values of its class, and one of a size between two classes the smaller. */
static void file(pr_blocks *b, uint32_t i) {
    const pr_block *block = &b->all[i];
    int class = class_of(block->bytes);
    if (class_bytes(class) > block->bytes) class--;
    uint32_t *list = block->data ? &b->free_of[class] : &b->slots;
    b->all[i].users = 0;
    b->all[i].next = *list;
    *list = i;
}

/* A slot for one more block: one that lost its memory, or a new one. */
static pr_status take_slot(pr_blocks *b, uint32_t *slot, pr_message *message) {
    if (b->capacity == 0) start(b);
    if (b->slots == PR_NO_BLOCK) {
        if (b->count == b->capacity) {
            uint32_t capacity = b->capacity ? b->capacity * 2 : 64;
            pr_block *all = realloc(b->all, capacity * sizeof *all);
            if (!all) return pr_fail(message, PR_NO_MEMORY, "no memory for a list of %u blocks", capacity);
            b->all = all, b->capacity = capacity;
        }
        b->all[b->count] = (pr_block){.next = PR_NO_BLOCK};
        b->slots = b->count++;
    }
    *slot = b->slots;
    return PR_OK;
}

pr_status pr_block_take(pr_blocks *b, size_t bytes, size_t limit, size_t beside, const char *layer, uint32_t *block,
                        pr_message *message) {
    uint32_t slot = PR_NO_BLOCK;
    const int class = class_of(bytes < limit ? bytes : limit);      /* more is refused below, and has no class */
    if (b->capacity && bytes <= limit && b->free_of[class] != PR_NO_BLOCK) {
        *block = b->free_of[class];
        b->free_of[class] = b->all[*block].next;
        b->all[*block].users = 1;
        return PR_OK;
    }
    size_t want = class_bytes(class);
    if (b->bytes > limit || want > limit - b->bytes) {       /* the last try: no byte more than needed */
        pr_blocks_trim(b);
        want = bytes <= LINE ? LINE : (bytes + LINE - 1) / LINE * LINE;
    }
    if (bytes > limit || b->bytes > limit || want > limit - b->bytes)
        return pr_fail(message, PR_NO_MEMORY, "%s: this model needs at least %zu KiB for its values here, the limit is %zu KiB: "
                       "raise memory_limit or give smaller inputs", layer, (beside + b->bytes + bytes + 1023) >> 10,
                       (beside + limit) >> 10);
    PR_TRY(take_slot(b, &slot, message));
    void *data = aligned_alloc(LINE, want / LINE * LINE + 2 * LINE);     /* kernels may read one line past a value */
    if (!data) return pr_fail(message, PR_NO_MEMORY, "%s: the system refused %zu MiB", layer, want >> 20);
    b->slots = b->all[slot].next;
    b->all[slot] = (pr_block){.data = data, .bytes = want, .users = 1, .next = PR_NO_BLOCK};
    b->bytes += want;
    *block = slot;
    return PR_OK;
}

void pr_block_share(pr_blocks *b, uint32_t block) { b->all[block].users++; }

void pr_block_drop(pr_blocks *b, uint32_t block) {
    if (--b->all[block].users == 0) file(b, block);
}

void pr_blocks_reset(pr_blocks *b) {
    if (b->capacity == 0) return;
    start(b);
    for (uint32_t i = b->count; i-- > 0;) file(b, i);
}

void pr_blocks_trim(pr_blocks *b) {
    for (int class = 0; b->capacity && class < PR_BLOCK_CLASSES; class++)
        for (uint32_t i = b->free_of[class]; i != PR_NO_BLOCK;) {
            uint32_t next = b->all[i].next;
            free(b->all[i].data);
            b->bytes -= b->all[i].bytes;
            b->all[i].data = NULL;
            file(b, i);
            i = next;
            b->free_of[class] = next;
        }
}

void pr_blocks_close(pr_blocks *b) {
    for (uint32_t i = 0; i < b->count; i++) free(b->all[i].data);
    free(b->all);
}
