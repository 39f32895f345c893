#include "layers/blocks/mbconv_again.h"

#include "layers/seen_window.h"
#include "layers/unary_list.h"
#include "tensor/cuda/one_float.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

template <class Body>
void for_channels(std::int64_t M, Body body) {
  parallel_for(M, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t m = first; m < last; ++m) body(m);
  });
}

// layers/kernels/norm_cpu.h for one channel of one float, and the activation behind it.
struct ChannelNorm {
  Activation f;
  float high, low, inverse, scale, beta;

  ChannelNorm(Activation activation, const SeenNorm& norm, const Values& shift, std::int64_t c)
      : f(activation),
        high(norm.constants.at[c]),
        low(norm.constants.at[norm.C + c]),
        inverse(norm.constants.at[2 * norm.C + c]),
        scale(norm.constants.at[3 * norm.C + c]),
        beta(shift.at[c]) {}

  float centred(float x) const { return (x - high) - low; }
  float standard(float x) const { return centred(x) * inverse; }
  float activated(float x) const {
    float y = 0;
    with_unary<cuda::OneFloat>(f, [&](auto function) { y = function.value(std::fma(centred(x), scale, beta)); });
    return y;
  }
  float slope(float x) const {
    float y = 0;
    with_unary<cuda::OneFloat>(f, [&](auto function) { y = function.slope(std::fma(centred(x), scale, beta)); });
    return y;
  }
  float gradient(float x, float g, float mean_g, float mean_gh) const {
    return scale * std::fma(-standard(x), mean_gh, g - mean_g);
  }
};

// The means over rows of g and of g h: float64 sums of each segment, added in index order. z(row): what was normalised.
struct Means {
  float g, gh;
};
template <class Z>
Means means_of(const ChannelNorm& norm, const Expanded& g, std::int64_t m, std::int64_t rows_of_segment, Z z) {
  double total = 0, total_h = 0;
  for (std::int64_t start = 0; start < g.rows; start += rows_of_segment) {
    double sum = 0, sum_h = 0;
    for (std::int64_t r = start; r < std::min(g.rows, start + rows_of_segment); ++r) {
      const auto wide = static_cast<double>(g.at(r, m));
      sum += wide;
      sum_h += wide * static_cast<double>(norm.standard(z(r)));  // the product is exact
    }
    total = start == 0 ? sum : total + sum;
    total_h = start == 0 ? sum_h : total_h + sum_h;
  }
  const auto rows = static_cast<double>(g.rows);
  return {static_cast<float>(total / rows), static_cast<float>(total_h / rows)};
}

float first(const SeenMBConv& s, std::int64_t row, std::int64_t m) { return static_cast<float>(s.first(row, m)); }
float second(const SeenMBConv& s, std::int64_t row, std::int64_t m) { return static_cast<float>(s.second(row, m)); }

void projection_gradient(const SeenMBConv& s, const Values& dz3, Expanded& dq) {
  for_channels(s.M, [&](std::int64_t m) {
    for (std::int64_t r = 0; r < s.rows_out(); ++r) {
      const float *const from = dz3.at + r * s.out, *const w = s.w_project.at + m * s.out;
      dq.at(r, m) = dot_again(s.out, [&](std::int64_t k, float sum) { return std::fma(from[k], w[k], sum); });
    }
  });
}

std::vector<float> gate_gradient(const SeenMBConv& s, const Expanded& dq) {
  std::vector<float> ds(static_cast<std::size_t>(s.z.N * s.M));
  for_channels(s.M, [&](std::int64_t m) {
    const ChannelNorm norm(s.f, s.norm2, s.beta2, m);
    for (std::int64_t n = 0; n < s.z.N; ++n) {
      double sum = 0;
      for (std::int64_t r = n * s.pixels_out(); r < (n + 1) * s.pixels_out(); ++r)
        sum += static_cast<double>(dq.at(r, m)) * static_cast<double>(norm.activated(second(s, r, m)));
      ds[static_cast<std::size_t>(n * s.M + m)] = static_cast<float>(sum);
    }
  });
  return ds;
}

}  // namespace

OutputSide output_side_again(const SeenMBConv& s, const Values& dz3) {
  OutputSide side{{s.M, s.rows_out()}, {s.M, s.rows_out()}, {s.M, s.rows_out()}, {}};
  projection_gradient(s, dz3, side.dq);
  if (s.gated) side.gate = s.gate.again(gate_gradient(s, side.dq));
  for_channels(s.M, [&](std::int64_t m) {
    const ChannelNorm norm(s.f, s.norm2, s.beta2, m);
    for (std::int64_t r = 0; r < s.rows_out(); ++r) {
      const std::int64_t i = r / s.pixels_out() * s.M + m;
      float g = side.dq.at(r, m);
      if (s.gated) g = g * s.gate.gate.at[i] + side.gate.dz[static_cast<std::size_t>(i)] / static_cast<float>(s.pixels_out());
      side.g2.at(r, m) = g * norm.slope(second(s, r, m));
    }
    const auto z = [&](std::int64_t r) { return second(s, r, m); };
    const Means means = means_of(norm, side.g2, m, s.images * s.pixels_out(), z);
    for (std::int64_t r = 0; r < s.rows_out(); ++r)
      side.dz2.at(r, m) = norm.gradient(second(s, r, m), side.g2.at(r, m), means.g, means.gh);
  });
  return side;
}

InputSide input_side_again(const SeenMBConv& s, const Expanded& dz2) {
  InputSide side{{s.M, s.rows_in()}, {}};
  if (s.expands) side.dz1 = Expanded(s.M, s.rows_in());
  for_channels(s.M, [&](std::int64_t m) {
    for (std::int64_t r = 0; r < s.rows_in(); ++r) {
      float sum = 0;
      for_outputs(s.z, Pixel(r, s.z.H, s.z.W), [&](std::int64_t tap, std::int64_t pixel) {
        sum = std::fma(dz2.at(pixel, m), s.w_depthwise.at[tap * s.M + m], sum);
      });
      side.g1.at(r, m) = sum;
    }
    if (!s.expands) return;
    const ChannelNorm norm(s.f, s.norm1, s.beta1, m);
    for (std::int64_t r = 0; r < s.rows_in(); ++r) side.g1.at(r, m) *= norm.slope(first(s, r, m));
    const auto z = [&](std::int64_t r) { return first(s, r, m); };
    const Means means = means_of(norm, side.g1, m, s.images * s.z.H * s.z.W, z);
    for (std::int64_t r = 0; r < s.rows_in(); ++r)
      side.dz1.at(r, m) = norm.gradient(first(s, r, m), side.g1.at(r, m), means.g, means.gh);
  });
  return side;
}

}  // namespace vitrine
