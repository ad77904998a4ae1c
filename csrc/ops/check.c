#include "ops/check.h"

#include <stdio.h>

const char *pr_dtype_name(int32_t dtype) {
    static const char *const names[] = {"f32", "u8", "s32"};
    return dtype >= 0 && dtype < 3 ? names[dtype] : "an unknown type";
}

pr_shape_text pr_show_shape(const pr_view *v) {
    pr_shape_text shown = {"("};
    size_t at = 1;
    for (int i = 0; i < v->rank && i < PR_MAX_RANK && at + 24 < sizeof shown.text; i++) {
        const char *comma = i ? ", " : "";
        int wrote = v->shape[i] < 0 ? snprintf(shown.text + at, sizeof shown.text - at, "%s?", comma)
                                    : snprintf(shown.text + at, sizeof shown.text - at, "%s%lld", comma, (long long)v->shape[i]);
        at += (size_t)wrote;
    }
    snprintf(shown.text + at, sizeof shown.text - at, ")");
    return shown;
}

static pr_status check_size(pr_env *env, const pr_view *v, const char *what, int which) {
    int64_t product = 1;
    if (v->rank < 0 || v->rank > PR_MAX_RANK)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s %d has rank %d, ranks are 0 to %d", env->layer, what, which,
                       v->rank, PR_MAX_RANK);
    for (int i = 0; i < v->rank; i++) {
        if (v->shape[i] < -1 || (v->shape[i] > 0 && product > PR_MAX_ELEMENTS / v->shape[i]))
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s %d of shape %s is too large or has a negative dimension",
                           env->layer, what, which, pr_show_shape(v).text);
        if (v->shape[i] > 0) product *= v->shape[i];
    }
    return PR_OK;
}

pr_status pr_check_inputs(pr_env *env, const pr_view *in, int inputs, int32_t dtype) {
    for (int i = 0; i < inputs; i++) {
        if (dtype == PR_ANY ? in[i].dtype < 0 || in[i].dtype > PR_S32 : in[i].dtype != dtype)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: input %d is %s, expected %s", env->layer, i,
                           pr_dtype_name(in[i].dtype), dtype == PR_ANY ? "f32, u8 or s32" : pr_dtype_name(dtype));
        PR_TRY(check_size(env, &in[i], "input", i));
    }
    return PR_OK;
}

pr_status pr_check_output(pr_env *env, const pr_view *out) { return check_size(env, out, "output", 0); }

pr_status pr_check_rank(pr_env *env, const pr_view *v, const char *what, int least, int most) {
    if (v->rank >= least && v->rank <= most) return PR_OK;
    if (least == most)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s has rank %d (shape %s), expected rank %d", env->layer, what,
                       v->rank, pr_show_shape(v).text, least);
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s has rank %d (shape %s), expected %d to %d", env->layer, what,
                   v->rank, pr_show_shape(v).text, least, most);
}

pr_status pr_check_dim(pr_env *env, const pr_view *v, const char *what, int axis, int64_t want) {
    if (v->shape[axis] == want || v->shape[axis] < 0 || want < 0) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s has shape %s, expected %lld at axis %d", env->layer, what,
                   pr_show_shape(v).text, (long long)want, axis);
}

pr_status pr_check_kind(pr_env *env, const char *what, int32_t kind, int32_t count) {
    if (kind >= 0 && kind < count) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s is number %d, this build knows 0 to %d", env->layer, what, kind,
                   count - 1);
}

pr_status pr_check_input_count(pr_env *env, int inputs, int want) {
    if (inputs == want) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d inputs came, the attributes ask for %d", env->layer, inputs, want);
}

pr_status pr_check_dims(pr_env *env, const pr_dims *dims, const char *what, int want) {
    if (want < 0 ? dims->count >= 0 && dims->count <= PR_MAX_RANK : dims->count == want) return PR_OK;
    if (want < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s has %d entries, expected 0 to %d", env->layer, what,
                       dims->count, PR_MAX_RANK);
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s has %d entries, expected one per axis: %d", env->layer, what,
                   dims->count, want);
}
