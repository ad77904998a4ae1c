/* Which tile when: rows are cut into equal strips, columns into the panels of the packed matrix. */
#include "ops/gemm/gemm_kernel.h"
#include "ops/gemm/gemm.h"

/* Bytes of A that stay in the second-level cache while the panels of B go by, and bytes of B that stay there
 * themselves, so that each strip of A is read once.  Boards have 256 KiB and up for a core. */
#define PR_A_BLOCK (128 << 10)
#define PR_B_SMALL (192 << 10)
/* Multiply-adds below which another thread does not pay. */
#define PR_WORTH (64 << 10)

/* Work item t = rows block t / column_parts, columns part t % column_parts.  A rows block is a piece of a line, or
 * whole lines where they are short. */
typedef struct pr_cut {
    const pr_gemm_kernel *kernel;
    pr_gemm_args g;
    int64_t all_lines, pixels;              /* as in g, or one line of all pixels where strips straddle the image's lines */
    int64_t pieces, lines;                  /* pieces per line; lines per block (1 where pieces > 1) */
    int64_t column_parts, vectors;
    bool small_b, straddles;
} pr_cut;

static int64_t pr_at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t pr_at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t pr_quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* The full tiles among pixels from..to-1 of line y, where the kernel has a form for many; a rest is left with the last of
 * them, to be shared evenly.  Returns the first pixel that is not done. */
static int64_t pr_stack_tiles(const pr_cut *cut, int64_t y, int64_t from, int64_t to, int64_t wide, const float *panel, int64_t column) {
    const pr_gemm_args *g = &cut->g;
    int64_t high = cut->kernel->rows[wide], tiles = (to - from) / high;
    bool whole = wide == cut->kernel->panel && column + wide * cut->kernel->lanes <= g->columns;
    if (!cut->kernel->stack || cut->straddles || !whole) return from;
    if ((to - from) % high) tiles--;
    if (tiles < 1) return from;
    ptrdiff_t at = y * g->c_line + from * g->c_pixel + column;
    cut->kernel->stack(g, g->a + y * g->a_line + from * g->a_pixel, panel, g->bias ? g->bias + column : NULL,
                     g->residual ? g->residual + at : NULL, g->c + at, tiles);
    return from + tiles * high;
}

/* Pixels from..to-1 of line y with one panel. */
static void pr_strips(const pr_cut *cut, int64_t y, int64_t from, int64_t to, int64_t wide, const float *panel,
                      int64_t column, const float *next) {
    const pr_gemm_args *g = &cut->g;
    const pr_gemm_kernel *kernel = cut->kernel;
    int64_t high = cut->straddles ? pr_at_most(kernel->rows[wide], PR_GEMM_STRADDLE) : kernel->rows[wide];
    from = pr_stack_tiles(cut, y, from, to, wide, panel, column);
    if (from == to) return;
    int64_t depth = g->segments * g->k, strips = pr_quotient_up(to - from, high);
    int lanes = (int)pr_at_most(kernel->lanes, g->columns - column - (wide - 1) * kernel->lanes);
    for (int64_t s = 0, x = from, rows; s < strips; s++, x += rows) {
        rows = pr_quotient_up(to - x, strips - s);
        const float *a = g->a + y * g->a_line + x * g->a_pixel;
        int64_t left = PR_NO_LINE;
        if (cut->straddles) {
            a = g->a + x / g->pixels * g->a_line + x % g->pixels * g->a_pixel;
            left = g->pixels - x % g->pixels;
        }
        ptrdiff_t at = y * g->c_line + x * g->c_pixel + column;
        /* The next strip of A, or (one line of cache a depth, so several strips share it) the next panel of B. */
        const float *ahead = cut->small_b ? a + rows * g->a_pixel
            : s * 16 < wide * kernel->lanes ? next + s * depth * 16 : panel;
        (*kernel->tiles)[wide][rows](g, a, panel, g->bias ? g->bias + column : NULL,
                                     g->residual ? g->residual + at : NULL, g->c + at, lanes, left, ahead);
    }
}

/* The panel at `done` vectors: in memory, or expanded into this thread's room. */
static const float *pr_panel_at(const pr_cut *cut, int64_t done, int64_t wide, int worker) {
    const pr_gemm_args *g = &cut->g;
    int64_t depth = g->segments * g->k, first = done * cut->kernel->lanes;
    if (!g->codes) return g->b + first * depth;
    const pr_codes *c = g->codes;
    float *room = c->room + worker * pr_codes_room(cut->kernel, depth);
    c->kernels->panel[c->form](c->bytes + pr_codes_offset(c->form, first * depth), c->bias ? c->scale + first : c->scale,
                               c->bias ? c->bias + first : NULL, depth, wide * cut->kernel->lanes, room);
    return room;
}

/* One row of a compressed B: expanded in pieces that do not leave the first-level cache.  The tile, at a depth of 0, only
 * finishes the sums. */
