#include "ops/image/image.h"

#include "ops/check.h"
#include "ops/kernels.h"

static void gray(const uint8_t *x, float *y, int64_t pixels, const pr_image_attrs *attrs) {
    for (int64_t i = 0; i < pixels; i++) y[i] = attrs->scale * (float)x[i] + attrs->bias[0];
}

static void colour(const uint8_t *x, float *y, int64_t pixels, const pr_image_attrs *attrs) {
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            y[3 * i + c] = attrs->scale * (float)x[3 * i + (attrs->reversed ? 2 - c : c)] + attrs->bias[c];
}

const pr_image_kernels pr_image__ref = {gray, colour};

pr_status pr_image_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_U8));
    PR_TRY(pr_check_rank(env, in, "the image", 3, PR_MAX_RANK));
    if (in->shape[in->rank - 1] >= 0 && in->shape[in->rank - 1] != 1 && in->shape[in->rank - 1] != 3)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the image has shape %s, expected 1 or 3 channels", env->layer,
                       pr_show_shape(in).text);
    pr_copy_shape(out, in);
    out->dtype = PR_F32;
    return PR_OK;
}

typedef struct image_job {
    const pr_image_kernels *kernels;
    const uint8_t *x;
    float *y;
    int64_t channels;
    const pr_image_attrs *attrs;
} image_job;

static void image_range(void *arg, int64_t begin, int64_t end, int worker) {
    const image_job *job = arg;
    (void)worker;
    (job->channels == 1 ? job->kernels->gray : job->kernels->colour)(job->x + begin * job->channels,
                                                                     job->y + begin * job->channels, end - begin, job->attrs);
}

pr_status pr_image_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    image_job job = {env->kernels->image, in->data, out->data, in->shape[in->rank - 1], env->attrs};
    (void)inputs, (void)outputs;
    pr_for(env->pool, pr_view_span(in, 0, in->rank - 1), PR_GRAIN / 3, image_range, &job);
    return PR_OK;
}
