#include "ops/nms/nms.h"

#include <math.h>
#include <string.h>

#include "ops/check.h"

enum { BOXES, SCORES, IOU_THRESHOLD, SCORE_THRESHOLD, MOST };                  /* inputs */
enum { CHOSEN_BOXES, CHOSEN_SCORES, INDICES, COUNT };                          /* outputs */
enum { LARGEST = 1 << 24 };                 /* boxes: every index is exact as a float */

/* What one worker needs for one example of N boxes. */
typedef struct candidate { float score; int32_t box, class; } candidate;

static pr_status check_number(pr_env *env, const pr_view *v, const char *what) {
    const int64_t count = pr_view_count(v);
    if (count == 1 || (count < 0 && v->rank <= 1)) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s has shape %s, expected one number", env->layer, what, pr_show_shape(v).text);
}

static pr_status most_boxes(pr_env *env, const pr_view *v, int64_t *most) {
    *most = -1;
    if (!v->data || pr_view_count(v) != 1) return PR_OK;
    const float number = *(const float *)v->data;
    if (!(number >= 0 && number <= LARGEST && number == floorf(number)))
        return pr_fail(env->message, PR_BAD_VALUE, "%s: maxBoxes is %g, expected a whole number from 0 to %d", env->layer,
                       (double)number, LARGEST);
    *most = (int64_t)number;
    return PR_OK;
}

static int64_t known(int64_t a, int64_t b) { return a >= 0 ? a : b; }

pr_status pr_nms_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    int64_t most;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, &in[BOXES], "boxes", 3, 3));
    PR_TRY(pr_check_rank(env, &in[SCORES], "scores", 3, 3));
    PR_TRY(pr_check_dim(env, &in[BOXES], "boxes", 2, 4));
    for (int axis = 0; axis < 2; axis++) PR_TRY(pr_check_dim(env, &in[SCORES], "scores", axis, in[BOXES].shape[axis]));
    PR_TRY(check_number(env, &in[IOU_THRESHOLD], "iouThreshold"));
    PR_TRY(check_number(env, &in[SCORE_THRESHOLD], "scoreThreshold"));
    PR_TRY(check_number(env, &in[MOST], "maxBoxes"));
    PR_TRY(most_boxes(env, &in[MOST], &most));
    const int64_t batch = known(in[BOXES].shape[0], in[SCORES].shape[0]), n = known(in[BOXES].shape[1], in[SCORES].shape[1]);
    const int64_t classes = in[SCORES].shape[2];
    if (classes == 0 || n > LARGEST)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: scores of shape %s, expected at least one class and at most %d boxes",
                       env->layer, pr_show_shape(&in[SCORES]).text, LARGEST);
    out[CHOSEN_BOXES] = (pr_view){out[CHOSEN_BOXES].data, PR_F32, 3, {batch, most, 4}};
    out[CHOSEN_SCORES] = (pr_view){out[CHOSEN_SCORES].data, PR_F32, 3, {batch, most, classes}};
    out[INDICES] = (pr_view){out[INDICES].data, PR_F32, 2, {batch, most}};
    out[COUNT] = (pr_view){out[COUNT].data, PR_F32, 1, {batch}};
    if (n >= 0) env->scratch_bytes = (size_t)pr_pool_threads(env->pool) * (size_t)(n + 1) * sizeof(candidate);  /* never none */
    for (int i = 0; i < 4; i++) PR_TRY(pr_check_output(env, &out[i]));
    return PR_OK;
}

/* Before: of a higher score, or of the same and first in the list. */
static bool is_before(const candidate *a, const candidate *b) {
    return a->score > b->score || (a->score == b->score && a->box < b->box);
}

/* Lets the entry at `at` sink in a heap whose first entry stands before all others. */
static void sink(candidate *heap, int64_t count, int64_t at) {
    const candidate entry = heap[at];
    for (int64_t child = 2 * at + 1; child < count; at = child, child = 2 * at + 1) {
        if (child + 1 < count && is_before(&heap[child + 1], &heap[child])) child++;
        if (!is_before(&heap[child], &entry)) break;
        heap[at] = heap[child];
    }
    heap[at] = entry;
}

static candidate score_of(const float *scores, int64_t classes, int64_t box) {
    candidate best = {scores[0], (int32_t)box, 0};
    for (int64_t c = 1; c < classes; c++)
        if (scores[c] > best.score) best.score = scores[c], best.class = (int32_t)c;
    return best;
}

