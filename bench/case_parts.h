// What the lists of cases share.
#pragma once

#include <string>
#include <vector>

#include "bench/kernels.h"
#include "layers/kernels/conv_shape.h"
#include "tensor/tensor.h"

namespace vitrine {

// Uniform in -1 to 1; a large tensor repeats its first 65,521 values.
Tensor drawn(const Shape& shape);

// "16x28x28 40 to 240", "16x28x28 240 5x5 stride 2" of a depthwise convolution, "16x64x64 3 to 32 3x3 stride 2"
std::string text_of_pointwise(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C, std::int64_t K);
std::string text_of_depthwise(const ConvShape& s);
std::string text_of_convolution(const ConvShape& s);

// Takes a case; a kernel and shape that are there already run so many times more.
void add_distinct(std::vector<KernelCase>& cases, KernelCase c);

}  // namespace vitrine
