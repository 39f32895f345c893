#include "bench/kernels.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "bench/case_parts.h"
#include "layers/blocks/mbconv_folded.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/planes.h"
#include "layers/conv2d.h"
#include "nn/efficientnet/work.h"
#include "tensor/philox.h"

namespace vitrine {

Tensor drawn(const Shape& shape) {
  constexpr std::size_t kPeriod = 65521;  // a prime: rows of a tensor are not copies of each other
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = 1, .purpose = Purpose::init, .op = 3};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < std::min(values.size(), kPeriod); ++i)
    values[i] = static_cast<float>(draw.uniform(static_cast<std::uint32_t>(i), -1, 1));
  for (std::size_t i = kPeriod; i < values.size(); ++i) values[i] = values[i - kPeriod];
  return t;
}

std::string text_of_pointwise(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C, std::int64_t K) {
  return text(N, "x", H, "x", W, " ", C, " to ", K);
}
std::string text_of_depthwise(const ConvShape& s) {
  return text(s.N, "x", s.H, "x", s.W, " ", s.C, " ", s.R, "x", s.S, " stride ", s.stride);
}
std::string text_of_convolution(const ConvShape& s) {
  const std::string pointwise = text_of_pointwise(s.N, s.H, s.W, s.C, s.K);
  return s.R == 1 ? pointwise : text(pointwise, " ", s.R, "x", s.S, " stride ", s.stride);
}

void add_distinct(std::vector<KernelCase>& cases, KernelCase c) {
  const auto same = [&](const KernelCase& other) { return other.kernel == c.kernel && other.shape == c.shape; };
  const auto found = std::ranges::find_if(cases, same);
  if (found != cases.end()) {
    found->times += c.times;
  } else {
    cases.push_back(std::move(c));
  }
}

namespace {

// What a case works on; shared by the copies of its function.
struct Memory {
  std::vector<Tensor> tensors;
  PackedWeights packed;
  kernels::MBConvShape fused;
  NormTensor norm;
  Tensor sums;  // float64

