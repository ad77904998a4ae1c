/* Written by tools/arm/inorder_tile.py, which explains it: eight depths of a tile, with loads for the next eight and
 * without.  Operands: b and r0 .. r3, which are addresses. */
#ifndef PR_OPS_GEMM_A53_LOOP_H
#define PR_OPS_GEMM_A53_LOOP_H

/* clang-format off */
#define PR_A53_DEPTHS \
    "ldr d12, [%[b], #64]; fmla v16.4s, v8.4s, v0.s[0]; ldr x16, [%[b], #72]; fmla v17.4s, v8.4s, v1.s[0]; fmla v18.4s, v8.4s, v2.s[0]\n" \
    "ldr d13, [%[b], #80]; ins v12.d[1], x16; fmla v19.4s, v8.4s, v3.s[0]; ldr x17, [%[b], #88]; fmla v20.4s, v9.4s, v0.s[0]; fmla v21.4s, v9.4s, v1.s[0]\n" \
    "ldr d14, [%[b], #96]; ins v13.d[1], x17; fmla v22.4s, v9.4s, v2.s[0]; ldr x16, [%[b], #104]; fmla v23.4s, v9.4s, v3.s[0]; fmla v24.4s, v10.4s, v0.s[0]\n" \
    "ldr d15, [%[b], #112]; ins v14.d[1], x16; fmla v25.4s, v10.4s, v1.s[0]; ldr x17, [%[b], #120]; fmla v26.4s, v10.4s, v2.s[0]; fmla v27.4s, v10.4s, v3.s[0]\n" \
    "ldr d4, [%[r0], #16]; ins v15.d[1], x17; fmla v28.4s, v11.4s, v0.s[0]; ldr x16, [%[r0], #24]; fmla v29.4s, v11.4s, v1.s[0]; fmla v30.4s, v11.4s, v2.s[0]\n" \
    "ldr d8, [%[b], #128]; ins v4.d[1], x16; fmla v31.4s, v11.4s, v3.s[0]; ldr x17, [%[b], #136]; fmla v16.4s, v12.4s, v0.s[1]; fmla v17.4s, v12.4s, v1.s[1]\n" \
    "ldr d9, [%[b], #144]; ins v8.d[1], x17; fmla v18.4s, v12.4s, v2.s[1]; ldr x16, [%[b], #152]; fmla v19.4s, v12.4s, v3.s[1]; fmla v20.4s, v13.4s, v0.s[1]\n" \
    "ldr d10, [%[b], #160]; ins v9.d[1], x16; fmla v21.4s, v13.4s, v1.s[1]; ldr x17, [%[b], #168]; fmla v22.4s, v13.4s, v2.s[1]; fmla v23.4s, v13.4s, v3.s[1]\n" \
    "ldr d11, [%[b], #176]; ins v10.d[1], x17; fmla v24.4s, v14.4s, v0.s[1]; ldr x16, [%[b], #184]; fmla v25.4s, v14.4s, v1.s[1]; fmla v26.4s, v14.4s, v2.s[1]\n" \
    "ldr d5, [%[r1], #16]; ins v11.d[1], x16; fmla v27.4s, v14.4s, v3.s[1]; ldr x17, [%[r1], #24]; fmla v28.4s, v15.4s, v0.s[1]; fmla v29.4s, v15.4s, v1.s[1]\n" \
    "ldr d12, [%[b], #192]; ins v5.d[1], x17; fmla v30.4s, v15.4s, v2.s[1]; ldr x16, [%[b], #200]; fmla v31.4s, v15.4s, v3.s[1]; fmla v16.4s, v8.4s, v0.s[2]\n" \
    "ldr d13, [%[b], #208]; ins v12.d[1], x16; fmla v17.4s, v8.4s, v1.s[2]; ldr x17, [%[b], #216]; fmla v18.4s, v8.4s, v2.s[2]; fmla v19.4s, v8.4s, v3.s[2]\n" \
    "ldr d14, [%[b], #224]; ins v13.d[1], x17; fmla v20.4s, v9.4s, v0.s[2]; ldr x16, [%[b], #232]; fmla v21.4s, v9.4s, v1.s[2]; fmla v22.4s, v9.4s, v2.s[2]\n" \
    "ldr d15, [%[b], #240]; ins v14.d[1], x16; fmla v23.4s, v9.4s, v3.s[2]; ldr x17, [%[b], #248]; fmla v24.4s, v10.4s, v0.s[2]; fmla v25.4s, v10.4s, v1.s[2]\n" \
    "ldr d6, [%[r2], #16]; ins v15.d[1], x17; fmla v26.4s, v10.4s, v2.s[2]; ldr x16, [%[r2], #24]; fmla v27.4s, v10.4s, v3.s[2]; fmla v28.4s, v11.4s, v0.s[2]\n" \
    "ldr d8, [%[b], #256]; ins v6.d[1], x16; fmla v29.4s, v11.4s, v1.s[2]; ldr x17, [%[b], #264]; fmla v30.4s, v11.4s, v2.s[2]; fmla v31.4s, v11.4s, v3.s[2]\n" \
    "ldr d9, [%[b], #272]; ins v8.d[1], x17; fmla v16.4s, v12.4s, v0.s[3]; ldr x16, [%[b], #280]; fmla v17.4s, v12.4s, v1.s[3]; fmla v18.4s, v12.4s, v2.s[3]\n" \
    "ldr d10, [%[b], #288]; ins v9.d[1], x16; fmla v19.4s, v12.4s, v3.s[3]; ldr x17, [%[b], #296]; fmla v20.4s, v13.4s, v0.s[3]; fmla v21.4s, v13.4s, v1.s[3]\n" \
    "ldr d11, [%[b], #304]; ins v10.d[1], x17; fmla v22.4s, v13.4s, v2.s[3]; ldr x16, [%[b], #312]; fmla v23.4s, v13.4s, v3.s[3]; fmla v24.4s, v14.4s, v0.s[3]\n" \
    "ldr d7, [%[r3], #16]; ins v11.d[1], x16; fmla v25.4s, v14.4s, v1.s[3]; ldr x17, [%[r3], #24]; fmla v26.4s, v14.4s, v2.s[3]; fmla v27.4s, v14.4s, v3.s[3]\n" \
    "ldr d12, [%[b], #320]; ins v7.d[1], x17; fmla v28.4s, v15.4s, v0.s[3]; ldr x16, [%[b], #328]; fmla v29.4s, v15.4s, v1.s[3]; fmla v30.4s, v15.4s, v2.s[3]\n" \
    "ldr d13, [%[b], #336]; ins v12.d[1], x16; fmla v31.4s, v15.4s, v3.s[3]; ldr x17, [%[b], #344]; fmla v16.4s, v8.4s, v4.s[0]; fmla v17.4s, v8.4s, v5.s[0]\n" \
    "ldr d14, [%[b], #352]; ins v13.d[1], x17; fmla v18.4s, v8.4s, v6.s[0]; ldr x16, [%[b], #360]; fmla v19.4s, v8.4s, v7.s[0]; fmla v20.4s, v9.4s, v4.s[0]\n" \
    "ldr d15, [%[b], #368]; ins v14.d[1], x16; fmla v21.4s, v9.4s, v5.s[0]; ldr x17, [%[b], #376]; fmla v22.4s, v9.4s, v6.s[0]; fmla v23.4s, v9.4s, v7.s[0]\n" \
    "ldr d0, [%[r0], #32]; ins v15.d[1], x17; fmla v24.4s, v10.4s, v4.s[0]; ldr x16, [%[r0], #40]; fmla v25.4s, v10.4s, v5.s[0]; fmla v26.4s, v10.4s, v6.s[0]\n" \
    "ldr d8, [%[b], #384]; ins v0.d[1], x16; fmla v27.4s, v10.4s, v7.s[0]; ldr x17, [%[b], #392]; fmla v28.4s, v11.4s, v4.s[0]; fmla v29.4s, v11.4s, v5.s[0]\n" \
    "ldr d9, [%[b], #400]; ins v8.d[1], x17; fmla v30.4s, v11.4s, v6.s[0]; ldr x16, [%[b], #408]; fmla v31.4s, v11.4s, v7.s[0]; fmla v16.4s, v12.4s, v4.s[1]\n" \
    "ldr d10, [%[b], #416]; ins v9.d[1], x16; fmla v17.4s, v12.4s, v5.s[1]; ldr x17, [%[b], #424]; fmla v18.4s, v12.4s, v6.s[1]; fmla v19.4s, v12.4s, v7.s[1]\n" \
    "ldr d11, [%[b], #432]; ins v10.d[1], x17; fmla v20.4s, v13.4s, v4.s[1]; ldr x16, [%[b], #440]; fmla v21.4s, v13.4s, v5.s[1]; fmla v22.4s, v13.4s, v6.s[1]\n" \
    "ldr d1, [%[r1], #32]; ins v11.d[1], x16; fmla v23.4s, v13.4s, v7.s[1]; ldr x17, [%[r1], #40]; fmla v24.4s, v14.4s, v4.s[1]; fmla v25.4s, v14.4s, v5.s[1]\n" \
    "ldr d12, [%[b], #448]; ins v1.d[1], x17; fmla v26.4s, v14.4s, v6.s[1]; ldr x16, [%[b], #456]; fmla v27.4s, v14.4s, v7.s[1]; fmla v28.4s, v15.4s, v4.s[1]\n" \
    "ldr d13, [%[b], #464]; ins v12.d[1], x16; fmla v29.4s, v15.4s, v5.s[1]; ldr x17, [%[b], #472]; fmla v30.4s, v15.4s, v6.s[1]; fmla v31.4s, v15.4s, v7.s[1]\n" \
    "ldr d14, [%[b], #480]; ins v13.d[1], x17; fmla v16.4s, v8.4s, v4.s[2]; ldr x16, [%[b], #488]; fmla v17.4s, v8.4s, v5.s[2]; fmla v18.4s, v8.4s, v6.s[2]\n" \
    "ldr d15, [%[b], #496]; ins v14.d[1], x16; fmla v19.4s, v8.4s, v7.s[2]; ldr x17, [%[b], #504]; fmla v20.4s, v9.4s, v4.s[2]; fmla v21.4s, v9.4s, v5.s[2]\n" \
    "ldr d2, [%[r2], #32]; ins v15.d[1], x17; fmla v22.4s, v9.4s, v6.s[2]; ldr x16, [%[r2], #40]; fmla v23.4s, v9.4s, v7.s[2]; fmla v24.4s, v10.4s, v4.s[2]\n" \
    "ldr d8, [%[b], #512]; ins v2.d[1], x16; fmla v25.4s, v10.4s, v5.s[2]; ldr x17, [%[b], #520]; fmla v26.4s, v10.4s, v6.s[2]; fmla v27.4s, v10.4s, v7.s[2]\n" \
    "ldr d9, [%[b], #528]; ins v8.d[1], x17; fmla v28.4s, v11.4s, v4.s[2]; ldr x16, [%[b], #536]; fmla v29.4s, v11.4s, v5.s[2]; fmla v30.4s, v11.4s, v6.s[2]\n" \
    "ldr d10, [%[b], #544]; ins v9.d[1], x16; fmla v31.4s, v11.4s, v7.s[2]; ldr x17, [%[b], #552]; fmla v16.4s, v12.4s, v4.s[3]; fmla v17.4s, v12.4s, v5.s[3]\n" \
    "ldr d11, [%[b], #560]; ins v10.d[1], x17; fmla v18.4s, v12.4s, v6.s[3]; ldr x16, [%[b], #568]; fmla v19.4s, v12.4s, v7.s[3]; fmla v20.4s, v13.4s, v4.s[3]\n" \
    "ldr d3, [%[r3], #32]; ins v11.d[1], x16; fmla v21.4s, v13.4s, v5.s[3]; ldr x17, [%[r3], #40]; fmla v22.4s, v13.4s, v6.s[3]; fmla v23.4s, v13.4s, v7.s[3]\n" \
    "ins v3.d[1], x17; fmla v24.4s, v14.4s, v4.s[3]; fmla v25.4s, v14.4s, v5.s[3]; fmla v26.4s, v14.4s, v6.s[3]\n" \
    "fmla v27.4s, v14.4s, v7.s[3]; fmla v28.4s, v15.4s, v4.s[3]; fmla v29.4s, v15.4s, v5.s[3]\n" \
    "fmla v30.4s, v15.4s, v6.s[3]; fmla v31.4s, v15.4s, v7.s[3]\n"

