/* Which convolutions go this way, their weights, and the walk over tiles. */
#include "ops/conv/winograd.h"

#include <math.h>
#include <stdlib.h>

#include "ops/gemm/gemm_kernel.h"
#include "ops/kernels.h"

/* Tiles of a block, at most and at least: 28 to 56 are equally fast for nearly all layers. */
#define PR_BLOCK_MOST 56
#define PR_BLOCK_LEAST 24
/* Bytes of weights that no cache keeps from block to block: then fewer and larger blocks, of at most so many tiles. */
#define PR_WEIGHT_BYTES (12 << 20)
#define PR_BLOCK_LARGE 104
/* Bytes of a block's transformed numbers that should stay in the second-level cache, when that leaves tiles enough. */
#define PR_BLOCK_BYTES (384 << 10)
/* Blocks begin at a multiple of so many tiles, the rows of NEON's GEMM tile: lower tiles take the common way there. */
#if defined(__aarch64__)
#define PR_BLOCK_STEP 4
#else
#define PR_BLOCK_STEP 1
#endif
/* Tiles of a block at least when threads want more of them. */
#define PR_BLOCK_SHARED 12
/* Floats after each row of a block: without them the points of a tile are a power of two apart. */
#define PR_ROW_GAP 16

static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t row_floats(int64_t channels) { return (channels + 15) / 16 * 16 + PR_ROW_GAP; }

/* In products per pair of channels.  A number of a transformed tile costs about as much as 8 products; a weight is
 * read once per image at about the cost of 8 more, which is what counts when a small image has many channels. */
static double cost(int m, int k, int64_t c, int64_t n, int64_t rows, int64_t columns) {
    double points = m ? (m + k - 1) * (m + k - 1) : k * k, pairs = (double)c * (double)n;
    double tiles = m ? (double)quotient_up(rows, m) * (double)quotient_up(columns, m) : (double)rows * (double)columns;
    return points * (tiles * (1 + (m ? 8 * (double)(c + n) / pairs : 0)) + 8);
}

int pr_winograd_choice(const pr_conv_attrs *attrs, int64_t channels, int64_t rows, int64_t columns) {
    if (channels < 16 || attrs->outputs < 16) return 0;
    if (rows < 0) rows = 64;
    if (columns < 0) columns = 64;
    int best = 0;
    double least = 0.9 * cost(0, attrs->kernel.at[0], channels, attrs->outputs, rows, columns);
    for (int m = 2; m <= 4; m += 2) {
        double now = pr_winograd_fits(attrs, m) ? cost(m, attrs->kernel.at[0], channels, attrs->outputs, rows, columns) : INFINITY;
        if (now < least) best = m, least = now;
    }
    return best;
}

/* G: what a kernel row of k taps becomes at a point x is (1, x, x², ..) by the product of its distances from the other
 * points; the last point is at infinity.  The four points of m = 2, k = 3 leave a minus to the first row. */
static const double POINTS_4[3] = {0, 1, -1}, SHARES_4[3] = {-1, 0.5, 0.5};
static const double POINTS_6[5] = {0, 0.70710678118654752, -0.70710678118654752, 1.4142135623730951, -1.4142135623730951};
static const double SHARES_6[5] = {1, -1 / 1.5, -1 / 1.5, 1 / 6.0, 1 / 6.0};

static void to_point(int side, int p, int k, double row[5]) {
    double x = p < side - 1 ? (side == 4 ? POINTS_4 : POINTS_6)[p] : 0, power = p < side - 1 ? (side == 4 ? SHARES_4 : SHARES_6)[p] : 0;
    for (int i = 0; i < k; i++, power *= x) row[i] = power;
    if (p == side - 1) row[k - 1] = 1;
}

static float at_point(const float *w, int k, const double *row, const double *column) {
    double sum = 0;
    for (int i = 0; i < k; i++)
        for (int j = 0; j < k; j++) sum += row[i] * column[j] * (double)w[i * k + j];
    return (float)sum;
}

int64_t pr_winograd_packed_floats(const pr_gemm_kernel *gemm, int64_t channels, int64_t outputs, int m, int k) {
    int64_t point = pr_gemm_packed_floats(gemm, channels, outputs), points = (m + k - 1) * (m + k - 1);
    return point < 0 || point > PR_MAX_ELEMENTS / points ? -1 : point * points;
}

