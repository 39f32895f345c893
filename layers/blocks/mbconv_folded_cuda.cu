// Our own kernels of EfficientNet's layers for inference (layers/blocks/mbconv_folded.h) on a CUDA device.
#include "layers/blocks/mbconv_folded_cuda.h"

#include "layers/blocks/planes_cuda.h"
#include "layers/blocks/squeeze_excitation_fused_cuda.h"
#include "layers/kernels/depthwise_tile_cuda.h"
#include "layers/kernels/gemm_cuda.h"
#include "layers/kernels/window_cuda.h"
#include "layers/unary_cuda.h"

namespace vitrine::cuda {
namespace {

using kernels::FoldedShape;
using kernels::FoldedSweep;
using kernels::Packed;

// Packed weights as b(k, n) of a product, and their bias.
struct PackedValue {
  Packed w;
  VITRINE_HD float operator()(std::int64_t k, std::int64_t n) const {
    constexpr auto kPanel = static_cast<std::uint32_t>(Packed::kPanel);
    const std::int64_t panel = static_cast<std::uint32_t>(n) / kPanel * kPanel;
    return constant(w.panel(panel) + k * w.width(panel) + n - panel);
  }
  VITRINE_HD float bias(std::int64_t n) const { return constant(w.bias() + n); }
};

constexpr std::int64_t kSlicePixels = 512;

struct Linear {
  VITRINE_HD float value(float u) const { return u; }
};

// y [rows, N] = act(x w + bias).
template <class A, class Act>
void dense(const char* op, std::int64_t rows, const Packed& packed, A a, Act act, float* y) {
  const PackedValue w{packed};
  const std::int64_t N = packed.N;
  product_of(op, rows, N, packed.K, a, w,
             [=] VITRINE_HD(std::int64_t m, std::int64_t n, float sum) { y[m * N + n] = act.value(sum + w.bias(n)); });
}

// mean [N, C] of value(row, c) over the pixels of each image.
template <class Value>
void mean_of(const char* op, std::int64_t N, std::int64_t pixels, std::int64_t C, Value value, float* mean) {
  column_sums<1>(
      op, N, pixels, C, SegmentRows{pixels, N * pixels},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) { acc[0] = acc[0] + static_cast<double>(value(r, c)); },
      [=] VITRINE_HD(std::int64_t n, std::int64_t c, const double* sum) {
        mean[n * C + c] = static_cast<float>(sum[0] / static_cast<double>(pixels));
      },
      1 + (pixels - 1) / kSlicePixels);
}

struct ExpandedValue {
  const float* d;
  ExpandedPlace place;
  VITRINE_HD float operator()(std::int64_t r, std::int64_t c) const { return d[place.at(r, c)]; }
};

// d times its image's gate, 1 where there is none.
struct GatedValue {
  ExpandedValue value;
  const float* gates;
  std::int64_t M;
  std::uint32_t image;  // rows fit into 32 bits, whose division is cheap
  VITRINE_HD float operator()(std::int64_t r, std::int64_t c) const {
    const float gate = gates != nullptr ? constant(gates + static_cast<std::uint32_t>(r) / image * M + c) : 1.0f;
    return constant(value.d + value.place.at(r, c)) * gate;
  }
};

GatedValue gated(std::int64_t N, std::int64_t pixels, std::int64_t M, const float* d, const float* gates) {
  return {{d, ExpandedPlace(N * pixels, M)}, gates, M, static_cast<std::uint32_t>(pixels)};
}

}  // namespace

void own_folded_dense(const char* op, std::int64_t rows, const Packed& w, std::optional<Activation> activation, const float* x,
                      float* y) {
  if (activation) return dense(op, rows, w, RowMajor{x, w.K}, Activate(*activation), y);
  dense(op, rows, w, RowMajor{x, w.K}, Linear{}, y);
}

void own_folded_convolution(const ConvShape& z, const Packed& w, Activation activation, const float* x, float* y) {
  dense("stem", z.N * z.P * z.Q, w, Windows{z, x}, Activate(activation), y);
}

void own_folded_depthwise(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d) {
  const ConvShape z = s.depthwise;
  const Activate act(s.activation);
  const ExpandedPlace place(z.N * z.P * z.Q, z.C);
  const float* const bias = sweep.bias;
  depthwise_forward<0>(
      "mbconv depthwise", z, sweep.depthwise, RowMajor{x, z.C},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, float y, double*) { d[place.at(r, c)] = act.value(y + bias[c]); },
      TakeNothing{});
}

void own_folded_gate(std::int64_t N, const Packed& reduce, const Packed& expand, const float* mean, float* hidden,
                     float* gates) {
  gate_of_means("gate", {N, reduce.K, reduce.N}, PackedValue{reduce}, reduce.bias(), PackedValue{expand}, expand.bias(), mean,
                hidden, gates);
}

void own_folded_project(std::int64_t N, std::int64_t pixels, const Packed& packed, const float* d, const float* gates,
                        const float* skip, float* y) {
  const std::int64_t M = packed.K, K = packed.N;
  const PackedValue w{packed};
  product_of("mbconv project", N * pixels, K, M, gated(N, pixels, M, d, gates), w,
             [=] VITRINE_HD(std::int64_t r, std::int64_t k, float sum) {
               const float p = sum + w.bias(k);
               y[r * K + k] = skip != nullptr ? constant(skip + r * K + k) + p : p;
             });
}

void own_expanded_mean(const char* op, std::int64_t N, std::int64_t pixels, std::int64_t C, const float* d, float* mean) {
  mean_of(op, N, pixels, C, ExpandedValue{d, ExpandedPlace(N * pixels, C)}, mean);
}

void own_row_mean(const char* op, std::int64_t N, std::int64_t pixels, std::int64_t C, const float* d, float* mean) {
  mean_of(op, N, pixels, C, RowMajor{d, C}, mean);
}

void scale_folded(std::int64_t N, std::int64_t pixels, std::int64_t M, const float* d, const float* gates, float* q) {
  const GatedValue value = gated(N, pixels, M, d, gates);
  for_rows("mbconv project", N * pixels, M, [=] VITRINE_HD(std::int64_t r, std::int64_t c) { q[r * M + c] = value(r, c); });
}

void add_folded(const char* op, std::int64_t n, const float* skip, float* y) {
  for_each(op, n, [=] VITRINE_HD(std::int64_t i) { y[i] = constant(skip + i) + y[i]; });
}

}  // namespace vitrine::cuda
