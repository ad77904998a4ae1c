#include "base/vec_avx2.h"
#include "ops/gemm/gemm_body.h"

PR_TILES_TO_3(1) PR_TILE(4, 1) PR_TILE(5, 1) PR_TILE(6, 1) PR_TILE(7, 1) PR_TILE(8, 1)
PR_TILES_TO_3(2) PR_TILE(4, 2) PR_TILE(5, 2) PR_TILE(6, 2)
PR_TILES_TO_3(3) PR_TILE(4, 3)

const pr_gemm_tiles pr_gemm_f32__avx2 = {
    {0},
    {0, pr_tile_1x1, pr_tile_2x1, pr_tile_3x1, pr_tile_4x1, pr_tile_5x1, pr_tile_6x1, pr_tile_7x1, pr_tile_8x1},
    {0, pr_tile_1x2, pr_tile_2x2, pr_tile_3x2, pr_tile_4x2, pr_tile_5x2, pr_tile_6x2},
    {0, pr_tile_1x3, pr_tile_2x3, pr_tile_3x3, pr_tile_4x3},
};
