/* Convolution with a handful of outputs.  A tile computes whole vectors, so three outputs would leave most lanes idle.
 * Here the columns of the product are the outputs of every tap of a kernel row, and its depth is the kernel's height times
 * the channels only; then each output adds up what the taps of its row found at neighbouring pixels:
 *
 *   found[v][q][o] = sum over p, c of x[i*sh + p*dh - top][v][c] * w[o][c][p][q]      y[i][j][o] = sum over q of found[j + q - left][q][o]
 *
 * Nothing is copied for the padding: columns outside the image have nothing to add, rows outside are one row of zeros. */
#include "base/vec_ref.h"
#include "ops/activation_vec.h"
#include "ops/conv/conv_kernel.h"
#include "ops/gemm/gemm_kernel.h"

/* Bytes of found numbers that stay in the second-level cache until they are added up. */
#define PR_FOUND_BYTES (128 << 10)
/* Depth of the product from which adding up counts for little. */
#define PR_FEW_DEPTH 32

static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

bool pr_few_fits(const pr_conv_attrs *attrs) {
    return attrs->kernel.count == 2 && attrs->groups == 1 && !attrs->transposed && attrs->strides.at[1] == 1 && attrs->dilations.at[1] == 1 &&
           attrs->kernel.at[1] > 1 && attrs->kernel.at[1] <= 64 && attrs->outputs <= 64;
}

bool pr_few_pays(const pr_gemm_kernel *gemm, const pr_conv_attrs *attrs, int64_t channels) {
    if (!pr_few_fits(attrs) || channels * attrs->kernel.at[0] < PR_FEW_DEPTH) return false;
    int64_t taps = attrs->kernel.at[1], together = quotient_up(taps * attrs->outputs, gemm->lanes);
    return 4 * together <= 3 * taps * quotient_up(attrs->outputs, gemm->lanes);
}

int64_t pr_few_packed_floats(const pr_gemm_kernel *gemm, const pr_conv_attrs *attrs, int64_t channels) {
    if (channels > PR_MAX_ELEMENTS / attrs->kernel.at[0]) return -1;
    return pr_gemm_packed_floats(gemm, channels * attrs->kernel.at[0], (int64_t)attrs->kernel.at[1] * attrs->outputs);
}

/* w (O, C, KH, KW) -> the matrix (KH, C), (KW, O).  Columns in the order taps, outputs are no one stride apart: room holds
 * the weight turned around, KH * C * KW * O floats. */
void pr_few_pack(const pr_gemm_kernel *gemm, const pr_conv_attrs *attrs, const float *w, int64_t channels, float *room, float *out) {
    const int64_t kh = attrs->kernel.at[0], kw = attrs->kernel.at[1], outputs = attrs->outputs, columns = kw * outputs;
    for (int64_t p = 0; p < kh; p++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t q = 0; q < kw; q++)
                for (int64_t o = 0; o < outputs; o++)
                    room[((p * channels + c) * kw + q) * outputs + o] = w[((o * channels + c) * kh + p) * kw + q];
    pr_gemm_pack_matrix(gemm, room, columns, 1, kh * channels, columns, out);
}

typedef struct few_job {
    const pr_conv *conv;
    const pr_gemm_kernel *gemm;
    int64_t rows, blocks, columns;          /* output rows of a block; blocks of an image; KW * O */
    int64_t found_floats, segment_floats;   /* of one thread; scratch is zeros, then for each thread its segments, its found */
    float *zeros, *room;
} few_job;

static few_job job_of(const pr_conv *conv) {
    const pr_axis *h = &conv->axis[PR_HEIGHT], *v = &conv->axis[PR_WIDTH];
    few_job job = {.conv = conv, .columns = v->kernel * conv->attrs->outputs};
    int64_t row = v->size * job.columns;
    job.rows = at_most(at_least(PR_FOUND_BYTES / (int64_t)sizeof(float) / row, 1), h->out);
    job.blocks = quotient_up(h->out, job.rows);
    job.rows = quotient_up(h->out, job.blocks);
    job.found_floats = quotient_up(job.rows * row + PR_VL, 16) * 16;
    job.segment_floats = quotient_up(h->kernel * (int64_t)sizeof(ptrdiff_t), 64) * 16;
    return job;
}

static int64_t zero_floats(const pr_conv *conv) { return quotient_up(conv->axis[PR_WIDTH].size * conv->channels, 16) * 16; }

int64_t pr_few_scratch(const pr_conv *conv, int threads) {
    const pr_view row = {.rank = 3, .shape = {conv->axis[PR_WIDTH].size, conv->channels, conv->axis[PR_WIDTH].kernel * conv->attrs->outputs}};
    if (pr_view_count(&row) < 0) return -1;
    few_job job = job_of(conv);
    return (zero_floats(conv) + threads * (job.segment_floats + job.found_floats)) * (int64_t)sizeof(float);
}

