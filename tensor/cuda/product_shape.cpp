#include "base/error.h"
#include "tensor/cuda/blas.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cuda {

std::string ProductShape::text_of(bool has_bias) const {
  return text("product [", M, ", ", K, "] x [", K, ", ", N, "]", a_transposed ? " a^T" : "", b_transposed ? " b^T" : "",
              has_bias ? " bias" : "", operands == DType::bf16 ? " bf16 in memory" : "",
              operands != result ? " to float32" : "");
}

std::string ProductShape::plan_name(bool has_bias) const { return text(text_of(has_bias), " ", plan_conditions()); }

}  // namespace vitrine::cuda
