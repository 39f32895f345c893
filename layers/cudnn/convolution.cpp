#include "layers/cudnn/convolution.h"

#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "layers/cudnn/graph.h"
#include "layers/cudnn/layout.h"
#include "tensor/cuda/plans.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {
namespace {

using cudnn::Descriptor;

enum class Part { forward, data, weights };
constexpr std::int64_t kX = 1, kW = 2, kY = 3;
constexpr int kTimedCalls = 5, kTimedRounds = 4;

std::string text_of(Part part, const ConvShape& s, bool depthwise) {
  const char* const name = part == Part::forward ? "forward" : part == Part::data ? "data gradient" : "weight gradient";
  return text(depthwise ? "depthwise " : "convolution ", name, " [", s.N, ", ", s.H, ", ", s.W, ", ", s.C, "] ", s.R, " x ",
              s.S, " stride ", s.stride, " to ", s.K);
}

struct Names {  // of the attributes of one operation
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t alpha, beta, convolution, x, w, y;
};

Names names_of(Part part) {
  if (part == Part::forward) {
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
  }
  if (part == Part::data) {
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
}

// The operation over NHWC tensors and weights [K, R, S, C / groups].
Descriptor operation_of(Part part, const ConvShape& s, bool depthwise) {
  const std::string what = text_of(part, s, depthwise);
  const std::int64_t C = depthwise ? 1 : s.C;
  const Descriptor x = cudnn::tensor(kX, {s.N, s.C, s.H, s.W}, {s.H * s.W * s.C, 1, s.W * s.C, s.C}, what);
  const Descriptor w = cudnn::tensor(kW, {s.K, C, s.R, s.S}, {s.R * s.S * C, 1, s.S * C, C}, what);
  const Descriptor y = cudnn::tensor(kY, {s.N, s.K, s.P, s.Q}, {s.P * s.Q * s.K, 1, s.Q * s.K, s.K}, what);
  Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, what);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const std::vector<std::int64_t> before{s.padding.top, s.padding.left}, after{s.padding.bottom, s.padding.right};
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::vector<std::int64_t>{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, before)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, after)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {s.stride, s.stride})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1})
      .finish();
  const Names n = names_of(part);
  Descriptor operation(n.type, what);
  // Factors of the type that is computed in: of a double cuDNN's kernels read the first half, which is 0 for 1.0.
  operation.set(n.convolution, convolution).set(n.x, x).set(n.w, w).set(n.y, y).set(n.alpha, 1.0f).set(n.beta, 0.0f).finish();
  return operation;
}

using Key = std::tuple<Part, bool, Precision, std::vector<std::int64_t>>;

Key key_of(Part part, const ConvShape& s, bool depthwise) {
  const Padding& p = s.padding;
  return {part,
          depthwise,
          settings().precision,
          {s.N, s.H, s.W, s.C, s.R, s.S, s.K, s.P, s.Q, s.stride, p.top, p.left, p.bottom, p.right}};
}

struct Plans {
  std::map<Key, std::optional<cudnn::Plan>> of_shape;
  std::vector<std::string> lines;
};

struct Fastest {
  std::size_t index;
  double microseconds;  // 0 where nothing can be timed, so the first is taken
};

// Nothing where no plan runs.
std::optional<Fastest> fastest_of(const std::vector<cudnn::Plan>& found, const std::vector<const void*>& memory) {
  if (is_capturing() && !found.empty()) return Fastest{0, 0};
  std::optional<Fastest> best;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (cudnn::try_run(found[i], {kX, kW, kY}, memory) != CUDNN_STATUS_SUCCESS) continue;
    double ms = HUGE_VAL;  // the least of a few rounds: a choice that is kept must not be one of noise
    for (int round = 0; round < kTimedRounds; ++round) {
      ms = std::min(ms, milliseconds(current(), [&] {
                      for (int call = 0; call < kTimedCalls; ++call) cudnn::run(found[i], {kX, kW, kY}, memory);
                    }));
    }
    if (!best || ms * 1000 / kTimedCalls < best->microseconds) best = {i, ms * 1000 / kTimedCalls};
  }
  return best;
}

