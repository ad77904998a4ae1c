#include "ops/rnn/units.h"

pr_panels pr_panels_of(int32_t lanes, pr_units_kind kind, int64_t hidden) {
    static const struct { int64_t gates, groups; } form[PR_UNITS_COUNT] = {
        [PR_UNITS_LSTM] = {4, 2}, [PR_UNITS_SIMPLE] = {1, 8}, [PR_UNITS_RESET] = {2, 4}, [PR_UNITS_OUTPUT] = {1, 8},
        [PR_UNITS_AFTER] = {3, 2},
    };
    pr_panels p = {form[kind].gates, form[kind].groups, form[kind].groups * lanes, 0, 0};
    p.floats = p.units * p.gates * hidden;
    p.count = (hidden + p.units - 1) / p.units;
    return p;
}

void pr_panels_pack(const pr_panels *panels, int32_t lanes, const float *r, int64_t hidden, float *out) {
    for (int64_t unit = 0; unit < panels->count * panels->units; unit += panels->units)
        for (int64_t k = 0; k < hidden; k++)
            for (int64_t j = 0; j < panels->units * panels->gates; j++) {
                const int64_t u = unit + j / (panels->gates * lanes) * lanes + j % lanes, gate = j / lanes % panels->gates;
                *out++ = u < hidden ? r[(gate * hidden + u) * hidden + k] : 0;
            }
}
