/* One query against samples in order, in blocks that stay in the first-level cache. */
#include "knn/knn.h"

static const float *float_row(const pr_knn *index, const pr_knn_part *part, int64_t row) {
    return part->samples.floats + row * index->dimensions;
}

static const int8_t *code_row(const pr_knn *index, const pr_knn_part *part, int64_t row) {
    return part->samples.codes + row * index->dimensions;
}

float pr_knn_distance(const pr_knn *index, const pr_knn_part *part, int64_t row, const float *query) {
    float distance;
    if (part->samples.floats) index->kernels->distances(float_row(index, part, row), 1, index->dimensions, query, &distance);
    else
        index->kernels->code_distances(code_row(index, part, row), part->samples.scales + row, 1, index->dimensions, query,
                                       &distance);
    return distance;
}

/* Whether one of a block may enter: most blocks of a long scan have none, and this loop becomes vector instructions. */
static int any_within(const float *distances, int64_t count, float limit) {
    int any = 0;
    for (int64_t i = 0; i < count; i++) any |= distances[i] <= limit;
    return any;
}

static void offer_block(const float *distances, int64_t count, const int64_t *order, int64_t first, pr_nearest *nearest) {
    if (!any_within(distances, count, pr_nearest_limit(nearest))) return;
    for (int64_t i = 0; i < count; i++)
        if (distances[i] <= pr_nearest_limit(nearest))
            pr_nearest_offer(nearest, (pr_neighbor){distances[i], order ? order[i] : first + i});
}

void pr_knn_scan_ordered(const pr_knn *index, const float *rows, const int64_t *order, int64_t count, const float *query,
                         pr_nearest *nearest) {
    float distances[PR_KNN_BLOCK];
    for (int64_t at = 0; at < count; at += PR_KNN_BLOCK) {
        const int64_t n = count - at < PR_KNN_BLOCK ? count - at : PR_KNN_BLOCK;
        index->kernels->distances(rows + at * index->dimensions, n, index->dimensions, query, distances);
        offer_block(distances, n, order + at, 0, nearest);
    }
}

static void scan_floats(const pr_knn *index, const pr_knn_part *part, int64_t begin, int64_t end, const float *query,
                        pr_nearest *nearest) {
    float distances[PR_KNN_BLOCK];
    for (int64_t at = begin; at < end; at += PR_KNN_BLOCK) {
        const int64_t n = end - at < PR_KNN_BLOCK ? end - at : PR_KNN_BLOCK;
        index->kernels->distances(float_row(index, part, at), n, index->dimensions, query, distances);
        offer_block(distances, n, NULL, part->first + at, nearest);
    }
}

/* sqrt(true distance) >= sqrt(that of the codes) - error, so a sample whose computed code distance is above
 * (sqrt(limit) + error)^2 and all rounding is too far. */
static void rule_out(const pr_knn *index, const pr_knn_part *part, int64_t at, int64_t n, const float *codes,
                     const float *query, pr_nearest *nearest) {
    const double slack = 2 - pr_knn_shrink(index->dimensions);
    const float wide = nextafterf((float)slack, INFINITY);
    const float *errors = part->samples.errors + at;
    float reach = nextafterf((float)sqrt(pr_knn_true_limit(pr_nearest_limit(nearest), index->dimensions)), INFINITY);
    int any = 0;
    for (int64_t i = 0; i < n; i++) any |= !(codes[i] > (reach + errors[i]) * (reach + errors[i]) * wide);
    for (int64_t i = 0; any && i < n; i++) {
        if (codes[i] > (reach + errors[i]) * (reach + errors[i]) * wide) continue;
        const float distance = pr_knn_distance(index, part, at + i, query);
        if (!(distance <= pr_nearest_limit(nearest))) continue;
        pr_nearest_offer(nearest, (pr_neighbor){distance, part->first + at + i});
        reach = nextafterf((float)sqrt(pr_knn_true_limit(pr_nearest_limit(nearest), index->dimensions)), INFINITY);
    }
}

static void scan_codes(const pr_knn *index, const pr_knn_part *part, int64_t begin, int64_t end, const float *query,
                       pr_nearest *nearest) {
    float distances[PR_KNN_BLOCK];
    for (int64_t at = begin; at < end; at += PR_KNN_BLOCK) {
        const int64_t n = end - at < PR_KNN_BLOCK ? end - at : PR_KNN_BLOCK;
        index->kernels->code_distances(code_row(index, part, at), part->samples.scales + at, n, index->dimensions, query,
                                       distances);
        if (part->samples.floats) rule_out(index, part, at, n, distances, query, nearest);
        else offer_block(distances, n, NULL, part->first + at, nearest);
    }
}

void pr_knn_scan(const pr_knn *index, int64_t begin, int64_t end, const float *query, pr_nearest *nearest) {
    for (int32_t p = 0; p < index->part_count; p++) {
        const pr_knn_part *part = &index->parts[p];
        const int64_t from = begin > part->first ? begin - part->first : 0;
        const int64_t to = end - part->first < part->samples.count ? end - part->first : part->samples.count;
        if (from >= to) continue;
        if (part->samples.codes) scan_codes(index, part, from, to, query, nearest);
        else scan_floats(index, part, from, to, query, nearest);
    }
}
