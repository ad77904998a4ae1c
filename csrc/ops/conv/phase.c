/* Which taps meet which outputs. */
#include "ops/conv/conv_kernel.h"

static int64_t pr_common_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The number x with a*x % m = 1 % m, for a and m without common divisor: Euclid's algorithm backwards. */
static int64_t pr_inverse(int64_t a, int64_t m) {
    int64_t x = 1, next = 0, n = m;
    while (n) {
        int64_t q = a / n, rest = a - q * n, before = x - q * next;
        a = n, n = rest, x = next, next = before;
    }
    return (x % m + m) % m;
}

/* Taps i and i + distance reach outputs of the same phase. */
static int64_t pr_tap_distance(int64_t stride, int64_t dilation) { return stride / pr_common_divisor(stride, dilation); }

int64_t pr_tap_classes(const pr_conv_attrs *attrs, int axis) {
    if (!attrs->transposed) return 1;
    int64_t kernel = pr_at_axis(&attrs->kernel, axis);
    int64_t distance = pr_tap_distance(pr_at_axis(&attrs->strides, axis), pr_at_axis(&attrs->dilations, axis));
    return kernel < distance ? kernel : distance;
}

pr_phase pr_tap_class(const pr_conv_attrs *attrs, int axis, int64_t i) {
    int64_t kernel = pr_at_axis(&attrs->kernel, axis);
    if (!attrs->transposed) return (pr_phase){.tap_step = 1, .taps = kernel};
    int64_t distance = pr_tap_distance(pr_at_axis(&attrs->strides, axis), pr_at_axis(&attrs->dilations, axis));
    int64_t taps = (kernel - 1 - i) / distance + 1;         /* i, i + distance, ..; the last one meets the lowest cell */
    return (pr_phase){.tap = i + (taps - 1) * distance, .tap_step = -distance, .taps = taps};
}

int64_t pr_phases(const pr_conv_attrs *attrs, const pr_axis *axis) {
    if (!attrs->transposed) return 1;
    return axis->stride < axis->out ? axis->stride : axis->out;
}

/* Output o = first + i*stride is at position z = o + before of the uncut result; tap t meets it from cell
 * (z - t*dilation) / stride, where that is whole. */
pr_phase pr_phase_at(const pr_conv_attrs *attrs, const pr_axis *axis, int64_t i) {
    if (!attrs->transposed)
        return (pr_phase){.step = 1, .count = axis->out, .tap_step = 1, .taps = axis->kernel, .origin = -axis->before,
                          .advance = axis->stride, .spread = axis->dilation};
    int64_t distance = pr_tap_distance(axis->stride, axis->dilation), z = i + axis->before;
    pr_phase p = {.first = i, .step = axis->stride, .count = (axis->out - i - 1) / axis->stride + 1, .tap_step = -distance,
                  .advance = 1, .spread = axis->dilation / (axis->stride / distance)};
    /* The lowest tap t with t*dilation % stride = z % stride. */
    int64_t common = axis->stride / distance;
    if (z % common) return p;               /* no tap: bias only */
    int64_t lowest = z / common % distance * pr_inverse(axis->dilation / common % distance, distance) % distance;
    if (lowest >= axis->kernel) return p;
    int64_t fewer = (axis->kernel - 1) / distance, more = (axis->kernel - 1) % distance + 1;     /* classes below `more` have one more */
    p.taps = (axis->kernel - 1 - lowest) / distance + 1;
    p.tap = lowest + (p.taps - 1) * distance;
    p.origin = (z - p.tap * axis->dilation) / axis->stride;
    p.before = lowest * fewer + (lowest < more ? lowest : more);
    return p;
}
