/* Offsets in the arena that running order does not find.
 *
 * Placing values as they come lets the first ones take places that a larger one wants later.  Where that leaves gaps, the
 * same pieces are placed in other orders, the lasting, the large, or what is both, first; each at the lowest offset that is free
 * while it lives.  The best is kept, running order unless another saves something: its lowest offset is the hottest one. */
#include <stdlib.h>
#include <string.h>

#include "exec/session.h"

/* Each order takes time with the square of the pieces: this many, some 0.3 ms. */
#define MOST_PIECES 1500
/* Gaps that matter: beyond this many bytes, and this part of what is alive. */
#define LEAST_GAIN ((size_t)64 << 10)
#define LEAST_PART 64

/* A group, or the scratch of a step, which has the number group_count + step. */
typedef struct piece { uint64_t first, last; size_t bytes, offset; double weight; uint32_t number; } piece;

static uint32_t list_pieces(const pr_session *s, piece *list) {
    uint32_t count = 0;
    for (uint32_t g = 0; g < s->group_count; g++) {
        const pr_group *group = &s->groups[g];
        if (group->place != PR_PLACE_ARENA || group->bytes == 0) continue;
        list[count++] = (piece){.first = group->first, .last = group->last, .bytes = pr_rounded(group->bytes), .number = g};
    }
    for (uint32_t t = 0; t < s->plan.header->steps; t++) {
        const size_t bytes = pr_rounded(s->steps[t].scratch_bytes);
        if (!bytes) continue;
        const uint64_t last = 2 * (uint64_t)pr_step_after(&s->plan, t) - 1;
        list[count++] = (piece){.first = 2 * (uint64_t)t, .last = last, .bytes = bytes, .number = s->group_count + t};
    }
    return count;
}

static int heavier(const void *one, const void *other) {
    const piece *a = one, *b = other;
    if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Places all, heavy ones first; the bytes they take together, or SIZE_MAX once they are not fewer than `best`.
 * placed: room for as many, sorted by offset. */
static size_t place_all(piece *list, uint32_t count, const piece **placed, size_t best) {
    size_t top = 0;
    qsort(list, count, sizeof *list, heavier);
    for (uint32_t i = 0; i < count; i++) {
        piece *p = &list[i];
        size_t at = 0;
        uint32_t k = 0;
        for (; k < i && placed[k]->offset < at + p->bytes; k++) {
            const piece *q = placed[k];
            if (q->first <= p->last && p->first <= q->last && q->offset + q->bytes > at) at = q->offset + q->bytes;
        }
        p->offset = at;
        if (at + p->bytes > top) top = at + p->bytes;
        if (top >= best) return SIZE_MAX;
        /* Back over those that begin inside of it and do not meet it in time. */
        while (k > 0 && placed[k - 1]->offset > at) k--;
        memmove(placed + k + 1, placed + k, (i - k) * sizeof *placed);
        placed[k] = p;
    }
    return top;
}

static void keep(pr_session *s, const piece *list, uint32_t count, size_t top) {
    s->arena_bytes = top;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t number = list[i].number;
        if (number < s->group_count) s->groups[number].offset = list[i].offset;
        else s->steps[number - s->group_count].scratch_offset = list[i].offset;
    }
}

static double weight_of(const piece *p, int order) {
    const double bytes = (double)p->bytes, time = (double)(p->last - p->first + 1);
    return order == 0 ? time : order == 1 ? bytes * time : bytes;
}

void pr_pack_arena(pr_session *s) {
    const size_t gap = s->arena_bytes - s->peak_live;
    const size_t most = (size_t)s->group_count + s->plan.header->steps;
    if (gap < LEAST_GAIN || gap < s->peak_live / LEAST_PART || most > 16 * MOST_PIECES) return;
    piece *list = malloc(most * sizeof *list);
    const piece **placed = malloc(most * sizeof *placed);
    const uint32_t count = list && placed ? list_pieces(s, list) : UINT32_MAX;      /* without memory: as it is */
    for (int order = 0; order < 3 && count <= MOST_PIECES && s->arena_bytes > s->peak_live; order++) {
        const size_t best = s->arena_bytes - s->arena_bytes / LEAST_PART;
        for (uint32_t i = 0; i < count; i++) list[i].weight = weight_of(&list[i], order);
        const size_t top = place_all(list, count, placed, best);
        if (top != SIZE_MAX) keep(s, list, count, top);
    }
    free(list);
    free(placed);
}
