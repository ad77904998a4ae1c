/* gemm: every tile of every row of gemm.def, and the whole product, against the sum as it is written in a book. */
#include "check.h"
#include "ops/gemm/gemm_kernel.h"

typedef struct problem {
    pr_gemm_args g;
    float *b;                               /* (depth, columns), unpacked */
    int64_t c_total;
} problem;

static pr_activation random_activation(void) {
    static const pr_activation some[] = {{1, -INFINITY, INFINITY}, {1, 0, INFINITY}, {1, 0, 6}, {0.5f, -INFINITY, INFINITY}, {2, -9, 9}};
    return some[random_int(0, 4)];
}

static problem random_problem(int64_t lines, int64_t pixels, int64_t columns, int64_t segments, int64_t k) {
    problem p = {.g = {.lines = lines, .pixels = pixels, .columns = columns, .segments = segments, .k = k}};
    ptrdiff_t *segment = guarded_bytes((size_t)segments * sizeof *segment);
    for (int64_t s = 0; s < segments; s++) segment[s] = s ? segment[s - 1] + k + random_int(0, 3) : 0;
    p.g.segment = segment;
    p.g.a_pixel = random_int(0, 5) + (random_int(0, 1) ? k : 1);                 /* rows may overlap, as in a convolution */
    p.g.a_line = pixels * p.g.a_pixel + random_int(0, 9);
    p.g.c_pixel = columns + random_int(0, 5);
    p.g.c_line = pixels * p.g.c_pixel;
    int64_t last_segment = segments ? segment[segments - 1] : 0;
    p.g.a = guarded_integers((lines - 1) * p.g.a_line + (pixels - 1) * p.g.a_pixel + last_segment + k);
    p.b = guarded_integers(segments * k * columns);
    p.g.bias = random_int(0, 1) ? guarded_integers(columns) : NULL;
    p.c_total = lines * pixels * p.g.c_pixel - (p.g.c_pixel - columns);
    p.g.c = guarded(p.c_total);
    p.g.residual = random_int(0, 1) ? guarded_integers(p.c_total) : NULL;
    p.g.activation = random_activation();
    return p;
}

static float *expected_product(const problem *p) {
    const pr_gemm_args *g = &p->g;
    float *out = guarded(g->lines * g->pixels * g->columns), *at = out;
    for (int64_t y = 0; y < g->lines; y++)
        for (int64_t x = 0; x < g->pixels; x++)
            for (int64_t n = 0; n < g->columns; n++) {
                float sum = g->bias ? g->bias[n] : 0;
                for (int64_t s = 0; s < g->segments; s++)
                    for (int64_t q = 0; q < g->k; q++)
                        sum += g->a[y * g->a_line + x * g->a_pixel + g->segment[s] + q] * p->b[(s * g->k + q) * g->columns + n];
                if (g->residual) sum += g->residual[y * g->c_line + x * g->c_pixel + n];
                if (sum < 0) sum *= g->activation.slope;
                *at++ = fminf(fmaxf(sum, g->activation.lo), g->activation.hi);
            }
    return out;
}

static float *packed(const pr_gemm_kernel *kernel, const problem *p) {
    int64_t depth = p->g.segments * p->g.k;
    float *out = guarded(pr_gemm_packed_floats(kernel, depth, p->g.columns));
    pr_gemm_pack_matrix(kernel, p->b, p->g.columns, 1, depth, p->g.columns, out);
    return out;
}

static void check_tiles(const pr_gemm_kernel *kernel) {
    for (int wide = 1; wide <= PR_GEMM_VECTORS; wide++)
        for (int rows = 1; rows <= kernel->rows[wide]; rows++)
            for (int round = 0; round < 4 + options.rounds / 30; round++) {
                int k = round < 10 ? round : random_int(0, 70), lanes = random_int(1, kernel->lanes);
                pr_gemm_kernel whole = *kernel;     /* one panel, as wide as the tile */
                whole.panel = whole.most = wide;
                problem p = random_problem(1, rows, (wide - 1) * kernel->lanes + lanes, random_int(1, 3), k);
                p.g.few = random_int(0, 1);
                float *b = packed(&whole, &p), *expected = expected_product(&p);
                (*kernel->tiles)[wide][rows](&p.g, p.g.a, b, p.g.bias, p.g.residual, p.g.c, lanes, PR_NO_LINE, b);
                char name[80];
                snprintf(name, sizeof name, "%s tile %dx%d, %d lanes, k %d", kernel->name, rows, wide, lanes, k);
                same_rows(name, p.g.c, expected, rows, p.g.columns, p.g.c_pixel, p.c_total);
                release_all();
            }
}

