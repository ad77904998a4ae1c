#include "base/vec_avx512.h"
#define PR_LEVEL avx512
#define PR_KNN_TILE 12                       /* rows of a tile: two sums each, in registers */
#include "knn/knn_body.h"
