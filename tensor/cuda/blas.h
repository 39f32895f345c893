// Products by cuBLASLt, for the run-to-run tier on a GPU.
//
// The algorithm of a shape is chosen once, by timing what the library proposes, among those without atomic sums, and kept
// (tensor/cuda/plans.h), so a shape's bits repeat from run to run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace vitrine::cuda {

// y [M, N] = op(a) op(b): a is [M, K], or [K, M] where transposed; b [K, N] or [N, K]. All row-major.
struct ProductShape {
  const char* op;  // for messages and the table of plans
  std::int64_t M, N, K;
  bool a_transposed, b_transposed;
  DType operands = DType::f32, result = DType::f32;  // or bf16; the bias is float32

  std::string text_of(bool has_bias) const;
  std::string plan_name(bool has_bias) const;  // with plan_conditions(): what its algorithm is kept under (plans.h)
};

// False, and nothing done, where the library is not to be used: on cuda-host, in the portable tier, in a build without CUDA, and for a
// shape that it does not support.
bool library_product(const ProductShape& shape, const void* a, const void* b, const float* bias, void* y);

// What the current device uses so far, a line for every shape: sizes, precision, op, algorithm, workspace, microseconds.
std::vector<std::string> product_plans();

}  // namespace vitrine::cuda