/* Output rows from..to-1 of the image at x; all their windows lie inside the image, or there is one row. */
static void find(const few_job *job, const float *x, int64_t from, int64_t to, ptrdiff_t *segment, float *found) {
    const pr_conv *conv = job->conv;
    const pr_axis *h = &conv->axis[PR_HEIGHT], *v = &conv->axis[PR_WIDTH];
    const int64_t line = v->size * conv->channels;
    for (int64_t p = 0; p < h->kernel; p++) {
        int64_t cell = pr_origin(h, from) + p * h->dilation;
        const float *row = cell < 0 || cell >= h->size ? job->zeros : x + cell * line;
        segment[p] = (ptrdiff_t)((intptr_t)row - (intptr_t)x) / (ptrdiff_t)sizeof(float);
    }
    const pr_gemm_args g = {.a = x, .b = conv->w, .c = found, .lines = to - from, .pixels = v->size, .columns = job->columns,
                            .a_line = h->stride * line, .a_pixel = conv->channels, .c_line = v->size * job->columns, .c_pixel = job->columns,
                            .segment = segment, .segments = h->kernel, .k = conv->channels, .activation = PR_NO_ACTIVATION};
    pr_gemm_multiply(job->gemm, NULL, &g);
}

PR_INLINE vf some(const float *p, int n) { return n == PR_VL ? vf_load(p) : vf_load_n(p, n); }

/* One row of outputs: found (width, KW, O) -> y (out, O), pixels y_pixel apart. */
static void add_up(const few_job *job, const float *found, const float *residual, float *y) {
    const pr_axis *v = &job->conv->axis[PR_WIDTH];
    const int64_t outputs = job->conv->attrs->outputs, step = job->columns + outputs, pixel = job->conv->y_pixel;
    const vf_activation act = vf_activation_of(&job->conv->attrs->activation);
    for (int64_t o = 0; o < outputs; o += PR_VL) {
        const int lanes = outputs - o < PR_VL ? (int)(outputs - o) : PR_VL;
        const vf bias = job->conv->bias ? some(job->conv->bias + o, lanes) : vf_zero();
        for (int64_t j = 0; j < v->out; j++) {
            const int64_t first = j - v->before, from = first < 0 ? -first : 0, to = at_most(v->kernel, v->size - first);
            const float *at = found + first * job->columns + from * step + o;
            vf sum = bias;
            for (int64_t q = from; q < to; q++, at += step) sum = vf_add(sum, vf_load(at));     /* PR_VL floats follow the last one */
            if (residual) sum = vf_add(sum, some(residual + j * pixel + o, lanes));
            vf_store_n(y + j * pixel + o, vf_activate(sum, act), lanes);
        }
    }
}

static bool is_inside(const pr_axis *h, int64_t row) { return pr_origin(h, row) >= 0 && pr_origin(h, row) + pr_span(h) <= h->size; }

static void some_blocks(void *arg, int64_t begin, int64_t end, int worker) {
    const few_job *job = arg;
    const pr_conv *conv = job->conv;
    const pr_axis *h = &conv->axis[PR_HEIGHT], *v = &conv->axis[PR_WIDTH];
    float *room = job->room + worker * (job->segment_floats + job->found_floats), *found = room + job->segment_floats;
    ptrdiff_t *segment = (ptrdiff_t *)(void *)room;
    for (int64_t t = begin; t < end; t++) {
        const int64_t image = t / job->blocks, first = t % job->blocks * job->rows, last = at_most(first + job->rows, h->out);
        const float *x = conv->x + image * h->size * v->size * conv->channels;
        for (int64_t row = first, next; row < last; row = next) {
            next = row + 1;
            while (is_inside(h, row) && next < last && is_inside(h, next)) next++;
            find(job, x, row, next, segment, found + (row - first) * v->size * job->columns);
        }
        for (int64_t row = first; row < last; row++) {
            const int64_t at = (image * h->out + row) * v->out * conv->y_pixel;
            add_up(job, found + (row - first) * v->size * job->columns, conv->residual ? conv->residual + at : NULL, conv->y + at);
        }
    }
}

void pr_conv_few(const pr_conv *conv, const pr_gemm_kernel *gemm, pr_pool *pool, void *scratch) {
    few_job job = job_of(conv);
    job.gemm = gemm;
    job.zeros = scratch;
    job.room = job.zeros + zero_floats(conv);
    for (int64_t i = 0; i < zero_floats(conv); i++) job.zeros[i] = 0;
    pr_for(pool, conv->images * job.blocks, 1, some_blocks, &job);
}