static void check_products(const pr_gemm_kernel *kernel) {
    for (int round = 0; round < options.rounds; round++) {
        int high = kernel->rows[kernel->panel], wide = kernel->lanes * kernel->panel;
        int64_t lines = random_int(1, 4), pixels = random_int(1, 3 * high + 1), columns = random_int(1, 3 * wide + 1);
        int64_t k = random_int(0, 40);
        if (round % 16 == 0) lines = 1, pixels = 1, k = random_int(0, 300);
        if (round % 16 == 3) lines = random_int(2, 9), pixels = random_int(1, 7);      /* strips straddle lines */
        if (round % 16 == 1) lines = 1, pixels = 40, k = 700, columns = 80;     /* more than PR_B_SMALL */
        if (round % 16 == 2) lines = 60, pixels = high + 1, k = 65, columns = wide + 3;  /* more than PR_WORTH */
        problem p = random_problem(lines, pixels, columns, random_int(1, 3), k);
        p.g.b = packed(kernel, &p);
        float *expected = expected_product(&p);
        for (int threads = 1; threads <= 3; threads++) {
            char name[120];
            snprintf(name, sizeof name, "%s, %d threads, %d lines of %d pixels, %d columns, %d x %d deep", kernel->name,
                     threads, (int)lines, (int)pixels, (int)columns, (int)p.g.segments, (int)k);
            pr_gemm_multiply(kernel, pools[threads], &p.g);
            same_rows(name, p.g.c, expected, lines * pixels, columns, p.g.c_pixel, p.c_total);
        }
        release_all();
    }
}

/* The weight as codes that mean p->b: scales and biases, or a table, of small whole numbers. */
static void *coded(const pr_kernels *kernels, problem *p, int form) {
    static const int bits[PR_CODES_COUNT] = {32, 16, 8, 4, 2, 8, 4, 2};
    static const uint16_t halves[] = {0, 0x3c00, 0x4000, 0x4200, 0xbc00, 0xc000, 0x8000, 0x4400};      /* 0 1 2 3 -1 -2 -0 4 */
    static const float means[] = {0, 1, 2, 3, -1, -2, -0.0f, 4};
    int64_t depth = p->g.segments * p->g.k, columns = p->g.columns, lanes = kernels->gemm->lanes, wide = (columns + lanes - 1) / lanes * lanes;
    bool linear = form >= PR_CODES_LINEAR8 && form <= PR_CODES_LINEAR2;
    int64_t head = form == PR_CODES_F16 ? 0 : linear ? 2 * wide : 1 << bits[form], bytes = pr_codes_bytes(kernels->gemm, form, depth, columns);
    char *out = guarded_bytes((size_t)(bytes + 63) / 64 * 64);
    float *scale = (float *)(void *)out, *codes = guarded(depth * columns), *order = guarded(pr_gemm_packed_floats(kernels->gemm, depth, columns));
    for (int64_t i = 0; i < head; i++) scale[i] = linear && i % wide >= columns ? 0 : random_small();
    for (int64_t i = 0; i < depth * columns; i++) {
        int q = random_int(0, form == PR_CODES_F16 ? 7 : (1 << bits[form]) - 1);
        codes[i] = (float)q;
        p->b[i] = form == PR_CODES_F16 ? means[q] : linear ? (float)q * scale[i % columns] + scale[wide + i % columns] : scale[q];
    }
    pr_gemm_pack_matrix(kernels->gemm, codes, columns, 1, depth, columns, order);
    uint8_t *at = (uint8_t *)(scale + head);
    memset(at, 0, (size_t)(bytes - head * 4));
    for (int64_t i = 0; i < pr_gemm_packed_floats(kernels->gemm, depth, columns); i++) {
        if (form == PR_CODES_F16) memcpy(at + 2 * i, &halves[(int)order[i]], 2);
        else at[i * bits[form] / 8] |= (uint8_t)((int)order[i] << i * bits[form] % 8);
    }
    return out;
}

