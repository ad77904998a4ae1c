/* Which tile when: rows are cut into equal strips, columns into the panels of the packed matrix. */
#include "ops/gemm/gemm_kernel.h"
#include "ops/gemm/gemm.h"

/* Bytes of A that stay in the second-level cache while the panels of B go by; bytes of B that stay there themselves, so that
 * each block of A is read once; and of A that then stay in the first-level cache.  Boards have 256 KiB and up for a core. */
#define PR_A_BLOCK (192 << 10)
#define PR_B_SMALL (192 << 10)
#define PR_A_NEAR (16 << 10)
/* Multiply-adds below which another thread does not pay. */
#define PR_WORTH (64 << 10)
/* Work items of each thread at least, where the product has as many, and chunks of them at most: at the end, one thread waits for
 * another's chunk. */
#define PR_ITEMS 16
#define PR_CHUNKS 32
/* Floats of a line of cache: more per depth is not read ahead. */
#define PR_LINE 16

/* Work item t = rows block t / column_parts, columns part t % column_parts.  A rows block is a piece of a line, or
 * whole lines where they are short. */
typedef struct pr_cut {
    const pr_gemm_kernel *kernel;
    pr_gemm_args g;
    int64_t all_lines, pixels;              /* as in g, or one line of all pixels where strips straddle the image's lines */
    int64_t pieces, lines;                  /* pieces per line; lines per block (1 where pieces > 1) */
    int64_t vectors, first, panels;         /* first: vectors of the first panel */
    int64_t column_parts;
    bool small_b, straddles;
} pr_cut;

/* Lines line..end-1, pixels from..to-1. */
typedef struct pr_rows { int64_t line, end, from, to; } pr_rows;

static int64_t pr_at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t pr_at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t pr_quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t pr_high(const pr_cut *cut, int64_t wide) {
    return cut->straddles ? pr_at_most(cut->kernel->rows[wide], PR_GEMM_STRADDLE) : cut->kernel->rows[wide];
}

/* Vectors before panel i, and in it. */
static int64_t pr_before(const pr_cut *cut, int64_t i) { return i ? cut->first + (i - 1) * cut->kernel->panel : 0; }
static int64_t pr_wide(const pr_cut *cut, int64_t i) { return i ? cut->kernel->panel : cut->first; }

/* How many of so many pixels a stack of full tiles takes, where the kernel has one; a rest is left with the last of the
 * tiles, to be shared evenly. */
static int64_t pr_stacked(const pr_cut *cut, int64_t wide, int lanes, int64_t pixels) {
    int64_t high = cut->kernel->rows[wide];
    if (!cut->kernel->stack || cut->straddles || wide != cut->kernel->panel || lanes != cut->kernel->lanes) return 0;
    return pixels % high && pixels > high ? (pixels / high - 1) * high : pixels / high * high;
}

/* Panel i with the block's rows.  On the way the tiles read what lies at `ahead` into the second-level cache, g.ahead_step
 * floats per depth, so that it arrives evenly.  Returns how far they came. */
static const float *pr_strips(const pr_cut *cut, const pr_gemm_args *g, const pr_rows *r, int64_t i, const float *panel,
                              const float *ahead) {
    int64_t wide = pr_wide(cut, i), column = pr_before(cut, i) * cut->kernel->lanes, pixels = r->to - r->from;
    int lanes = (int)pr_at_most(cut->kernel->lanes, g->columns - column - (wide - 1) * cut->kernel->lanes);
    int64_t stacked = pr_stacked(cut, wide, lanes, pixels), rest = pixels - stacked;
    int64_t strips = pr_quotient_up(rest, pr_high(cut, wide)), low = rest / pr_at_least(strips, 1), higher = rest - low * strips;
    int64_t left = PR_NO_LINE, further = g->segments * g->k * g->ahead_step;
    const float *bias = g->bias ? g->bias + column : NULL;
    for (int64_t y = r->line; y < r->end; y++) {
        if (stacked) {
            ptrdiff_t at = y * g->c_line + r->from * g->c_pixel + column;
            cut->kernel->stack(g, g->a + y * g->a_line + r->from * g->a_pixel, panel, bias, g->residual ? g->residual + at : NULL,
                               g->c + at, stacked / cut->kernel->rows[wide]);
        }
        for (int64_t s = 0, x = r->from + stacked, rows; s < strips; s++, x += rows, ahead += further) {
            rows = low + (s < higher);
            const float *a = g->a + y * g->a_line + x * g->a_pixel;
            if (cut->straddles) {
                a = g->a + x / g->pixels * g->a_line + x % g->pixels * g->a_pixel;
                left = g->pixels - x % g->pixels;
            }
            ptrdiff_t at = y * g->c_line + x * g->c_pixel + column;
            (*cut->kernel->tiles)[wide][rows](g, a, panel, bias, g->residual ? g->residual + at : NULL, g->c + at, lanes, left,
                                              ahead);
        }
    }
    return ahead;
}

