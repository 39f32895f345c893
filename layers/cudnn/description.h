// A computation as cuDNN's graphs describe it, as plain data: tensors, and the steps between them.
//
// A description is written once per op. cuDNN runs it on a GPU (operations.h, graph.h); a plain interpreter runs it on cuda-host
// (interpreter.h), so that a graph that means something else than its op fails on every machine. Images are [N, C, H, W] by their sizes and lie
// NHWC by their strides.
// Reference  cuDNN 9, graph API: operations convolution, matmul, pointwise, reduction
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layers/kernels/window.h"
#include "tensor/dtype.h"

namespace vitrine::cuda::cudnn {

enum class Kind { convolution, data_gradient, weight_gradient, product, pointwise, reduction };
enum class Pointwise { add, subtract, multiply, swish, swish_gradient, sigmoid };

// Sizes and strides of a tensor.
struct Extent {
  std::vector<std::int64_t> sizes, strides;
};
Extent image(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C);  // NHWC
Extent matrix(std::int64_t rows, std::int64_t columns);                        // row-major, as a batch of one
Extent transposed(std::int64_t rows, std::int64_t columns);                    // of a row-major [columns, rows]

inline constexpr std::int64_t kAlignment = 16;  // bytes, of every tensor in memory

struct TensorPlan {
  Extent extent;
  bool is_virtual = false;  // between two steps, in no memory of ours
  DType type = DType::f32;  // or bf16; steps compute in float32
};

// One operation. Inputs: convolution x, w; data_gradient dy, w; weight_gradient x, dy; product a, b; pointwise one or two, of which each size
// is the output's or 1; swish_gradient x, dy; reduction x, which is summed where the output has a size of 1. Groups follow from the channels of w.
struct Step {
  Kind kind = Kind::pointwise;
  std::vector<std::size_t> inputs;
  std::size_t output = 0;
  Pointwise function = Pointwise::add;
  std::int64_t stride = 1;  // of a convolution
  Padding padding{};
};

struct Description {
  std::string what;  // names errors and kept plans: the op and every size that decides the plan
  std::vector<TensorPlan> tensors;
  std::vector<Step> steps;

  // Each returns the number of a new tensor: in memory, whose pointers are given in this order, or virtual.
  std::size_t memory(Extent extent);
  std::size_t between(Extent extent);

  void convolve(Kind kind, std::size_t a, std::size_t b, std::size_t output, std::int64_t stride, const Padding& padding);
  void product(std::size_t a, std::size_t b, std::size_t output);  // [B, M, K] by [B, K, N]
  void pointwise(Pointwise function, std::vector<std::size_t> inputs, std::size_t output);
  void sum(std::size_t input, std::size_t output);

  // The same with its inputs in memory in bfloat16, and its outputs where `outputs_too`.
  Description in_bfloat16(bool outputs_too) const;

  std::string plan_name() const;  // what an engine is kept under (tensor/cuda/plans.h): the description and the settings
  bool has_products() const;      // a convolution or a product is among the steps

  // InternalError unless there is a pointer for each tensor in memory, none null and each at a multiple of kAlignment bytes.
  void check_memory(const std::vector<const void*>& pointers) const;
};

}  // namespace vitrine::cuda::cudnn