static void pr_code_row(const pr_cut *cut, int64_t done, int64_t wide, int worker) {
    const pr_gemm_args *g = &cut->g;
    const pr_codes *c = g->codes;
    int64_t n = wide * cut->kernel->lanes, first = done * cut->kernel->lanes, real = pr_at_most(n, g->columns - first);
    float *room = c->room + worker * pr_codes_room(cut->kernel, g->k), sums[PR_CODES_SPLIT * PR_GEMM_VECTORS * 16] = {0};
    for (int64_t j = 0; g->bias && j < real; j++) sums[j] = g->bias[first + j];
    for (int64_t p = 0, depth; p < g->k; p += depth) {
        depth = pr_at_most(PR_CODES_PIECE / n / PR_CODES_SPLIT * PR_CODES_SPLIT, g->k - p);
        c->kernels->panel[c->form](c->bytes + pr_codes_offset(c->form, first * g->k + p * n), c->bias ? c->scale + first : c->scale,
                                   c->bias ? c->bias + first : NULL, depth, n, room);
        c->kernels->row_sums(g->a + g->segment[0] + p, room, depth, n, sums);
    }
    if (c->kernels->split == PR_CODES_SPLIT)
        for (int64_t j = 0; j < n; j++) sums[j] = (sums[j] + sums[n + j]) + (sums[2 * n + j] + sums[3 * n + j]);
    pr_gemm_args end = *g;
    end.segments = end.k = 0;
    int lanes = (int)pr_at_most(cut->kernel->lanes, g->columns - first - (wide - 1) * cut->kernel->lanes);
    (*cut->kernel->tiles)[wide][1](&end, g->a, room, sums, g->residual ? g->residual + first : NULL, g->c + first, lanes, PR_NO_LINE, room);
}

static void pr_block(const pr_cut *cut, int64_t block, int64_t part, int worker) {
    const pr_gemm_args *g = &cut->g;
    const pr_gemm_kernel *kernel = cut->kernel;
    int64_t line = block / cut->pieces * cut->lines, piece = block % cut->pieces;
    int64_t end = pr_at_most(line + cut->lines, cut->all_lines);
    int64_t from = cut->pixels * piece / cut->pieces, to = cut->pixels * (piece + 1) / cut->pieces;
    int64_t depth = g->segments * g->k;
    for (int64_t done = 0, wide; done < cut->vectors; done += wide) {
        wide = pr_gemm_panel(kernel, cut->vectors, done);
        if (done * cut->column_parts / cut->vectors != part) continue;
        if (g->codes && g->segments == 1 && cut->all_lines * cut->pixels == 1) {
            pr_code_row(cut, done, wide, worker);
            continue;
        }
        const float *panel = pr_panel_at(cut, done, wide, worker);
        const float *next = !g->codes && done + wide < cut->vectors ? panel + wide * kernel->lanes * depth : panel;
        for (int64_t y = line; y < end; y++) pr_strips(cut, y, from, to, wide, panel, done * kernel->lanes, next);
    }
}

static void pr_items(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_cut *cut = arg;
    for (int64_t t = begin; t < end; t++) pr_block(cut, t / cut->column_parts, t % cut->column_parts, worker);
}

/* Lines so short that their strips would be low tiles: better to let strips run on into the next line. */
static bool pr_straddles(const pr_gemm_args *g, int64_t high) {
    int64_t low = g->pixels / pr_quotient_up(g->pixels, high);
    return g->lines > 1 && low < 4 && g->c_line == g->pixels * g->c_pixel;
}

/* Blocks of rows: with a B that stays in cache, two strips; else as much of A as stays there while B goes by. */
static void pr_cut_rows(pr_cut *cut, int64_t depth, int64_t high) {
    const pr_gemm_args *g = &cut->g;
    int64_t rows = 2 * high;
    if (!cut->small_b) {                    /* neighbouring rows of a convolution share most of their numbers */
        int64_t distinct = g->lines > 1 ? g->a_line : pr_at_most(g->a_pixel, depth) * g->pixels;
        rows = pr_at_least(4 * high, PR_A_BLOCK / (int64_t)sizeof(float) * g->pixels / pr_at_least(distinct, 1));
    }
    cut->pieces = pr_quotient_up(cut->pixels, rows / high * high);
    cut->lines = cut->pieces > 1 ? 1 : pr_at_least(1, rows / cut->pixels);
    cut->lines = pr_quotient_up(cut->all_lines, pr_quotient_up(cut->all_lines, cut->lines));    /* of one size */
}

void pr_gemm_multiply(const pr_gemm_kernel *kernel, pr_pool *pool, const pr_gemm_args *args) {
    static const ptrdiff_t zero = 0;
    pr_cut cut = {.kernel = kernel, .g = *args};
    pr_gemm_args *g = &cut.g;
    if (g->lines <= 0 || g->pixels <= 0 || g->columns <= 0) return;
    if (!g->segment) {
        g->segment = &zero;
        g->segments = 1;
    }
    int64_t depth = g->segments * g->k, high = kernel->rows[kernel->panel];
    cut.vectors = pr_quotient_up(g->columns, kernel->lanes);
    cut.small_b = !g->codes && cut.vectors * kernel->lanes * depth * (int64_t)sizeof(float) <= PR_B_SMALL;
    cut.straddles = pr_straddles(g, high);
    cut.all_lines = cut.straddles ? 1 : g->lines;
    cut.pixels = cut.straddles ? g->lines * g->pixels : g->pixels;
    pr_cut_rows(&cut, depth, high);

    int64_t blocks = pr_quotient_up(cut.all_lines, cut.lines) * cut.pieces, wanted = 4 * pr_pool_threads(pool);
    int64_t panels = pr_quotient_up(cut.vectors, kernel->panel);
    cut.column_parts = pool && blocks < wanted ? pr_at_most(pr_quotient_up(wanted, blocks), panels) : 1;
    int64_t items = blocks * cut.column_parts;
    int64_t work = pr_quotient_up(g->lines * g->pixels, items) * g->columns * pr_at_least(depth, 1);
    pr_for(pool, items, pr_quotient_up(PR_WORTH, pr_at_least(work, 1)), pr_items, &cut);
}