#define PR_A53_LAST \
    "ldr d12, [%[b], #64]; fmla v16.4s, v8.4s, v0.s[0]; ldr x16, [%[b], #72]; fmla v17.4s, v8.4s, v1.s[0]; fmla v18.4s, v8.4s, v2.s[0]\n" \
    "ldr d13, [%[b], #80]; ins v12.d[1], x16; fmla v19.4s, v8.4s, v3.s[0]; ldr x17, [%[b], #88]; fmla v20.4s, v9.4s, v0.s[0]; fmla v21.4s, v9.4s, v1.s[0]\n" \
    "ldr d14, [%[b], #96]; ins v13.d[1], x17; fmla v22.4s, v9.4s, v2.s[0]; ldr x16, [%[b], #104]; fmla v23.4s, v9.4s, v3.s[0]; fmla v24.4s, v10.4s, v0.s[0]\n" \
    "ldr d15, [%[b], #112]; ins v14.d[1], x16; fmla v25.4s, v10.4s, v1.s[0]; ldr x17, [%[b], #120]; fmla v26.4s, v10.4s, v2.s[0]; fmla v27.4s, v10.4s, v3.s[0]\n" \
    "ldr d4, [%[r0], #16]; ins v15.d[1], x17; fmla v28.4s, v11.4s, v0.s[0]; ldr x16, [%[r0], #24]; fmla v29.4s, v11.4s, v1.s[0]; fmla v30.4s, v11.4s, v2.s[0]\n" \
    "ldr d8, [%[b], #128]; ins v4.d[1], x16; fmla v31.4s, v11.4s, v3.s[0]; ldr x17, [%[b], #136]; fmla v16.4s, v12.4s, v0.s[1]; fmla v17.4s, v12.4s, v1.s[1]\n" \
    "ldr d9, [%[b], #144]; ins v8.d[1], x17; fmla v18.4s, v12.4s, v2.s[1]; ldr x16, [%[b], #152]; fmla v19.4s, v12.4s, v3.s[1]; fmla v20.4s, v13.4s, v0.s[1]\n" \
    "ldr d10, [%[b], #160]; ins v9.d[1], x16; fmla v21.4s, v13.4s, v1.s[1]; ldr x17, [%[b], #168]; fmla v22.4s, v13.4s, v2.s[1]; fmla v23.4s, v13.4s, v3.s[1]\n" \
    "ldr d11, [%[b], #176]; ins v10.d[1], x17; fmla v24.4s, v14.4s, v0.s[1]; ldr x16, [%[b], #184]; fmla v25.4s, v14.4s, v1.s[1]; fmla v26.4s, v14.4s, v2.s[1]\n" \
    "ldr d5, [%[r1], #16]; ins v11.d[1], x16; fmla v27.4s, v14.4s, v3.s[1]; ldr x17, [%[r1], #24]; fmla v28.4s, v15.4s, v0.s[1]; fmla v29.4s, v15.4s, v1.s[1]\n" \
    "ldr d12, [%[b], #192]; ins v5.d[1], x17; fmla v30.4s, v15.4s, v2.s[1]; ldr x16, [%[b], #200]; fmla v31.4s, v15.4s, v3.s[1]; fmla v16.4s, v8.4s, v0.s[2]\n" \
    "ldr d13, [%[b], #208]; ins v12.d[1], x16; fmla v17.4s, v8.4s, v1.s[2]; ldr x17, [%[b], #216]; fmla v18.4s, v8.4s, v2.s[2]; fmla v19.4s, v8.4s, v3.s[2]\n" \
    "ldr d14, [%[b], #224]; ins v13.d[1], x17; fmla v20.4s, v9.4s, v0.s[2]; ldr x16, [%[b], #232]; fmla v21.4s, v9.4s, v1.s[2]; fmla v22.4s, v9.4s, v2.s[2]\n" \
    "ldr d15, [%[b], #240]; ins v14.d[1], x16; fmla v23.4s, v9.4s, v3.s[2]; ldr x17, [%[b], #248]; fmla v24.4s, v10.4s, v0.s[2]; fmla v25.4s, v10.4s, v1.s[2]\n" \
    "ldr d6, [%[r2], #16]; ins v15.d[1], x17; fmla v26.4s, v10.4s, v2.s[2]; ldr x16, [%[r2], #24]; fmla v27.4s, v10.4s, v3.s[2]; fmla v28.4s, v11.4s, v0.s[2]\n" \
    "ldr d8, [%[b], #256]; ins v6.d[1], x16; fmla v29.4s, v11.4s, v1.s[2]; ldr x17, [%[b], #264]; fmla v30.4s, v11.4s, v2.s[2]; fmla v31.4s, v11.4s, v3.s[2]\n" \
    "ldr d9, [%[b], #272]; ins v8.d[1], x17; fmla v16.4s, v12.4s, v0.s[3]; ldr x16, [%[b], #280]; fmla v17.4s, v12.4s, v1.s[3]; fmla v18.4s, v12.4s, v2.s[3]\n" \
    "ldr d10, [%[b], #288]; ins v9.d[1], x16; fmla v19.4s, v12.4s, v3.s[3]; ldr x17, [%[b], #296]; fmla v20.4s, v13.4s, v0.s[3]; fmla v21.4s, v13.4s, v1.s[3]\n" \
    "ldr d11, [%[b], #304]; ins v10.d[1], x17; fmla v22.4s, v13.4s, v2.s[3]; ldr x16, [%[b], #312]; fmla v23.4s, v13.4s, v3.s[3]; fmla v24.4s, v14.4s, v0.s[3]\n" \
    "ldr d7, [%[r3], #16]; ins v11.d[1], x16; fmla v25.4s, v14.4s, v1.s[3]; ldr x17, [%[r3], #24]; fmla v26.4s, v14.4s, v2.s[3]; fmla v27.4s, v14.4s, v3.s[3]\n" \
    "ldr d12, [%[b], #320]; ins v7.d[1], x17; fmla v28.4s, v15.4s, v0.s[3]; ldr x16, [%[b], #328]; fmla v29.4s, v15.4s, v1.s[3]; fmla v30.4s, v15.4s, v2.s[3]\n" \
    "ldr d13, [%[b], #336]; ins v12.d[1], x16; fmla v31.4s, v15.4s, v3.s[3]; ldr x17, [%[b], #344]; fmla v16.4s, v8.4s, v4.s[0]; fmla v17.4s, v8.4s, v5.s[0]\n" \
    "ldr d14, [%[b], #352]; ins v13.d[1], x17; fmla v18.4s, v8.4s, v6.s[0]; ldr x16, [%[b], #360]; fmla v19.4s, v8.4s, v7.s[0]; fmla v20.4s, v9.4s, v4.s[0]\n" \
    "ldr d15, [%[b], #368]; ins v14.d[1], x16; fmla v21.4s, v9.4s, v5.s[0]; ldr x17, [%[b], #376]; fmla v22.4s, v9.4s, v6.s[0]; fmla v23.4s, v9.4s, v7.s[0]\n" \
    "ins v15.d[1], x17; fmla v24.4s, v10.4s, v4.s[0]; fmla v25.4s, v10.4s, v5.s[0]; fmla v26.4s, v10.4s, v6.s[0]\n" \
    "ldr d8, [%[b], #384]; fmla v27.4s, v10.4s, v7.s[0]; ldr x17, [%[b], #392]; fmla v28.4s, v11.4s, v4.s[0]; fmla v29.4s, v11.4s, v5.s[0]\n" \
    "ldr d9, [%[b], #400]; ins v8.d[1], x17; fmla v30.4s, v11.4s, v6.s[0]; ldr x16, [%[b], #408]; fmla v31.4s, v11.4s, v7.s[0]; fmla v16.4s, v12.4s, v4.s[1]\n" \
    "ldr d10, [%[b], #416]; ins v9.d[1], x16; fmla v17.4s, v12.4s, v5.s[1]; ldr x17, [%[b], #424]; fmla v18.4s, v12.4s, v6.s[1]; fmla v19.4s, v12.4s, v7.s[1]\n" \
    "ldr d11, [%[b], #432]; ins v10.d[1], x17; fmla v20.4s, v13.4s, v4.s[1]; ldr x16, [%[b], #440]; fmla v21.4s, v13.4s, v5.s[1]; fmla v22.4s, v13.4s, v6.s[1]\n" \
    "ins v11.d[1], x16; fmla v23.4s, v13.4s, v7.s[1]; fmla v24.4s, v14.4s, v4.s[1]; fmla v25.4s, v14.4s, v5.s[1]\n" \
    "ldr d12, [%[b], #448]; fmla v26.4s, v14.4s, v6.s[1]; ldr x16, [%[b], #456]; fmla v27.4s, v14.4s, v7.s[1]; fmla v28.4s, v15.4s, v4.s[1]\n" \
    "ldr d13, [%[b], #464]; ins v12.d[1], x16; fmla v29.4s, v15.4s, v5.s[1]; ldr x17, [%[b], #472]; fmla v30.4s, v15.4s, v6.s[1]; fmla v31.4s, v15.4s, v7.s[1]\n" \
    "ldr d14, [%[b], #480]; ins v13.d[1], x17; fmla v16.4s, v8.4s, v4.s[2]; ldr x16, [%[b], #488]; fmla v17.4s, v8.4s, v5.s[2]; fmla v18.4s, v8.4s, v6.s[2]\n" \
    "ldr d15, [%[b], #496]; ins v14.d[1], x16; fmla v19.4s, v8.4s, v7.s[2]; ldr x17, [%[b], #504]; fmla v20.4s, v9.4s, v4.s[2]; fmla v21.4s, v9.4s, v5.s[2]\n" \
    "ins v15.d[1], x17; fmla v22.4s, v9.4s, v6.s[2]; fmla v23.4s, v9.4s, v7.s[2]; fmla v24.4s, v10.4s, v4.s[2]\n" \
    "fmla v25.4s, v10.4s, v5.s[2]; fmla v26.4s, v10.4s, v6.s[2]; fmla v27.4s, v10.4s, v7.s[2]\n" \
    "fmla v28.4s, v11.4s, v4.s[2]; fmla v29.4s, v11.4s, v5.s[2]; fmla v30.4s, v11.4s, v6.s[2]\n" \
    "fmla v31.4s, v11.4s, v7.s[2]; fmla v16.4s, v12.4s, v4.s[3]; fmla v17.4s, v12.4s, v5.s[3]\n" \
    "fmla v18.4s, v12.4s, v6.s[3]; fmla v19.4s, v12.4s, v7.s[3]; fmla v20.4s, v13.4s, v4.s[3]\n" \
    "fmla v21.4s, v13.4s, v5.s[3]; fmla v22.4s, v13.4s, v6.s[3]; fmla v23.4s, v13.4s, v7.s[3]\n" \
    "fmla v24.4s, v14.4s, v4.s[3]; fmla v25.4s, v14.4s, v5.s[3]; fmla v26.4s, v14.4s, v6.s[3]\n" \
    "fmla v27.4s, v14.4s, v7.s[3]; fmla v28.4s, v15.4s, v4.s[3]; fmla v29.4s, v15.4s, v5.s[3]\n" \
    "fmla v30.4s, v15.4s, v6.s[3]; fmla v31.4s, v15.4s, v7.s[3]\n"

#endif
