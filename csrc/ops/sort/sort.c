#include "ops/sort/sort.h"

#include <math.h>
#include <string.h>

#include "ops/check.h"

/* A number and its place in one word: sorting words sorts numbers, ties by place. */
typedef uint64_t word;

static word word_of(float x, uint32_t place, bool descending) {
    uint32_t bits;
    x += 0.0f;                               /* -0 becomes 0 */
    memcpy(&bits, &x, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | 0x80000000u;
    if (descending) bits = ~bits;
    if (isnan(x)) bits = 0xffffffffu;
    return (word)bits << 32 | place;
}

static void insertion_sort(word *a, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const word moved = a[i];
        int64_t j = i;
        for (; j > 0 && a[j - 1] > moved; j--) a[j] = a[j - 1];
        a[j] = moved;
    }
}

/* By the four bytes of the number, least first; each round keeps the order of the last, so places need none. */
static void radix_sort(word *a, word *other, int64_t n) {
    for (int shift = 32; shift < 64; shift += 8) {
        int64_t start[256] = {0}, at = 0;
        for (int64_t i = 0; i < n; i++) start[a[i] >> shift & 255]++;
        if (start[a[0] >> shift & 255] == n) continue;
        for (int i = 0; i < 256; i++) {
            const int64_t count = start[i];
            start[i] = at, at += count;
        }
        for (int64_t i = 0; i < n; i++) other[start[a[i] >> shift & 255]++] = a[i];
        memcpy(a, other, (size_t)n * sizeof(word));
    }
}

static void sort_words(word *a, word *other, int64_t n) {
    if (n < 64) insertion_sort(a, n);
    else radix_sort(a, other, n);
}

static void sink(word *heap, int64_t n, int64_t at) {
    const word moved = heap[at];
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1] > heap[child]) child++;
        if (heap[child] <= moved) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* The k smallest words to the front, in order.  A heap with the largest of the best so far on top lets most pass. */
static void select_words(word *a, word *other, int64_t n, int64_t k) {
    if (k > n / 8) {
        sort_words(a, other, n);
        return;
    }
    if (k == 0) return;
    for (int64_t i = k / 2; i-- > 0;) sink(a, k, i);
    for (int64_t i = k; i < n; i++)
        if (a[i] < a[0]) a[0] = a[i], sink(a, k, 0);
    sort_words(a, other, k);
}

/* x (outer, n, inner) -> values, places (outer, k, inner); an item is one (outer, inner). */
typedef struct sort_job {
    const float *x;
    float *values, *places;                 /* values: NULL for none */
    word *scratch;                          /* 2 n per worker */
    int64_t n, k, inner;
    bool descending;
} sort_job;

static void sort_range(void *arg, int64_t begin, int64_t end, int worker) {
    const sort_job *job = arg;
    word *a = job->scratch + worker * 2 * job->n;
    for (int64_t item = begin; item < end; item++) {
        const int64_t outer = item / job->inner, inner = item % job->inner;
        const float *x = job->x + outer * job->n * job->inner + inner;
        const int64_t to = outer * job->k * job->inner + inner;
        for (int64_t i = 0; i < job->n; i++) a[i] = word_of(x[i * job->inner], (uint32_t)i, job->descending);
        select_words(a, a + job->n, job->n, job->k);
        for (int64_t i = 0; i < job->k; i++) {
            const int64_t place = (int64_t)(a[i] & 0xffffffffu);
            job->places[to + i * job->inner] = (float)place;
            if (job->values) job->values[to + i * job->inner] = x[place * job->inner];
        }
    }
}

static void sort_along(pr_env *env, const pr_view *x, int axis, sort_job *job) {
    const int64_t outer = pr_view_span(x, 0, axis);
    job->x = x->data, job->scratch = env->scratch;
    job->n = x->shape[axis], job->inner = pr_view_span(x, axis + 1, x->rank);
    pr_for(env->pool, outer * job->inner, pr_row_grain(16 * job->n), sort_range, job);
}

static pr_status check_axis(pr_env *env, const pr_view *x, int32_t axis) {
    PR_TRY(pr_check_inputs(env, x, 1, PR_F32));
    if (axis < 0 || axis >= x->rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: sorted along axis %d, but x of shape %s has rank %d", env->layer,
                       axis, pr_show_shape(x).text, x->rank);
    if (x->shape[axis] > INT32_MAX)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: x of shape %s is sorted along axis %d; %d numbers are possible",
                       env->layer, pr_show_shape(x).text, axis, INT32_MAX);
    const int threads = env->pool ? pr_pool_threads(env->pool) : 1;
    if (x->shape[axis] > 0) env->scratch_bytes = (size_t)threads * 2 * (size_t)x->shape[axis] * sizeof(word);
    return PR_OK;
}

/* The size of the result's axis; -1 where only a prediction knows it. */
static pr_status count_wanted(pr_env *env, const pr_view *in, int inputs, int64_t *k) {
    const pr_top_k_attrs *attrs = env->attrs;
    const int64_t n = in[0].shape[attrs->axis];
    double wanted = attrs->k;
    *k = -1;
    if (attrs->k < 0 || inputs != (attrs->k ? 1 : 2))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: k is %d and there are %d inputs, expected k above 0 or a second input",
                       env->layer, attrs->k, inputs);
    if (inputs == 2) {
        PR_TRY(pr_check_inputs(env, &in[1], 1, PR_F32));
        const int64_t count = pr_view_count(&in[1]);
        if (count >= 0 && count != 1)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: k has shape %s, expected one number", env->layer,
                           pr_show_shape(&in[1]).text);
        if (!in[1].data || count < 0) return PR_OK;
        wanted = (double)*(const float *)in[1].data;
    }
    if (!(wanted >= 0) || wanted != floor(wanted) || wanted > (n < 0 ? (double)INT32_MAX : (double)n))
        return pr_fail(env->message, PR_BAD_VALUE, "%s: k is %g, expected a whole number from 0 to the size of axis %d of x %s",
                       env->layer, wanted, attrs->axis, pr_show_shape(&in[0]).text);
    *k = (int64_t)wanted;
    return PR_OK;
}

pr_status pr_top_k_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_top_k_attrs *attrs = env->attrs;
    int64_t k;
    PR_TRY(check_axis(env, in, attrs->axis));
    PR_TRY(count_wanted(env, in, inputs, &k));
    for (int i = 0; i < outputs; i++) {
        pr_copy_shape(&out[i], in);
        out[i].shape[attrs->axis] = k;
    }
    return PR_OK;
}

pr_status pr_top_k_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_top_k_attrs *attrs = env->attrs;
    sort_job job = {.values = out[0].data, .places = out[1].data, .k = out[0].shape[attrs->axis], .descending = !attrs->bottom};
    (void)inputs, (void)outputs;
    sort_along(env, in, attrs->axis, &job);
    return PR_OK;
}

pr_status pr_arg_sort_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_arg_sort_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    PR_TRY(check_axis(env, in, attrs->axis));
    pr_copy_shape(out, in);
    return PR_OK;
}

pr_status pr_arg_sort_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_arg_sort_attrs *attrs = env->attrs;
    sort_job job = {.places = out->data, .k = in->shape[attrs->axis], .descending = attrs->descending};
    (void)inputs, (void)outputs;
    sort_along(env, in, attrs->axis, &job);
    return PR_OK;
}
