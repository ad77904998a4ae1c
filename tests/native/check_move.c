/* Operators that move values by numbers they are given: slices, tiles, gathers, scatters, with numbers from a hostile file or
 * prediction.  Whatever their shape rules accept must run inside its buffers, which end at a page that may not be touched,
 * fill its whole result, and be the same with one thread and with three. */
#include "check.h"
#include "ops/gather/gather.h"
#include "ops/move/move.h"
#include "ops/scatter/scatter.h"
#include "ops/shape/shape.h"

typedef struct subject {
    const char *name;
    int op, inputs;
    size_t attrs;                   /* bytes */
} subject;

#define SUBJECT(op, inputs, attrs) {#op, PR_OP_##op, inputs, sizeof(attrs)}
static const subject subjects[] = {
    SUBJECT(RESHAPE, 1, pr_reshape_attrs), SUBJECT(RESHAPE_TO, 2, pr_reshape_to_attrs), SUBJECT(GET_SHAPE, 1, pr_get_shape_attrs),
    SUBJECT(BROADCAST, 1, pr_broadcast_attrs), SUBJECT(BROADCAST_TO, 2, pr_broadcast_to_attrs), SUBJECT(RANGE, 3, pr_range_attrs),
    SUBJECT(SLICE, 1, pr_slice_attrs), SUBJECT(SLICE_TO, 6, pr_slice_to_attrs), SUBJECT(SLICE_BY_SIZE, 2, pr_slice_by_size_attrs),
    SUBJECT(TILE, 1, pr_tile_attrs), SUBJECT(TILE_TO, 2, pr_tile_to_attrs), SUBJECT(PAD_TO, 2, pr_pad_to_attrs),
    SUBJECT(WINDOWS, 1, pr_windows_attrs), SUBJECT(REVERSE_SEQUENCE, 2, pr_reverse_sequence_attrs), SUBJECT(BAND, 1, pr_band_attrs),
    SUBJECT(GATHER, 2, pr_gather_attrs), SUBJECT(GATHER_ND, 2, pr_gather_nd_attrs), SUBJECT(GATHER_ALONG, 2, pr_gather_along_attrs),
    SUBJECT(ONE_HOT, 1, pr_one_hot_attrs), SUBJECT(ONE_HOT_TO, 2, pr_one_hot_to_attrs),
    SUBJECT(WHERE_NON_ZERO, 1, pr_where_non_zero_attrs), SUBJECT(SCATTER, 3, pr_scatter_attrs),
    SUBJECT(SCATTER_ND, 3, pr_scatter_nd_attrs), SUBJECT(SCATTER_ALONG, 3, pr_scatter_along_attrs),
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects, LARGEST = 20000 };

static int32_t strange_word(void) {
    static const int32_t some[] = {-1, -2, 5, 64, 1 << 20, INT32_MAX, INT32_MIN, 1 << 30};
    return random_int(0, 9) ? random_int(0, 3) : some[random_int(0, 7)];
}

static float strange_number(void) {
    static const float some[] = {-5, 7, 0.5f, -0.5f, 1e30f, -1e30f, 4e9f, 1 << 25};
    return random_int(0, 19) ? (float)random_int(-1, 3) : random_int(0, 3) ? some[random_int(0, 7)] : random_int(0, 1) ? NAN : INFINITY;
}

/* A list of attributes as long as the rank of x, or words; both are legal often enough. */
static void fill_attrs(int32_t *words, size_t count, int rank) {
    for (size_t i = 0; i < count; i++) words[i] = strange_word();
    for (size_t i = 0; i + 9 <= count; i += 9) words[i] = random_int(0, 15) ? rank : strange_word();
}

/* Input 0 has any shape; the others have one axis of about as many numbers, or the shape of input 0 but for an axis. */
static pr_view strange_input(const pr_view *x, int which) {
    pr_view v = {.dtype = PR_F32, .rank = 1, .shape = {random_int(0, 3) ? x->rank : random_int(0, 4)}};
    if (which && random_int(0, 1)) return v;
    if (which && random_int(0, 1)) {
        v = *x;
        if (v.rank && random_int(0, 1)) v.shape[random_int(0, v.rank - 1)] = random_int(0, 4);
        return v;
    }
    v.rank = random_int(0, 4);
    for (int i = 0; i < v.rank; i++) v.shape[i] = random_int(0, 9) ? random_int(1, 4) : 0;
    return v;
}

static float *strange_numbers(int64_t n) {
    float *data = guarded(n);
    for (int64_t i = 0; i < n; i++) data[i] = strange_number();
    return data;
}

/* True when it ran; the result's numbers are in out. */
static int attempt(const subject *s, const int32_t *attrs, const pr_view *in, int threads, pr_view *out) {
    pr_kernels kernels;
    pr_message message = {{0}};
    pr_kernels_select(&kernels, options.levels);
    pr_env env = {.kernels = &kernels, .pool = pools[threads], .layer = "hostile", .attrs = attrs, .message = &message};
    if (pr_ops[s->op].infer(&env, in, s->inputs, out, 1) != PR_OK) {
        if (!message.text[0]) check_fail("%s: refused without a sentence", s->name);
        return 0;
    }
    const int64_t count = pr_view_count(out);
    if (count < 0) check_fail("%s: a size is open though every number is there", s->name);
    if (count <= 0 || count > LARGEST || pr_ops[s->op].flags & PR_OP_ALIAS) return 0;
    out->data = guarded(count);
    if (env.scratch_bytes) env.scratch = guarded_bytes((env.scratch_bytes + 63) / 64 * 64);
    return pr_ops[s->op].run(&env, in, s->inputs, out, 1) == PR_OK;
}

/* Whether it ran. */
static int check_subject(const subject *s) {
    int32_t attrs[64];
    pr_view in[6], one, three;
    for (int i = 0; i < s->inputs; i++) {
        in[i] = strange_input(&in[0], i);
        in[i].data = strange_numbers(pr_view_count(&in[i]));
    }
    fill_attrs(attrs, s->attrs / sizeof *attrs, in[0].rank);
    check_count();
    if (!attempt(s, attrs, in, 1, &one) || !attempt(s, attrs, in, 3, &three)) return 0;
    const size_t bytes = (size_t)pr_view_count(&one) * sizeof(float);
    if (memcmp(one.data, three.data, bytes)) check_fail("%s: another answer with three threads", s->name);
    for (int64_t i = 0; i < pr_view_count(&one); i++)
        if (is_guard(((const float *)one.data)[i])) {
            check_fail("%s: element %lld of its result was not written", s->name, (long long)i);
            break;
        }
    return 1;
}

void check_move(void) {
    int64_t ran[SUBJECTS] = {0};
    for (int round = 0; round < 100 * options.rounds; round++)
        for (int i = 0; i < SUBJECTS; i++) {
            ran[i] += check_subject(&subjects[i]);
            release_all();
        }
    for (int i = 0; i < SUBJECTS && options.rounds >= 100; i++)
        if (!ran[i] && !(pr_ops[subjects[i].op].flags & PR_OP_ALIAS)) check_fail("%s: never ran", subjects[i].name);
}
