/* Convolution and pooling as a book has them, in double, written apart from the library's own reference. */
#ifndef PR_TESTS_BRUTE_H
#define PR_TESTS_BRUTE_H

#include "ops/conv/conv.h"
#include "ops/pool/pool.h"

/* One axis: how many outputs, and how many cells of padding lie before the first. */
typedef struct brute_axis { int out, before; } brute_axis;
brute_axis brute_place(int padding, int size, int kernel, int stride, int dilation, int begin, int end, int any_begin);
/* out: the size that the layer gives its output, or 0. */
brute_axis brute_place_transposed(int padding, int size, int kernel, int stride, int dilation, int begin, int end, int out);

#endif