pr_status pr_winograd_pack(pr_env *env, const float *w, int64_t outputs, int64_t channels, int m, int k, float *out) {
    const pr_gemm_kernel *gemm = env->kernels->gemm;
    int64_t matrix = pr_gemm_packed_floats(gemm, channels, outputs), pairs = outputs * channels;
    const int side = m + k - 1;
    double row[5], column[5];
    float *point = malloc((size_t)pairs * sizeof *point);
    if (!point) return pr_fail(env->message, PR_NO_MEMORY, "%s: no memory to transform its weight", env->layer);
    for (int p = 0; p < side * side; p++) {
        to_point(side, p / side, k, row);
        to_point(side, p % side, k, column);
        for (int64_t i = 0; i < pairs; i++) point[i] = at_point(w + i * k * k, k, row, column);
        pr_gemm_pack_matrix(gemm, point, 1, channels, channels, outputs, out + p * matrix);
    }
    free(point);
    return PR_OK;
}

/* A convolution cut into tiles, and tiles into blocks. */
typedef struct winograd_job {
    const pr_conv *conv;
    const pr_gemm_kernel *gemm;
    const pr_winograd_kernels *kernels;
    int m, side, points;
    int64_t down, across, tiles;                    /* per image; of all images */
    int64_t block, blocks;
    int64_t u_row, m_row;                           /* floats from tile to tile */
    char *scratch;
    int64_t scratch_bytes;                          /* of one block */
} winograd_job;

static winograd_job make_job(const pr_conv *conv, int m, int threads) {
    const int side = m + conv->attrs->kernel.at[0] - 1;
    winograd_job job = {.conv = conv, .m = m, .side = side, .points = side * side};
    job.down = quotient_up(conv->axis[PR_HEIGHT].out, m);
    job.across = quotient_up(conv->axis[PR_WIDTH].out, m);
    job.tiles = conv->images * job.down * job.across;
    job.u_row = row_floats(conv->channels);
    job.m_row = row_floats(conv->attrs->outputs);
    int64_t fits = PR_BLOCK_BYTES / (job.points * (job.u_row + job.m_row) * (int64_t)sizeof(float));
    job.block = fits < PR_BLOCK_LEAST ? PR_BLOCK_LEAST : fits > PR_BLOCK_MOST ? PR_BLOCK_MOST : fits;
    if (job.points * conv->channels * conv->attrs->outputs * (int64_t)sizeof(float) > PR_WEIGHT_BYTES) job.block = PR_BLOCK_LARGE;
    if (job.tiles <= 2 * job.block) job.block = job.tiles;          /* one block: its parts run side by side instead */
    job.blocks = quotient_up(job.tiles, job.block);
    if (job.blocks > 1) job.blocks = quotient_up(job.blocks, threads) * threads;
    if (job.tiles / job.blocks < PR_BLOCK_SHARED) job.blocks = 1;
    job.block = quotient_up(quotient_up(job.tiles, PR_BLOCK_STEP), job.blocks) * PR_BLOCK_STEP;
    job.scratch_bytes = job.points * job.block * (job.u_row + job.m_row) * (int64_t)sizeof(float);
    return job;
}

int64_t pr_winograd_scratch(const pr_conv *conv, int m, int threads) {
    if (conv->channels > PR_MAX_ELEMENTS >> 12) return -1;
    winograd_job job = make_job(conv, m, threads);
    return job.scratch_bytes * (job.blocks > 1 ? threads : 1);
}

static void place(const winograd_job *job, int64_t tile, int64_t *image, int64_t *row, int64_t *column) {
    *image = tile / (job->down * job->across);
    *row = tile / job->across % job->down * job->m;
    *column = tile % job->across * job->m;
}

/* Cells first..first+side-1 of an axis of `size` cells: which of them exist. */
static void clip(int64_t first, int side, int64_t size, int out[2]) {
    out[0] = first < 0 ? (int)(-first < side ? -first : side) : 0;
    out[1] = first + side > size ? (int)(size - first > out[0] ? size - first : out[0]) : side;
}

static void tiles_in(const winograd_job *job, float *u, int64_t first, int64_t from, int64_t to) {
    const pr_conv *conv = job->conv;
    pr_winograd_in t = {.line = conv->axis[PR_WIDTH].size * conv->channels, .channels = conv->channels, .stride = job->block * job->u_row};
    for (int64_t i = from; i < to; i++) {
        int64_t n, r, c;
        place(job, first + i, &n, &r, &c);
        r -= conv->axis[PR_HEIGHT].before, c -= conv->axis[PR_WIDTH].before;
        clip(r, job->side, conv->axis[PR_HEIGHT].size, t.rows);
        clip(c, job->side, conv->axis[PR_WIDTH].size, t.columns);
        t.image = conv->x + n * conv->axis[PR_HEIGHT].size * t.line;
        t.at = r * t.line + c * conv->channels;
        t.u = u + i * job->u_row;
        job->kernels->input[job->side == 6](&t);
    }
}