/* Entries that reach the threshold, as a heap; when there are none, the best of all (with N > 0). */
static int64_t collect(const float *scores, int64_t n, int64_t classes, float threshold, candidate *heap) {
    int64_t count = 0;
    candidate best = {-INFINITY, 0, 0};
    for (int64_t box = 0; box < n; box++) {
        const candidate c = score_of(scores + box * classes, classes, box);
        if (c.score > best.score) best = c;
        if (c.score >= threshold) heap[count++] = c;
    }
    for (int64_t at = count / 2 - 1; at >= 0; at--) sink(heap, count, at);
    if (count == 0 && n > 0) heap[count++] = best;
    return count;
}

static float overlap(const float *a, const float *b) {
    const float width = fminf(a[0] + a[2] / 2, b[0] + b[2] / 2) - fmaxf(a[0] - a[2] / 2, b[0] - b[2] / 2);
    const float height = fminf(a[1] + a[3] / 2, b[1] + b[3] / 2) - fmaxf(a[1] - a[3] / 2, b[1] - b[3] / 2);
    if (!(width > 0 && height > 0)) return 0;
    const float common = width * height;
    return common / (a[2] * a[3] + b[2] * b[3] - common);
}

typedef struct nms_job {
    const pr_view *in;
    pr_view *out;
    candidate *heaps;                       /* per worker (N) */
    bool per_class;
} nms_job;

/* The heap gives up its first entry; the entries that stayed are kept where it shrank. */
static int64_t choose(const nms_job *job, const float *boxes, candidate *heap, int64_t count, int64_t most) {
    const float limit = *(const float *)job->in[IOU_THRESHOLD].data;
    const int64_t end = count;
    int64_t chosen = 0;
    while (count > 0 && chosen < most) {
        const candidate next = heap[0];
        heap[0] = heap[--count];
        if (count > 0) sink(heap, count, 0);
        bool stays = true;
        for (int64_t i = 0; i < chosen && stays; i++) {
            const candidate *other = &heap[end - 1 - i];
            if (job->per_class && other->class != next.class) continue;
            if (overlap(boxes + 4 * (int64_t)other->box, boxes + 4 * (int64_t)next.box) > limit) stays = false;
        }
        if (stays) heap[end - 1 - chosen++] = next;
    }
    return chosen;
}

static void nms_examples(void *arg, int64_t begin, int64_t end, int worker) {
    const nms_job *job = arg;
    const int64_t n = job->in[BOXES].shape[1], classes = job->in[SCORES].shape[2], most = job->out[INDICES].shape[1];
    candidate *heap = job->heaps + worker * n;
    for (int64_t b = begin; b < end; b++) {
        const float *boxes = (const float *)job->in[BOXES].data + b * n * 4;
        const float *scores = (const float *)job->in[SCORES].data + b * n * classes;
        float *to_boxes = (float *)job->out[CHOSEN_BOXES].data + b * most * 4;
        float *to_scores = (float *)job->out[CHOSEN_SCORES].data + b * most * classes;
        float *to_indices = (float *)job->out[INDICES].data + b * most;
        const int64_t count = collect(scores, n, classes, *(const float *)job->in[SCORE_THRESHOLD].data, heap);
        const int64_t chosen = choose(job, boxes, heap, count, most);
        for (int64_t i = 0; i < chosen; i++) {
            const int64_t box = heap[count - 1 - i].box;
            memcpy(to_boxes + i * 4, boxes + box * 4, 4 * sizeof(float));
            memcpy(to_scores + i * classes, scores + box * classes, (size_t)classes * sizeof(float));
            to_indices[i] = (float)box;
        }
        memset(to_boxes + chosen * 4, 0, (size_t)((most - chosen) * 4) * sizeof(float));
        memset(to_scores + chosen * classes, 0, (size_t)((most - chosen) * classes) * sizeof(float));
        for (int64_t i = chosen; i < most; i++) to_indices[i] = -1;
        ((float *)job->out[COUNT].data)[b] = (float)chosen;
    }
}

pr_status pr_nms_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_nms_attrs *attrs = env->attrs;
    nms_job job = {in, out, env->scratch, attrs->per_class != 0};
    (void)inputs, (void)outputs;
    pr_for(env->pool, in[BOXES].shape[0], 1, nms_examples, &job);
    return PR_OK;
}
