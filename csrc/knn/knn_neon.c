#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "knn/knn_body.h"