/* Panel i: in memory, or expanded into this thread's room. */
static const float *pr_panel_at(const pr_cut *cut, int64_t i, int worker) {
    const pr_gemm_args *g = &cut->g;
    int64_t depth = g->segments * g->k, first = pr_before(cut, i) * cut->kernel->lanes;
    if (!g->codes) return g->b + first * depth;
    const pr_codes *c = g->codes;
    float *room = c->room + worker * pr_codes_room(cut->kernel, depth);
    c->kernels->panel[c->form](c->bytes + pr_codes_offset(c->form, first * depth), c->bias ? c->scale + first : c->scale,
                               c->bias ? c->bias + first : NULL, depth, pr_wide(cut, i) * cut->kernel->lanes, room);
    return room;
}

/* Adds depths from .. from + depth - 1 of each of `parts` parts of a compressed panel to its sums. */
static void pr_code_piece(const pr_cut *cut, int64_t i, int64_t from, int64_t depth, int64_t part, int parts, float *room,
                          float *sums) {
    const pr_gemm_args *g = &cut->g;
    const pr_codes *c = g->codes;
    int64_t n = pr_wide(cut, i) * cut->kernel->lanes, first = pr_before(cut, i) * cut->kernel->lanes;
    for (int q = 0; q < parts; q++)
        c->kernels->panel[c->form](c->bytes + pr_codes_offset(c->form, first * g->k + (from + q * part) * n),
                                   c->bias ? c->scale + first : c->scale, c->bias ? c->bias + first : NULL, depth, n,
                                   room + q * depth * n);
    c->kernels->row_sums(g->a + g->segment[0] + from, part, room, depth, n, parts, sums);
}

/* One row of a compressed B: expanded in pieces that do not leave the first-level cache.  The tile, at a depth of 0, only
 * finishes the sums. */
static void pr_code_row(const pr_cut *cut, int64_t i, int worker) {
    const pr_gemm_args *g = &cut->g;
    const pr_codes *c = g->codes;
    int64_t wide = pr_wide(cut, i), n = wide * cut->kernel->lanes, first = pr_before(cut, i) * cut->kernel->lanes;
    int64_t parts = c->kernels->split, part = g->k / parts, most = PR_CODES_PIECE / n / parts;
    int64_t real = pr_at_most(n, g->columns - first);
    float *room = c->room + worker * pr_codes_room(cut->kernel, g->k), sums[PR_CODES_SPLIT * PR_GEMM_VECTORS * 16] = {0};
    for (int64_t j = 0; g->bias && j < real; j++) sums[j] = g->bias[first + j];
    for (int64_t p = 0; p < part; p += most) pr_code_piece(cut, i, p, pr_at_most(most, part - p), part, (int)parts, room, sums);
    if (part * parts < g->k) pr_code_piece(cut, i, part * parts, g->k - part * parts, 0, 1, room, sums);
    if (parts == PR_CODES_SPLIT)
        for (int64_t j = 0; j < n; j++) sums[j] = (sums[j] + sums[n + j]) + (sums[2 * n + j] + sums[3 * n + j]);
    pr_gemm_args end = *g;
    end.segments = end.k = 0;
    int lanes = (int)pr_at_most(cut->kernel->lanes, g->columns - first - (wide - 1) * cut->kernel->lanes);
    (*cut->kernel->tiles)[wide][1](&end, g->a, room, sums, g->residual ? g->residual + first : NULL, g->c + first, lanes, PR_NO_LINE, room);
}

/* The panels begin..end-1 of a B that stays in cache; what is read ahead is the next block of A. */
static void pr_block_near(const pr_cut *cut, const pr_rows *r, int64_t begin, int64_t end, int worker) {
    pr_gemm_args g = cut->g;
    int64_t lines = r->end - r->line, strips = pr_quotient_up(r->to - r->from, pr_high(cut, cut->kernel->panel));
    int64_t floats = lines > 1 ? lines * g.a_line : (r->to - r->from) * g.a_pixel;
    int64_t depths = (end - begin) * lines * strips * g.segments * g.k;
    const float *ahead = g.a + r->line * g.a_line + r->from * g.a_pixel + floats;
    g.ahead_step = pr_at_most(PR_LINE, pr_quotient_up(floats, pr_at_least(depths, 1)));
    for (int64_t i = begin; i < end; i++) ahead = pr_strips(cut, &g, r, i, pr_panel_at(cut, i, worker), ahead);
}

