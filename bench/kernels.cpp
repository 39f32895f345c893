#include "bench/kernels.h"

#include <map>
#include <memory>

#include "base/error.h"
#include "layers/blocks/mbconv_folded.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/planes.h"
#include "layers/conv2d.h"
#include "nn/efficientnet/work.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

Tensor drawn(const Shape& shape) {
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = 1, .purpose = Purpose::init, .op = 3};
  const auto values = t.mutable_host();
  parallel_for(t.size(), 1 << 16, [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i)
      values[i] = static_cast<float>(draw.uniform(static_cast<std::uint32_t>(i), -1, 1));
  });
  return t;
}

std::string shape_text(const LayerWork& w) {
  const ConvShape& s = w.shape;
  if (w.depthwise) return text(s.N, "x", s.H, "x", s.W, " ", s.C, " ", s.R, "x", s.S, " stride ", s.stride);
  return text(s.N, "x", s.H, "x", s.W, " ", s.C, " to ", s.K, s.R > 1 ? text(" ", s.R, "x", s.S, " stride ", s.stride) : "");
}

// What a case works on; shared by the copies of its function.
struct Memory {
  std::vector<Tensor> tensors;
  PackedWeights packed;
  kernels::MBConvShape fused;
  NormTensor norm;
  Tensor sums;  // float64

  float* data(std::size_t i) { return tensors[i].mutable_host().data(); }
};

void add_convolution(const LayerWork& w, std::vector<KernelCase>& cases) {
  const ConvShape s = w.shape;
  auto m = std::make_shared<Memory>();
  m->packed = PackedWeights(drawn({s.R * s.S * s.C, s.K}).host(), drawn({s.K}).host(), s.R * s.S * s.C, s.K);
  m->tensors = {drawn({s.N, s.H, s.W, s.C}), drawn({s.N, s.P, s.Q, s.K})};
  cases.push_back({"convolution", shape_text(w), 1, w.multiply_adds(), [m, s] {
                     kernels::folded_kernels().convolution(s, m->packed.view(), Activation::swish, m->data(0), m->data(1));
                   }});
}

void add_pointwise(const LayerWork& w, std::vector<KernelCase>& cases) {
  const ConvShape s = w.shape;
  const std::int64_t rows = s.N * s.H * s.W;
  auto m = std::make_shared<Memory>();
  m->packed = PackedWeights(drawn({s.C, s.K}).host(), drawn({s.K}).host(), s.C, s.K);
  m->tensors = {drawn({rows, s.C}), drawn({rows, s.K}), drawn({s.C, s.K}), drawn({s.C, s.K}), drawn({s.C, s.K})};
  cases.push_back({"pointwise", shape_text(w), 1, w.multiply_adds(),
                   [m, rows] { kernels::folded_kernels().linear(rows, m->packed.view(), m->data(0), m->data(1)); }});
  cases.push_back({"pointwise gradients", shape_text(w), 1, 2 * w.multiply_adds(), [m, s] {
                     const kernels::Conv2dKernels& k = kernels::conv2d_kernels();
                     k.backward_weights(s, m->data(0), m->data(1), nullptr, m->data(4));
                     k.backward_data(s, m->data(1), m->data(2), m->data(3), m->data(0));
                   }});
}

void add_depthwise(const LayerWork& w, std::vector<KernelCase>& cases) {
  const ConvShape s = w.shape;
  auto m = std::make_shared<Memory>();
  m->fused.depthwise = s;
  m->fused.in = s.C;
  const std::vector<double> mean(static_cast<std::size_t>(s.C), 0.0), variance(mean.size(), 1.0);
  m->norm =
      NormTensor(Tensor::from<double>({s.C}, mean), Tensor::from<double>({s.C}, variance), Tensor::full({s.C}, 1.0f), 1e-3);
  const std::int64_t rows = s.N * s.P * s.Q;
  m->tensors = {drawn({s.N, s.H, s.W, s.C}),
                drawn({s.R, s.S, s.C}),
                drawn({kernels::plane_floats(rows, s.C)}),
                drawn({kernels::plane_floats(rows, s.C)}),
                drawn({s.N, s.H, s.W, s.C}),
                drawn({2, s.C})};
  m->sums = Tensor::uninitialized<double>({s.N * (2 + s.R * s.S) * s.C});
  const std::int64_t tile = (s.H + 2 * s.R) * (s.W + 2 * s.S) * 16;
  m->tensors.push_back(drawn({tile}));
  m->tensors.push_back(drawn({s.R * s.S * 16}));
  m->tensors.push_back(drawn({s.P * s.Q * 16}));
  const auto filter = [m, s] { return kernels::fused_depthwise_kernels().filter_tile(s, m->data(6), m->data(7), m->data(8)); };
  cases.push_back({"depthwise inner loop", shape_text(w), 1, filter(), [filter] { filter(); }});
  cases.push_back({"depthwise", shape_text(w), 1, w.multiply_adds(), [m] {
                     kernels::fused_depthwise_kernels().forward(m->fused, {}, m->data(0), m->data(1), m->data(2),
                                                                {m->sums.mutable_data<double>(), false, 0, {}});
                   }});
  cases.push_back({"depthwise gradients", shape_text(w), 1, 2 * w.multiply_adds(), [m, s] {
                     const float* const shift = m->data(5);
                     auto* const sums = m->sums.mutable_data<double>();
                     kernels::fused_depthwise_kernels().gradient(m->fused, {}, {m->norm.view(), shift}, {shift, shift + s.C},
                                                                 m->data(0), m->data(2), m->data(3), m->data(1), m->data(4),
                                                                 {sums, false, 0, {}}, {sums + 2 * s.N * s.C, nullptr});
                   }});
}

}  // namespace

std::vector<KernelCase> kernel_cases(const Architecture& arch, std::int64_t batch, std::int64_t size) {
  std::vector<KernelCase> cases;
  std::map<std::string, int> seen;
  const std::vector<LayerWork> layers = layers_of(arch, batch, size, 3, 1000);
  for (const LayerWork& w : layers) ++seen[shape_text(w)];
  for (const LayerWork& w : layers) {
    const auto found = seen.find(shape_text(w));
    if (found == seen.end()) continue;
    const std::size_t first = cases.size();
    if (w.depthwise) {
      add_depthwise(w, cases);
    } else if (w.shape.R == 1) {
      add_pointwise(w, cases);
    } else {
      add_convolution(w, cases);
    }
    for (std::size_t i = first; i < cases.size(); ++i) cases[i].layers = found->second;
    seen.erase(found);
  }
  return cases;
}

}  // namespace vitrine
