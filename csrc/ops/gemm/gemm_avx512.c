#include "base/vec_avx512.h"
#include "ops/gemm/gemm_body.h"

#define PR_TILES_TO_9(nv) PR_TILES_TO_3(nv) PR_TILE(4, nv) PR_TILE(5, nv) \
    PR_TILE(6, nv) PR_TILE(7, nv) PR_TILE(8, nv) PR_TILE(9, nv)
#define PR_TILES_TO_14(nv) PR_TILES_TO_9(nv) PR_TILE(10, nv) PR_TILE(11, nv) PR_TILE(12, nv) PR_TILE(13, nv) PR_TILE(14, nv)
#define PR_ROWS_TO_9(nv) 0, pr_tile_1x##nv, pr_tile_2x##nv, pr_tile_3x##nv, pr_tile_4x##nv, pr_tile_5x##nv, \
    pr_tile_6x##nv, pr_tile_7x##nv, pr_tile_8x##nv, pr_tile_9x##nv
#define PR_ROWS_TO_14(nv) PR_ROWS_TO_9(nv), pr_tile_10x##nv, pr_tile_11x##nv, pr_tile_12x##nv, pr_tile_13x##nv, \
    pr_tile_14x##nv

PR_TILES_TO_14(1)
PR_TILES_TO_14(2)
PR_TILES_TO_9(3)

const pr_gemm_tiles pr_gemm_f32__avx512 = {{0}, {PR_ROWS_TO_14(1)}, {PR_ROWS_TO_14(2)}, {PR_ROWS_TO_9(3)}};
