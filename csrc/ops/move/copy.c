#include "ops/move/copy.h"

#include <string.h>

#include "ops/check.h"
#include "ops/kernels.h"

static void transpose_words(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row, int64_t rows,
                            int64_t columns) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) to[r * to_row + c] = from[c * from_row + r];
}

const pr_copy_kernels pr_copy__ref = {transpose_words};

void pr_copy_dense_target(pr_copy *copy) {
    int64_t span = 1;
    for (int i = copy->rank - 1; i >= 0; i--) copy->to[i] = span, span *= copy->size[i];
}

/* Drops dimensions of size 1 and merges neighbours that both sides run through as one. */
static pr_copy collapse(const pr_copy *copy) {
    pr_copy c = {0};
    for (int i = 0; i < copy->rank; i++) {
        int64_t size = copy->size[i];
        if (size == 1) continue;
        int last = c.rank - 1;
        if (c.rank && c.to[last] == copy->to[i] * size && c.from[last] == copy->from[i] * size) {
            c.size[last] *= size, c.to[last] = copy->to[i], c.from[last] = copy->from[i];
            continue;
        }
        c.size[c.rank] = size, c.to[c.rank] = copy->to[i], c.from[c.rank] = copy->from[i];
        c.rank++;
    }
    return c;
}

static void take_out(pr_copy *copy, int at) {
    copy->rank--;
    for (int i = at; i < copy->rank; i++)
        copy->size[i] = copy->size[i + 1], copy->to[i] = copy->to[i + 1], copy->from[i] = copy->from[i + 1];
}

static int64_t count_of(const pr_copy *copy) {
    int64_t n = 1;
    for (int i = 0; i < copy->rank; i++) n *= copy->size[i];
    return n;
}

/* `outer` says where items begin; an item is a row of n elements, or a band of a transposed matrix. */
enum { BAND = 64, PIECE = 4096 };
typedef struct copy_job {
    const pr_copy_kernels *kernels;
    pr_copy outer;
    const unsigned char *from;
    unsigned char *to;
    size_t bytes;                           /* of one element */
    int64_t n, to_step, from_step;          /* the row: target and source step */
    int64_t bands, pieces;                  /* items of a matrix: so many rows, and of these so many columns */
    int64_t rows, to_row, from_row;         /* the matrix: rows lie to_row apart in the target, columns from_row in the source */
} copy_job;

static void place(const copy_job *job, int64_t item, const unsigned char **from, unsigned char **to) {
    int64_t from_at = 0, to_at = 0;
    for (int i = job->outer.rank - 1; i >= 0; i--) {
        int64_t at = item % job->outer.size[i];
        item /= job->outer.size[i];
        from_at += at * job->outer.from[i], to_at += at * job->outer.to[i];
    }
    *from = job->from + from_at * (int64_t)job->bytes;
    *to = job->to + to_at * (int64_t)job->bytes;
}

static void copy_row(const copy_job *job, const unsigned char *from, unsigned char *to) {
    if (job->to_step == 1 && job->from_step == 1) {
        memcpy(to, from, (size_t)job->n * job->bytes);
    } else if (job->bytes == 4 && job->to_step == 1 && job->from_step == 0) {
        pr_word value = *(const pr_word *)(const void *)from, *target = (pr_word *)(void *)to;
        for (int64_t i = 0; i < job->n; i++) target[i] = value;
    } else if (job->bytes == 4) {
        const pr_word *source = (const pr_word *)(const void *)from;
        pr_word *target = (pr_word *)(void *)to;
        for (int64_t i = 0; i < job->n; i++) target[i * job->to_step] = source[i * job->from_step];
    } else {
        for (int64_t i = 0; i < job->n; i++) to[i * job->to_step] = from[i * job->from_step];
    }
}

static void copy_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const copy_job *job = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const unsigned char *from;
        unsigned char *to;
        place(job, item, &from, &to);
        copy_row(job, from, to);
    }
}

static void copy_bands(void *arg, int64_t begin, int64_t end, int worker) {
    const copy_job *job = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const unsigned char *from;
        unsigned char *to;
        int64_t row = item / job->pieces % job->bands * BAND, column = item % job->pieces * PIECE;
        int64_t rows = job->rows - row, columns = job->n - column;
        place(job, item / job->pieces / job->bands, &from, &to);
        job->kernels->transpose((const pr_word *)(const void *)from + row + column * job->from_row, job->from_row,
                                (pr_word *)(void *)to + row * job->to_row + column, job->to_row, rows < BAND ? rows : BAND,
                                columns < PIECE ? columns : PIECE);
    }
}

/* A dimension whose neighbours are neighbours in the source, while the last one's are in the target: a matrix to turn. */
static int source_row_of(const pr_copy *c) {
    const int last = c->rank - 1;
    if (c->to[last] != 1 || c->from[last] == 1 || c->from[last] == 0) return -1;
    for (int i = 0; i < last; i++)
        if (c->from[i] == 1) return i;
    return -1;
}

void pr_copy_run(pr_env *env, const pr_copy *copy, const void *from, void *to, size_t element_bytes) {
    if (count_of(copy) == 0) return;
    copy_job job = {.kernels = env->kernels->copy, .outer = collapse(copy), .from = from, .to = to, .bytes = element_bytes};
    const int last = job.outer.rank - 1;
    if (last < 0) {
        memcpy(to, from, element_bytes);
        return;
    }
    const int turned = element_bytes == 4 ? source_row_of(&job.outer) : -1;
    job.n = job.outer.size[last], job.to_step = job.outer.to[last], job.from_step = job.outer.from[last];
    take_out(&job.outer, last);
    if (turned >= 0) {
        job.rows = job.outer.size[turned], job.to_row = job.outer.to[turned], job.from_row = job.from_step;
        job.bands = (job.rows + BAND - 1) / BAND;
        job.pieces = (job.n + PIECE - 1) / PIECE;
        take_out(&job.outer, turned);
        pr_for(env->pool, count_of(&job.outer) * job.bands * job.pieces,
               pr_row_grain((job.n < PIECE ? job.n : PIECE) * (job.rows < BAND ? job.rows : BAND)),
               copy_bands, &job);
        return;
    }
    if (last == 0 && job.n > PR_GRAIN) {    /* one long row: pieces of it are the items */
        const int64_t piece = PR_GRAIN, whole = job.n / piece;
        copy_job rest = job;
        job.outer = (pr_copy){1, {whole}, {piece * job.to_step}, {piece * job.from_step}};
        job.n = piece;
        rest.n -= whole * piece;
        rest.from += whole * piece * job.from_step * (int64_t)job.bytes;
        rest.to += whole * piece * job.to_step * (int64_t)job.bytes;
        copy_row(&rest, rest.from, rest.to);
    }
    pr_for(env->pool, count_of(&job.outer), pr_row_grain(job.n), copy_rows, &job);
}
