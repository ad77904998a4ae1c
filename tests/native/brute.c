#include "brute.h"

#include <math.h>

brute_axis brute_place(int padding, int size, int kernel, int stride, int dilation, int begin, int end, int any_begin) {
    int span = (kernel - 1) * dilation + 1;
    if (padding == PR_PAD_EXPLICIT) {
        int room = size + begin + end - span;
        return (brute_axis){room < 0 ? 0 : (int)floor((double)room / stride) + 1, begin};
    }
    if (padding == PR_PAD_INCLUDE_LAST) {
        int out = (int)ceil((double)(size + 2 * begin - span) / stride) + 1;
        if (any_begin && (out - 1) * stride >= size + begin) out--;
        return (brute_axis){out, begin};
    }
    int out = (int)ceil((double)size / stride), total = (out - 1) * stride + span - size;
    if (total < 0) total = 0;
    return (brute_axis){out, padding == PR_PAD_SAME_TOP_LEFT ? (total + 1) / 2 : total / 2};
}

brute_axis brute_place_transposed(int padding, int size, int kernel, int stride, int dilation, int begin, int end, int out) {
    int whole = (size - 1) * stride + (kernel - 1) * dilation + 1;
    if (padding == PR_PAD_EXPLICIT) return (brute_axis){out ? out : whole - begin - end, begin};
    if (!out) out = size * stride;
    int total = whole > out ? whole - out : 0;
    return (brute_axis){out, padding == PR_PAD_SAME_TOP_LEFT ? (total + 1) / 2 : total / 2};
}
