#include "layers/cudnn/run.h"
#include "layers/cudnn/swish.h"
#include "layers/sigmoid.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/one_float.h"

namespace vitrine::cuda {
namespace {

void forward(const float* x, std::int64_t n, float* y) {
  if (cudnn::uses_graphs() && library_sigmoid(x, n, y)) return;
  for_each("sigmoid", n, [=] VITRINE_HD(std::int64_t i) { y[i] = sigmoid(x[i]); });
}

void backward(const float* y, const float* dy, std::int64_t n, float* dx) {
  if (cudnn::uses_graphs() && library_sigmoid_gradient(y, dy, n, dx)) return;
  for_each("sigmoid", n, [=] VITRINE_HD(std::int64_t i) { dx[i] = dy[i] * y[i] * (1.0f - y[i]); });
}

}  // namespace

extern const kernels::SigmoidKernels sigmoid_table;
const kernels::SigmoidKernels sigmoid_table = {forward, backward};

}  // namespace vitrine::cuda
