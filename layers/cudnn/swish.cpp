#include "layers/cudnn/swish.h"

#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "layers/cudnn/graph.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cuda {
namespace {

using cudnn::Descriptor;

constexpr std::int64_t kX = 1, kY = 2, kDx = 3;  // kY: y, or dy of the gradient

Descriptor operation_of(bool gradient, std::int64_t n) {
  const std::string what = text(gradient ? "swish gradient" : "swish", " of ", n, " elements");
  const std::vector<std::int64_t> sizes{1, n, 1, 1}, strides{n, 1, n, n};
  Descriptor pointwise(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, what);
  const cudnnPointwiseMode_t mode = gradient ? CUDNN_POINTWISE_SWISH_BWD : CUDNN_POINTWISE_SWISH_FWD;
  pointwise.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_POINTWISE_SWISH_BETA, 1.0)
      .finish();
  const Descriptor x = cudnn::tensor(kX, sizes, strides, what), y = cudnn::tensor(kY, sizes, strides, what);
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, what);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise).set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (gradient) {
    const Descriptor dx = cudnn::tensor(kDx, sizes, strides, what);
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, y).set(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, dx).finish();
  } else {
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y).finish();
  }
  return operation;
}

struct Plans {
  std::map<std::pair<bool, std::int64_t>, std::optional<cudnn::Plan>> of_size;
};

// The first plan of a size; none where cuDNN has no engine.
const std::optional<cudnn::Plan>& plan_of(bool gradient, std::int64_t n) {
  auto& all = of_current_gpu<Plans>().of_size;
  auto found = all.find({gradient, n});
  if (found == all.end()) {
    std::vector<cudnn::Plan> plans = cudnn::plans_of(operation_of(gradient, n), false);
    found = all.emplace(std::pair(gradient, n), plans.empty() ? std::nullopt : std::optional(std::move(plans.front()))).first;
  }
  return found->second;
}

bool is_library_used() { return current().is_gpu() && settings().tier == Tier::run_to_run; }

}  // namespace

bool library_swish(const float* x, std::int64_t n, float* y) {
  if (!is_library_used()) return false;
  const auto& plan = plan_of(false, n);
  if (plan) cudnn::run(*plan, {kX, kY}, {x, y});
  return plan.has_value();
}

bool library_swish_gradient(const float* x, const float* dy, std::int64_t n, float* dx) {
  if (!is_library_used()) return false;
  const auto& plan = plan_of(true, n);
  if (plan) cudnn::run(*plan, {kX, kY, kDx}, {x, dy, dx});
  return plan.has_value();
}

void build_swish_graphs(std::int64_t n) {
  operation_of(false, n);
  operation_of(true, n);
}

}  // namespace vitrine::cuda