static void products(const winograd_job *job, const float *u, float *m, int64_t count, int64_t from, int64_t to) {
    int64_t c = job->conv->channels, n = job->conv->attrs->outputs, matrix = pr_gemm_packed_floats(job->gemm, c, n);
    for (int64_t p = from; p < to; p++) {
        pr_gemm_args g = {.a = u + p * job->block * job->u_row, .b = job->conv->w + p * matrix, .c = m + p * job->block * job->m_row,
                          .lines = 1, .pixels = count, .columns = n, .a_pixel = job->u_row, .c_pixel = job->m_row, .k = c,
                          .segments = 1, .activation = {1, -INFINITY, INFINITY}, .in_order = job->blocks > 1};
        pr_gemm_multiply(job->gemm, NULL, &g);
    }
}

static void tiles_out(const winograd_job *job, const float *m, int64_t first, int64_t from, int64_t to) {
    const pr_conv *conv = job->conv;
    int64_t n = conv->y_pixel;
    pr_winograd_out t = {.stride = job->block * job->m_row, .channels = conv->attrs->outputs, .bias = conv->bias,
                         .line = conv->axis[PR_WIDTH].out * n, .pixel = n,
                         .activation = &conv->attrs->activation};
    for (int64_t i = from; i < to; i++) {
        int64_t image, r, c;
        place(job, first + i, &image, &r, &c);
        ptrdiff_t at = ((image * conv->axis[PR_HEIGHT].out + r) * conv->axis[PR_WIDTH].out + c) * n;
        t.products = m + i * job->m_row;
        t.y = conv->y + at;
        t.residual = conv->residual ? conv->residual + at : NULL;
        t.rows = (int)(conv->axis[PR_HEIGHT].out - r < job->m ? conv->axis[PR_HEIGHT].out - r : job->m);
        t.columns = (int)(conv->axis[PR_WIDTH].out - c < job->m ? conv->axis[PR_WIDTH].out - c : job->m);
        job->kernels->output[job->side == 4 ? 0 : job->m == 4 ? 1 : 2](&t);
    }
}

static float *u_of(const winograd_job *job, int worker) { return (float *)(void *)(job->scratch + worker * job->scratch_bytes); }
static float *m_of(const winograd_job *job, int worker) { return u_of(job, worker) + job->points * job->block * job->u_row; }

static void whole_blocks(void *arg, int64_t begin, int64_t end, int worker) {
    const winograd_job *job = arg;
    const int64_t steps = quotient_up(job->tiles, PR_BLOCK_STEP);
    for (int64_t b = begin; b < end; b++) {
        const int64_t first = b * steps / job->blocks * PR_BLOCK_STEP, behind = (b + 1) * steps / job->blocks * PR_BLOCK_STEP;
        const int64_t count = (behind < job->tiles ? behind : job->tiles) - first;
        tiles_in(job, u_of(job, worker), first, 0, count);
        products(job, u_of(job, worker), m_of(job, worker), count, 0, job->points);
        tiles_out(job, m_of(job, worker), first, 0, count);
    }
}

static void some_in(void *arg, int64_t begin, int64_t end, int worker) {
    (void)worker;
    tiles_in(arg, u_of(arg, 0), 0, begin, end);
}
static void some_products(void *arg, int64_t begin, int64_t end, int worker) {
    const winograd_job *job = arg;
    (void)worker;
    products(job, u_of(job, 0), m_of(job, 0), job->tiles, begin, end);
}
static void some_out(void *arg, int64_t begin, int64_t end, int worker) {
    (void)worker;
    tiles_out(arg, m_of(arg, 0), 0, begin, end);
}

void pr_winograd(const pr_conv *conv, const pr_gemm_kernel *gemm, const pr_winograd_kernels *kernels, pr_pool *pool,
                 void *scratch) {
    winograd_job job = make_job(conv, pr_winograd_m(conv->attrs->layout), pr_pool_threads(pool));
    job.gemm = gemm, job.kernels = kernels, job.scratch = scratch;
    if (job.blocks > 1) {
        pr_for(pool, job.blocks, 1, whole_blocks, &job);
        return;
    }
    pr_for(pool, job.tiles, 8, some_in, &job);
    pr_for(pool, job.points, 1, some_products, &job);
    pr_for(pool, job.tiles, 8, some_out, &job);
}
