#include "ops/random/random.h"

#include <math.h>
#include <sys/random.h>

#include "ops/check.h"

pr_status pr_open_stream(pr_env *env, pr_seed seed, pr_stream *stream) {
    *stream = (pr_stream){{(uint32_t)seed.low, (uint32_t)seed.high}, env->drawn ? (*env->drawn)++ : 0};
    if (seed.high >= 0) return PR_OK;
    if (getrandom(stream->key, sizeof stream->key, 0) == (ssize_t)sizeof stream->key) return PR_OK;
    return pr_fail(env->message, PR_SYSTEM, "%s: the system gave no random seed", env->layer);
}

static pr_status shape_from_numbers(pr_env *env, const pr_view *x, pr_view *y) {
    const float *size = x->data;
    PR_TRY(pr_check_rank(env, x, "the shape", 1, 1));
    if (x->shape[0] < 0 || x->shape[0] > PR_MAX_RANK)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a shape of %lld numbers; the count must be known and at most %d",
                       env->layer, (long long)x->shape[0], PR_MAX_RANK);
    y->rank = (int32_t)x->shape[0];
    for (int i = 0; i < y->rank; i++) {
        y->shape[i] = -1;
        if (!size) continue;
        if (!(size[i] >= 0 && size[i] <= (float)PR_MAX_ELEMENTS && size[i] == floorf(size[i])))
            return pr_fail(env->message, PR_BAD_VALUE, "%s: size %d of the shape is %g, expected a whole number from 0",
                           env->layer, i, (double)size[i]);
        y->shape[i] = (int64_t)size[i];
    }
    return PR_OK;
}

static pr_status check_numbers(pr_env *env, const pr_random_attrs *a) {
    const bool good = a->kind == PR_RANDOM_NORMAL ? a->b >= 0 && isfinite(a->a) && isfinite(a->b)
                    : a->kind == PR_RANDOM_UNIFORM ? a->a <= a->b && isfinite(a->b - a->a)
                                                   : a->a >= 0 && a->a <= 1;
    if (good) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: the parameters %g and %g are no distribution: expected a deviation from 0, "
                   "a range in order, or a probability from 0 to 1", env->layer, (double)a->a, (double)a->b);
}

pr_status pr_random_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_random_attrs *a = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "the distribution", a->kind, PR_RANDOM_COUNT));
    PR_TRY(pr_check_kind(env, "the form", a->form, PR_RANDOM_FORM_COUNT));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(check_numbers(env, a));
    if (a->form == PR_RANDOM_LIKE) pr_copy_shape(out, in);
    else PR_TRY(shape_from_numbers(env, in, out));
    out->dtype = PR_F32;
    return pr_check_output(env, out);
}

typedef struct random_job {
    const pr_random_attrs *attrs;
    pr_stream stream;
    float *y;
    int64_t count;
} random_job;

/* Four numbers from four words. */
static void normal_block(const pr_random_attrs *a, const pr_block *words, float *y) {
    for (int i = 0; i < 4; i += 2) {
        double c, s;
        const double radius = sqrt(-2 * pr_log((words->word[i] + 0.5) * 0x1p-32));
        pr_cos_sin(words->word[i + 1], &c, &s);
        y[i] = (float)(a->a + a->b * (radius * c));
        y[i + 1] = (float)(a->a + a->b * (radius * s));
    }
}
static void uniform_block(const pr_random_attrs *a, const pr_block *words, float *y) {
    const float width = a->b - a->a, last = a->b > a->a ? nextafterf(a->b, a->a) : a->a;
    for (int i = 0; i < 4; i++) y[i] = fminf(a->a + width * pr_unit(words->word[i]), last);    /* a + width * u can round up to b */
}
static void bernoulli_block(const pr_random_attrs *a, const pr_block *words, float *y) {
    for (int i = 0; i < 4; i++) y[i] = pr_unit(words->word[i]) < a->a ? 1 : 0;
}

static void random_range(void *arg, int64_t begin, int64_t end, int worker) {
    const random_job *job = arg;
    const pr_random_attrs *a = job->attrs;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const pr_block words = pr_stream_block(&job->stream, i);
        float four[4];
        if (a->kind == PR_RANDOM_NORMAL) normal_block(a, &words, four);
        else if (a->kind == PR_RANDOM_UNIFORM) uniform_block(a, &words, four);
        else bernoulli_block(a, &words, four);
        for (int64_t j = 0; j < 4 && 4 * i + j < job->count; j++) job->y[4 * i + j] = four[j];
    }
}

pr_status pr_random_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_random_attrs *a = env->attrs;
    random_job job = {.attrs = a, .y = out->data, .count = pr_view_count(out)};
    (void)in, (void)inputs, (void)outputs;
    PR_TRY(pr_open_stream(env, a->seed, &job.stream));
    pr_for(env->pool, (job.count + 3) / 4, PR_GRAIN / 16, random_range, &job);
    return PR_OK;
}