static void check_codes(const pr_kernels *kernels) {
    for (int round = 0; round < options.rounds; round++) {
        int form = random_int(1, PR_CODES_COUNT - 1), wide = kernels->gemm->lanes * kernels->gemm->panel;
        int64_t pixels = random_int(0, 1) ? 1 : random_int(2, 40), segments = random_int(0, 1) ? 1 : random_int(2, 3);
        problem p = random_problem(1, pixels, random_int(1, 3 * wide + 1), segments, random_int(1, random_int(0, 3) ? 60 : 700));
        void *constant = coded(kernels, &p, form);
        float *expected = expected_product(&p), *room = guarded(3 * pr_codes_room(kernels->gemm, p.g.segments * p.g.k));
        pr_codes codes = pr_codes_of(kernels, form, p.g.columns, constant, room);
        p.g.codes = &codes;
        for (int threads = 1; threads <= 3; threads++) {
            char name[120];
            snprintf(name, sizeof name, "%s, codes %d, %d threads, %d pixels, %d columns, %d x %d deep", kernels->gemm->name, form, threads,
                     (int)pixels, (int)p.g.columns, (int)segments, (int)p.g.k);
            pr_gemm_multiply(kernels->gemm, pools[threads], &p.g);
            same_rows(name, p.g.c, expected, pixels, p.g.columns, p.g.c_pixel, p.c_total);
        }
        release_all();
    }
}

void check_gemm(void) {
    for (int i = 0; i < pr_gemm_kernel_count; i++)
        if (pr_gemm_kernels[i].level & options.levels) {
            pr_kernels kernels;
            pr_kernels_select(&kernels, PR_ISA_ref | pr_gemm_kernels[i].level);
            check_codes(&kernels);
            check_tiles(&pr_gemm_kernels[i]);
            check_products(&pr_gemm_kernels[i]);
        }
}

typedef struct timed { const pr_gemm_kernel *kernel; pr_gemm_args g; } timed;
static void multiply(void *arg) { timed *t = arg; pr_gemm_multiply(t->kernel, NULL, &t->g); }

void bench_gemm(void) {
    static const int shapes[][3] = {     /* pixels, K, N: MobileNet v1 and v2, ResNet-50, a transformer, a classifier */
        {12544, 32, 64}, {3136, 128, 128}, {784, 256, 256}, {196, 512, 512}, {49, 1024, 1024}, {12544, 16, 96},
        {3136, 24, 144}, {3136, 144, 24}, {784, 192, 32}, {196, 64, 384}, {784, 128, 512}, {49, 2048, 512},
        {128, 768, 768}, {128, 768, 3072}, {1, 1024, 1000}, {2, 1024, 1000}, {4, 1024, 1000}};
    for (int i = 0; i < pr_gemm_kernel_count; i++) {
        const pr_gemm_kernel *kernel = &pr_gemm_kernels[i];
        if (!(kernel->level & options.levels)) continue;
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            int m = shapes[s][0], k = shapes[s][1], n = shapes[s][2];
            timed t = {kernel, {.lines = 1, .pixels = m, .columns = n, .segments = 1, .k = k, .a_pixel = k, .c_pixel = n,
                                .a = guarded_integers((int64_t)m * k), .c = guarded((int64_t)m * n), .bias = guarded_integers(n),
                                .b = guarded_integers(pr_gemm_packed_floats(kernel, k, n)), .activation = {1, 0, 6}}};
            char name[60];
            snprintf(name, sizeof name, "%d x %d x %d", m, k, n);
            bench_line(kernel->name, name, 2.0 * m * k * n, best_time(multiply, &t, 0.1));
            release_all();
        }
    }
}
