#include "base/vec_avx2.h"
#define PR_LEVEL avx2
#define PR_KNN_TILE 6                       /* rows of a tile: two sums each, in registers */
#include "knn/knn_body.h"