/* The same while B goes by: the next panel, or the first one for the next block.  The items of a thread follow one another. */
static void pr_block_far(const pr_cut *cut, const pr_rows *r, int64_t begin, int64_t end, int worker) {
    pr_gemm_args g = cut->g;
    int64_t depth = g.segments * g.k;
    for (int64_t i = begin; i < end; i++) {
        if (g.codes && g.segments == 1 && cut->all_lines * cut->pixels == 1) {
            pr_code_row(cut, i, worker);
            continue;
        }
        const float *panel = pr_panel_at(cut, i, worker);
        const float *next = g.codes ? panel : g.b + pr_before(cut, (i + 1) % cut->panels) * cut->kernel->lanes * depth;
        int64_t wide = pr_wide(cut, i), strips = (r->end - r->line) * pr_quotient_up(r->to - r->from, pr_high(cut, wide));
        g.ahead_step = pr_at_most(PR_LINE, pr_quotient_up(wide * cut->kernel->lanes, strips));
        pr_strips(cut, &g, r, i, panel, next);
    }
}

static void pr_block(const pr_cut *cut, int64_t block, int64_t part, int worker) {
    int64_t line = block / cut->pieces * cut->lines, piece = block % cut->pieces;
    pr_rows r = {line, pr_at_most(line + cut->lines, cut->all_lines),
                 cut->pixels * piece / cut->pieces, cut->pixels * (piece + 1) / cut->pieces};
    int64_t begin = cut->panels * part / cut->column_parts, end = cut->panels * (part + 1) / cut->column_parts;
    (cut->small_b ? pr_block_near : pr_block_far)(cut, &r, begin, end, worker);
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

/* Blocks of rows: as much of A as stays in cache; neighbouring rows of a convolution share most of their numbers. */
static void pr_cut_rows(pr_cut *cut, int64_t depth, int64_t high, int64_t threads) {
    const pr_gemm_args *g = &cut->g;
    int64_t distinct = g->lines > 1 ? g->a_line : pr_at_most(g->a_pixel, depth) * g->pixels;
    int64_t floats = (cut->small_b ? PR_A_NEAR : PR_A_BLOCK) / (int64_t)sizeof(float);
    int64_t rows = pr_at_least((cut->small_b ? 2 : 4) * high, floats * g->pixels / pr_at_least(distinct, 1));
    cut->pieces = pr_quotient_up(cut->pixels, rows / high * high);
    if (cut->all_lines == 1 && cut->pixels >= 4 * high * threads) cut->pieces = pr_quotient_up(cut->pieces, threads) * threads;
    cut->lines = cut->pieces > 1 ? 1 : pr_at_least(1, rows / cut->pixels);
    int64_t blocks = pr_quotient_up(cut->all_lines, cut->lines);
    if (cut->all_lines >= 2 * threads) blocks = pr_quotient_up(blocks, threads) * threads;
    cut->lines = pr_quotient_up(cut->all_lines, blocks);                                        /* of one size */
}

/* Where rows alone give too few items, columns are cut too. */
static int64_t pr_column_parts(int64_t blocks, int64_t panels, int64_t threads) {
    return threads == 1 ? 1 : pr_at_most(pr_quotient_up(PR_ITEMS * threads, blocks), panels);
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
    g->few = !g->in_order && g->lines * g->pixels <= PR_GEMM_FEW;
    int64_t depth = g->segments * g->k, high = kernel->rows[kernel->panel];
    cut.vectors = pr_quotient_up(g->columns, kernel->lanes);
    cut.small_b = !g->codes && cut.vectors * kernel->lanes * depth * (int64_t)sizeof(float) <= PR_B_SMALL;
    cut.straddles = pr_straddles(g, high);
    cut.all_lines = cut.straddles ? 1 : g->lines;
    cut.pixels = cut.straddles ? g->lines * g->pixels : g->pixels;
    pr_cut_rows(&cut, depth, high, pr_pool_threads(pool));

    cut.first = pr_gemm_panel(kernel, cut.vectors, 0);
    cut.panels = 1 + (cut.vectors - cut.first) / kernel->panel;
    int64_t blocks = pr_quotient_up(cut.all_lines, cut.lines) * cut.pieces;
    cut.column_parts = pr_column_parts(blocks, cut.panels, pr_pool_threads(pool));
    int64_t items = blocks * cut.column_parts;
    int64_t work = pr_quotient_up(g->lines * g->pixels, items) * g->columns * pr_at_least(depth, 1);
    int64_t some = items / (PR_CHUNKS * pr_pool_threads(pool));
    pr_for(pool, items, pr_at_least(some, pr_quotient_up(PR_WORTH, pr_at_least(work, 1))), pr_items, &cut);
}
