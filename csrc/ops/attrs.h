/* The attribute structs of all families, for the table of operators. */
#ifndef PR_OPS_ATTRS_H
#define PR_OPS_ATTRS_H

#include "ops/attention/attention.h"
#include "ops/binary/binary.h"
#include "ops/control/control.h"
#include "ops/conv/conv.h"
#include "ops/conv/inverted.h"
#include "ops/custom/custom.h"
#include "ops/gather/gather.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/matmul.h"
#include "ops/image/image.h"
#include "ops/move/move.h"
#include "ops/nms/nms.h"
#include "ops/norm/norm.h"
#include "ops/pool/pool.h"
#include "ops/random/random.h"
#include "ops/reduce/reduce.h"
#include "ops/resize/crop_resize.h"
#include "ops/resize/resize.h"
#include "ops/rnn/rnn.h"
#include "ops/scatter/scatter.h"
#include "ops/shape/shape.h"
#include "ops/scan/scan.h"
#include "ops/select/select.h"
#include "ops/softmax/softmax.h"
#include "ops/training/recurrence.h"
#include "ops/training/training.h"
#include "ops/sort/sort.h"
#include "ops/unary/unary.h"

#endif
