/* One operator by itself: what Python asks for shapes, packed constants and folded values. */
#include <stdlib.h>

#include "exec/context.h"

const char *pr_op_name(int32_t op) { return op >= 0 && op < PR_OP_COUNT ? pr_ops[op].name : NULL; }
int32_t pr_op_attr_bytes(int32_t op) { return op >= 0 && op < PR_OP_COUNT ? (int32_t)pr_ops[op].attr_bytes : -1; }
int32_t pr_op_flags(int32_t op) { return op >= 0 && op < PR_OP_COUNT ? pr_ops[op].flags : 0; }

static pr_status check_call(int32_t op, size_t attr_bytes, const char *layer, int32_t inputs, int32_t outputs,
                            const pr_view *in, pr_message *message) {
    if (op < 0 || op >= PR_OP_COUNT) return pr_fail(message, PR_BAD_PLAN, "%s: no operator %d", layer, op);
    const pr_op_info *info = &pr_ops[op];
    if (attr_bytes != info->attr_bytes)
        return pr_fail(message, PR_BAD_PLAN, "%s: %s has %zu bytes of attributes, not %zu", layer, info->name,
                       info->attr_bytes, attr_bytes);
    if (inputs < info->min_inputs || inputs > info->max_inputs || (info->outputs >= 0 ? outputs != info->outputs : outputs < 1))
        return pr_fail(message, PR_BAD_SHAPE, "%s: %s takes %d to %d inputs, got %d", layer, info->name,
                       info->min_inputs, info->max_inputs, inputs);
    for (int32_t i = 0; i < inputs; i++)
        if (in[i].rank < 0 || in[i].rank > PR_MAX_RANK || in[i].dtype < PR_F32 || in[i].dtype > PR_S32)
            return pr_fail(message, PR_BAD_SHAPE, "%s: input %d has rank %d; at most %d are possible", layer, i,
                           in[i].rank, PR_MAX_RANK);
    return PR_OK;
}

static pr_env make_env(pr_context *context, const void *attrs, const char *layer, pr_message *message) {
    return (pr_env){.kernels = &context->kernels, .pool = context->pool, .layer = layer, .attrs = attrs,
                    .custom = &context->custom, .message = message};
}

pr_status pr_infer(pr_context *context, int32_t op, const void *attrs, size_t attr_bytes, const char *layer,
                   const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs, pr_message *message) {
    PR_TRY(check_call(op, attr_bytes, layer, inputs, outputs, in, message));
    pr_env env = make_env(context, attrs, layer, message);
    return pr_ops[op].infer(&env, in, inputs, out, outputs);
}

pr_status pr_run_once(pr_context *context, int32_t op, const void *attrs, size_t attr_bytes, const char *layer,
                      const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs, pr_message *message) {
    PR_TRY(check_call(op, attr_bytes, layer, inputs, outputs, in, message));
    if (pr_ops[op].flags & PR_OP_ALIAS)
        return pr_fail(message, PR_UNSUPPORTED, "%s: %s only renames a shape", layer, pr_ops[op].name);
    pr_env env = make_env(context, attrs, layer, message);
    pr_view shapes[8];
    if (outputs > 8) return pr_fail(message, PR_UNSUPPORTED, "%s: more than 8 outputs", layer);
    PR_TRY(pr_ops[op].infer(&env, in, inputs, shapes, outputs));
    bool is_empty = true;
    for (int32_t i = 0; i < outputs; i++) {
        if (!pr_same_shape(&shapes[i], &out[i]) || shapes[i].dtype != out[i].dtype)
            return pr_fail(message, PR_BAD_SHAPE, "%s: output %d does not have the shape of the shape rule", layer, i);
        if (pr_view_count(&out[i]) != 0) is_empty = false;
    }
    if (is_empty) return PR_OK;                              /* as in a session: nothing to compute */
    void *scratch = env.scratch_bytes ? aligned_alloc(64, (env.scratch_bytes + 63) / 64 * 64) : NULL;
    if (env.scratch_bytes && !scratch) return pr_fail(message, PR_NO_MEMORY, "%s: no memory for scratch", layer);
    env.scratch = scratch;
    pr_status status = pr_ops[op].run(&env, in, inputs, out, outputs);
    free(scratch);
    return status;
}

pr_status pr_pack(pr_context *context, int32_t op, void *attrs, size_t attr_bytes, const char *layer,
                  const pr_view *in, int32_t inputs, int32_t which, pr_view *out, pr_message *message) {
    PR_TRY(check_call(op, attr_bytes, layer, inputs, pr_ops[op < 0 || op >= PR_OP_COUNT ? 0 : op].outputs, in, message));
    if (!pr_ops[op].pack || which < 0 || which >= inputs)
        return pr_fail(message, PR_UNSUPPORTED, "%s: %s reads input %d as it is", layer, pr_ops[op].name, which);
    pr_env env = make_env(context, attrs, layer, message);
    return pr_ops[op].pack(&env, attrs, in, inputs, which, out);
}
