/* Pixels to floats: included once per level, with PR_LEVEL defined.  Compilers turn these loops into vectors. */
#include "ops/image/image.h"
#include "ops/level.h"

enum { PIXELS = 16, VALUES = 3 * PIXELS };

static void gray(const uint8_t *x, float *y, int64_t pixels, const pr_image_attrs *attrs) {
    const float scale = attrs->scale, bias = attrs->bias[0];
    for (int64_t i = 0; i < pixels; i++) y[i] = scale * (float)x[i] + bias;
}

/* A block of 16 pixels is a row of 48 values with its own bias each. */
static void colour(const uint8_t *x, float *y, int64_t pixels, const pr_image_attrs *attrs) {
    const float scale = attrs->scale;
    float bias[VALUES];
    int64_t i = 0;
    for (int j = 0; j < VALUES; j++) bias[j] = attrs->bias[j % 3];
    for (; i + PIXELS <= pixels; i += PIXELS) {
        const uint8_t *from = x + 3 * i;
        uint8_t turned[VALUES];
        if (attrs->reversed) {
            for (int j = 0; j < VALUES; j += 3) turned[j] = from[j + 2], turned[j + 1] = from[j + 1], turned[j + 2] = from[j];
            from = turned;
        }
        for (int j = 0; j < VALUES; j++) y[3 * i + j] = scale * (float)from[j] + bias[j];
    }
    for (; i < pixels; i++)
        for (int c = 0; c < 3; c++) y[3 * i + c] = scale * (float)x[3 * i + (attrs->reversed ? 2 - c : c)] + attrs->bias[c];
}

const pr_image_kernels PR_LEVEL_NAME(pr_image) = {gray, colour};
