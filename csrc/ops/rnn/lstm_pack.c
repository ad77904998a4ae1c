#include "ops/check.h"
#include "ops/rnn/lstm.h"

pr_status pr_lstm_packed_check(pr_env *env, const pr_view *in) {
    const pr_lstm_attrs *a = env->attrs;
    (void)in;
    return pr_fail(env->message, PR_UNSUPPORTED, "%s: packed layout %d is not known here", env->layer, a->layout);
}
void pr_lstm_packed_run(pr_env *env, const pr_view *in, pr_view *out) { (void)env, (void)in, (void)out; }
pr_status pr_lstm_pack(pr_env *env, void *attrs, const pr_view *in, int inputs, int which, pr_view *out) {
    (void)attrs, (void)in, (void)inputs, (void)which, (void)out;
    return pr_fail(env->message, PR_UNSUPPORTED, "%s: weights are read as they are", env->layer);
}
