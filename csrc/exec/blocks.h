/* Memory for values whose sizes are only known while running: blocks that are taken, shared, and given back.
 *
 * A free block serves the next value of its size class (two classes per power of two), so a run whose sizes were met
 * before takes nothing from the system. */
#ifndef PR_EXEC_BLOCKS_H
#define PR_EXEC_BLOCKS_H

#include "base/status.h"

#define PR_NO_BLOCK 0xFFFFFFFFu
enum { PR_BLOCK_CLASSES = 96 };

typedef struct pr_block {
    void *data;                     /* NULL: a slot without memory */
    size_t bytes;
    uint32_t users, next;           /* next: in the list of free blocks of its class, or of slots */
} pr_block;

typedef struct pr_blocks {
    pr_block *all;
    uint32_t count, capacity, slots;
    uint32_t free_of[PR_BLOCK_CLASSES];
    size_t bytes;                   /* of all blocks, free ones too */
} pr_blocks;

/* A block of at least `bytes` with one user.  All blocks together stay below `limit`: free ones go back to the system
 * first, then PR_NO_MEMORY names `layer`; `beside` is what the rest of the run has, for the sentence. */
pr_status pr_block_take(pr_blocks *blocks, size_t bytes, size_t limit, size_t beside, const char *layer, uint32_t *block,
                        pr_message *message);
void pr_block_share(pr_blocks *blocks, uint32_t block);
void pr_block_drop(pr_blocks *blocks, uint32_t block);
/* No block has a user any more. */
void pr_blocks_reset(pr_blocks *blocks);
/* Gives all free blocks back to the system. */
void pr_blocks_trim(pr_blocks *blocks);
void pr_blocks_close(pr_blocks *blocks);

#endif
