#include "base/vec_ref.h"
#define PR_LEVEL ref
#include "knn/knn_body.h"