  float* data(std::size_t i) { return tensors[i].mutable_host().data(); }
};

KernelCase micro(const char* kernel, const std::string& shape, const KernelWork& work,
                 std::function<std::function<void()>()> prepare) {
  return {"micro", kernel, shape, 1, work, 0, std::move(prepare)};
}

KernelWork work_of(const LayerWork& w, double products) {
  const ConvShape& s = w.shape;
  KernelWork work;
  work.multiply_adds = products * w.multiply_adds();
  work.reads(s.N * s.H * s.W * s.C + s.R * s.S * (w.depthwise ? 1 : s.C) * s.K);
  work.writes(s.N * s.P * s.Q * s.K);
  return work;
}

KernelCase convolution(const LayerWork& w) {
  const ConvShape s = w.shape;
  KernelWork work = work_of(w, 1);
  work.activations = static_cast<double>(s.N * s.P * s.Q * s.K);
  return micro("convolution", text_of_convolution(s), work, [s] {
    auto m = std::make_shared<Memory>();
    m->packed = PackedWeights(drawn({s.R * s.S * s.C, s.K}).host(), drawn({s.K}).host(), s.R * s.S * s.C, s.K);
    m->tensors = {drawn({s.N, s.H, s.W, s.C}), drawn({s.N, s.P, s.Q, s.K})};
    return [m, s] { kernels::folded_kernels().convolution(s, m->packed.view(), Activation::swish, m->data(0), m->data(1)); };
  });
}

KernelCase pointwise(const LayerWork& w) {
  const ConvShape s = w.shape;
  return micro("pointwise", text_of_convolution(s), work_of(w, 1), [s] {
    const std::int64_t rows = s.N * s.H * s.W;
    auto m = std::make_shared<Memory>();
    m->packed = PackedWeights(drawn({s.C, s.K}).host(), drawn({s.K}).host(), s.C, s.K);
    m->tensors = {drawn({rows, s.C}), drawn({rows, s.K})};
    return [m, rows] { kernels::folded_kernels().linear(rows, m->packed.view(), m->data(0), m->data(1)); };
  });
}

KernelCase pointwise_gradients(const LayerWork& w) {
  const ConvShape s = w.shape;
  KernelWork work = work_of(w, 2);
  work.reads(s.N * s.P * s.Q * s.K);  // by the second product
  work.writes(s.N * s.H * s.W * s.C + s.C * s.K);
  return micro("pointwise gradients", text_of_convolution(s), work, [s] {
    const std::int64_t rows = s.N * s.H * s.W;
    auto m = std::make_shared<Memory>();
    m->tensors = {drawn({rows, s.C}), drawn({rows, s.K}), drawn({s.C, s.K}), drawn({s.C, s.K}), drawn({s.C, s.K})};
    return [m, s] {
      const kernels::Conv2dKernels& k = kernels::conv2d_kernels();
      k.backward_weights(s, m->data(0), m->data(1), nullptr, m->data(4));
      k.backward_data(s, m->data(1), m->data(2), m->data(3), m->data(0));
    };
  });
}

KernelCase depthwise_inner_loop(const ConvShape& s) {
  const std::int64_t tile = (s.H + 2 * s.R) * (s.W + 2 * s.S) * 16;
  KernelWork work;
  const auto prepare = [s, tile] {
    auto m = std::make_shared<Memory>();
    m->tensors = {drawn({tile}), drawn({s.R * s.S * 16}), drawn({s.P * s.Q * 16})};
    return [m, s] { return kernels::fused_depthwise_kernels().filter_tile(s, m->data(0), m->data(1), m->data(2)); };
  };
  work.multiply_adds = prepare()();  // of as many channels as a vector has here
  const std::int64_t lanes = std::llround(work.multiply_adds / static_cast<double>(s.P * s.Q * s.R * s.S));
  work.reads(s.H * s.W * lanes + s.R * s.S * lanes);
  work.writes(s.P * s.Q * lanes);
  KernelCase c = micro("depthwise inner loop", text_of_depthwise(s), work, [prepare] { return prepare(); });
  c.threads = 1;
  return c;
}

std::shared_ptr<Memory> depthwise_memory(const ConvShape& s) {
  auto m = std::make_shared<Memory>();
  m->fused.depthwise = s;
  m->fused.in = s.C;
  const std::vector<double> mean(static_cast<std::size_t>(s.C), 0.0), variance(mean.size(), 1.0);
  m->norm =
      NormTensor(Tensor::from<double>({s.C}, mean), Tensor::from<double>({s.C}, variance), Tensor::full({s.C}, 1.0f), 1e-3);
  const std::int64_t planes = kernels::plane_floats(s.N * s.P * s.Q, s.C);
  m->tensors = {drawn({s.N, s.H, s.W, s.C}), drawn({s.R, s.S, s.C}), drawn({planes}), drawn({planes}),
                drawn({s.N, s.H, s.W, s.C}), drawn({2, s.C})};
  m->sums = Tensor::uninitialized<double>({s.N * (2 + s.R * s.S) * s.C});
  return m;
}

KernelCase depthwise(const LayerWork& w) {
  const ConvShape s = w.shape;
  return micro("depthwise", text_of_depthwise(s), work_of(w, 1), [s] {
    return [m = depthwise_memory(s)] {
      kernels::fused_depthwise_kernels().forward(m->fused, {}, m->data(0), m->data(1), m->data(2),
                                                 {m->sums.mutable_data<double>(), false, 0, {}});
    };
  });
}

KernelCase depthwise_gradients(const LayerWork& w) {
  const ConvShape s = w.shape;
  KernelWork work = work_of(w, 2);
  work.reads(s.N * s.P * s.Q * s.K);  // z2 beside g2
  work.writes(s.N * s.H * s.W * s.C + s.R * s.S * s.C);
  return micro("depthwise gradients", text_of_depthwise(s), work, [s] {
    return [m = depthwise_memory(s), s] {
      const float* const shift = m->data(5);
      auto* const sums = m->sums.mutable_data<double>();
      kernels::fused_depthwise_kernels().gradient(m->fused, {}, {m->norm.view(), shift}, {shift, shift + s.C}, m->data(0),
                                                  m->data(2), m->data(3), m->data(1), m->data(4), {sums, false, 0, {}},
                                                  {sums + 2 * s.N * s.C, nullptr});
    };
  });
}

}  // namespace

std::vector<KernelCase> micro_cases(const Architecture& arch, std::int64_t batch, std::int64_t size) {
  std::vector<KernelCase> cases;
  for (const LayerWork& w : layers_of(arch, batch, size, 3, 1000)) {
    if (w.depthwise) {
      add_distinct(cases, depthwise_inner_loop(w.shape));
      add_distinct(cases, depthwise(w));
      add_distinct(cases, depthwise_gradients(w));
    } else if (w.shape.R == 1) {
      add_distinct(cases, pointwise(w));
      add_distinct(cases, pointwise_gradients(w));
    } else {
      add_distinct(cases, convolution(w));
    }
  }
  return cases;
}

}  // namespace vitrine
