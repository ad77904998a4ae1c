#include "base/vec_neon.h"
#define PR_LEVEL neon
#define PR_KNN_TILE 12                       /* rows of a tile: two sums each, in registers */
#include "knn/knn_body.h"
