#include "ops/conv/conv_kernel.h"

/* x (H, W, C)   w (O, C/G, KH, KW)   one output, at row i, column j, channel o of group g = o / (O/G):
 *   sum over c, p, q of x[i*sh + p*dh - top, j*sw + q*dw - left, g*C/G + c] * w[o, c, p, q]
 * Positions of x outside the image count as 0.  NeuralNetwork.proto, ConvolutionLayerParams. */
static float pr_conv_sum(const pr_conv *conv, const float *x, int64_t i, int64_t j, int64_t o) {
    const pr_axis *h = &conv->h, *v = &conv->v;
    int64_t depth = conv->channels / conv->attrs->groups, group = o / (conv->attrs->outputs / conv->attrs->groups);
    float sum = 0;
    for (int64_t c = 0; c < depth; c++)
        for (int64_t p = 0; p < h->kernel; p++)
            for (int64_t q = 0; q < v->kernel; q++) {
                int64_t row = pr_origin(h, i) + p * h->dilation, column = pr_origin(v, j) + q * v->dilation;
                if (row < 0 || row >= h->size || column < 0 || column >= v->size) continue;
                sum += x[(row * v->size + column) * conv->channels + group * depth + c] *
                       conv->w[((o * depth + c) * h->kernel + p) * v->kernel + q];
            }
    return sum;
}

void pr_conv_reference(const pr_conv *conv) {
    const float *residual = conv->residual;
    float *y = conv->y;
    for (int64_t n = 0; n < conv->images; n++)
        for (int64_t i = 0; i < conv->h.out; i++)
            for (int64_t j = 0; j < conv->v.out; j++)
                for (int64_t o = 0; o < conv->attrs->outputs; o++) {
                    const float *image = conv->x + n * conv->h.size * conv->v.size * conv->channels;
                    float sum = pr_conv_sum(conv, image, i, j, o);
                    if (conv->bias) sum += conv->bias[o];
                    if (residual) sum += *residual++;
                    *y++ = pr_activate(sum, &conv->attrs->activation);
                }
}