// The fastest deterministic plan, as it was chosen the first time; none where cuDNN has no engine.
std::optional<cudnn::Plan> chosen(Part part, const ConvShape& s, bool depthwise, const std::vector<const void*>& memory) {
  const Padding& p = s.padding;
  const std::string name = text(text_of(part, s, depthwise), " padding ", p.top, " ", p.left, " ", p.bottom, " ", p.right, " ",
                                vitrine::cuda::text_of(settings().precision));
  std::vector<std::string>& lines = of_current_gpu<Plans>().lines;
  std::vector<cudnn::Plan> found = cudnn::plans_of(operation_of(part, s, depthwise));
  // cuDNN proposes the same plans in the same order for a GPU and a version of itself.
  const auto choice_of = [&](std::size_t i) { return text("plan ", i, ", ", found[i].engine); };
  std::optional<KeptPlan> kept = plan_store().find(name);
  std::size_t index = 0;
  while (kept && index < found.size() && choice_of(index) != kept->choice) ++index;
  if (!kept || index == found.size()) {
    const std::optional<Fastest> best = fastest_of(found, memory);
    if (!best) {
      lines.push_back(text(name, "  no deterministic engine: own kernel"));
      return std::nullopt;
    }
    index = best->index;
    kept = {choice_of(index), static_cast<std::uint64_t>(found[index].workspace), text("best of ", found.size()),
            best->microseconds};
    if (best->microseconds > 0) plan_store().keep(name, *kept);
  }
  lines.push_back(
      text(name, "  ", kept->choice, ", ", kept->notes, ", workspace ", kept->workspace, ", ", kept->microseconds, " us"));
  return std::move(found[index]);
}

bool run(Part part, const ConvShape& s, bool depthwise, const float* x, const float* w, const float* y) {
  if (!current().is_gpu() || settings().tier != Tier::run_to_run) return false;
  const std::vector<const void*> memory{x, w, y};
  const Key key = key_of(part, s, depthwise);
  auto& plans = of_current_gpu<Plans>().of_shape;
  auto plan = plans.find(key);
  if (plan == plans.end()) plan = plans.emplace(key, chosen(part, s, depthwise, memory)).first;
  if (!plan->second) return false;
  cudnn::run(*plan->second, {kX, kW, kY}, memory);
  check_launch("conv2d");
  return true;
}

// Memory for the weights as cuDNN wants them.
Tensor room_for(const ConvShape& s) { return Tensor::uninitialized({s.K, s.R, s.S, s.C}, current()); }
bool is_library_used() { return current().is_gpu() && settings().tier == Tier::run_to_run; }

}  // namespace

bool library_convolution(const ConvShape& s, const float* x, const float* w, float* y) {
  if (!is_library_used()) return false;
  Tensor weights = room_for(s);
  to_cudnn_weights(s, w, weights.mutable_data());
  return run(Part::forward, s, false, x, weights.data(), y);
}

bool library_convolution_data_gradient(const ConvShape& s, const float* dy, const float* w, float* dx) {
  if (!is_library_used()) return false;
  Tensor weights = room_for(s);
  to_cudnn_weights(s, w, weights.mutable_data());
  return run(Part::data, s, false, dx, weights.data(), dy);
}

bool library_convolution_weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw) {
  if (!is_library_used()) return false;
  Tensor weights = room_for(s);
  if (!run(Part::weights, s, false, x, weights.mutable_data(), dy)) return false;
  from_cudnn_weights(s, weights.data(), dw);
  return true;
}

bool library_depthwise(const ConvShape& s, const float* x, const float* w, float* y) {
  return is_library_used() && run(Part::forward, s, true, x, w, y);
}
bool library_depthwise_data_gradient(const ConvShape& s, const float* dy, const float* w, float* dx) {
  return is_library_used() && run(Part::data, s, true, dx, w, dy);
}
bool library_depthwise_weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw) {
  return is_library_used() && run(Part::weights, s, true, x, dw, dy);
}

std::vector<std::string> convolution_plans() {
  return current().is_gpu() ? of_current_gpu<Plans>().lines : std::vector<std::string>{};
}

void build_convolution_graphs(const ConvShape& s, bool depthwise) {
  for (const Part part : {Part::forward, Part::data, Part::weights}) operation_of(part, s, depthwise);
}

}  // namespace vitrine::cuda
