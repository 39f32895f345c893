#include "layers/unary_cuda.h"

#include "layers/cudnn/run.h"
#include "layers/cudnn/swish.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void forward(Unary f, const float* x, std::int64_t n, float* y) {
  if (f == Unary::swish && cudnn::uses_graphs() && library_swish(x, n, y)) return;
  for_each("unary", n, [=] VITRINE_HD(std::int64_t i) { y[i] = AnyFunction{f}.value(x[i]); });
}

void backward(Unary f, const float* x, const float* dy, std::int64_t n, float* dx) {
  if (f == Unary::swish && cudnn::uses_graphs() && library_swish_gradient(x, dy, n, dx)) return;
  for_each("unary", n, [=] VITRINE_HD(std::int64_t i) { dx[i] = AnyFunction{f}.gradient(x[i], dy[i]); });
}

}  // namespace

extern const kernels::UnaryKernels unary_table;
const kernels::UnaryKernels unary_table = {forward, backward};

}  // namespace vitrine::cuda
