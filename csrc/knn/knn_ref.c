#include "base/vec_ref.h"
#define PR_LEVEL ref
#define PR_KNN_TILE 4                       /* rows of a tile: two sums each, in registers */
#include "knn/knn_body.h"
