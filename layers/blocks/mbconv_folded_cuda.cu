// EfficientNet's layers for inference (layers/blocks/mbconv_folded.h) on a CUDA device.
#include "layers/blocks/mbconv_folded.h"

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

void convolution(const ConvShape& z, const Packed& w, Activation activation, const float* x, float* y) {
  dense("stem", z.N * z.P * z.Q, w, Windows{z, x}, Activate(activation), y);
}

// mean [N, C] of value(row, c) over the pixels of each image, in slices that do not depend on the other images of a batch.
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

void expand_depthwise(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean) {
  const ConvShape z = s.depthwise;
  const std::int64_t pixels = z.P * z.Q;
  const Activate act(s.activation);
  const float* input = x;
  Tensor expanded;
  if (sweep.expand.panels != nullptr) {
    expanded = Tensor::uninitialized({z.N * z.H * z.W, z.C}, current());
    dense("mbconv expand", z.N * z.H * z.W, sweep.expand, RowMajor{x, s.in}, act, expanded.mutable_data());
    input = expanded.data();
  }
  const ExpandedPlace place(z.N * pixels, z.C);
  const float* const bias = sweep.bias;
  depthwise_forward<0>(
      "mbconv depthwise", z, sweep.depthwise, RowMajor{input, z.C},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, float y, double*) { d[place.at(r, c)] = act.value(y + bias[c]); },
      TakeNothing{});
  if (mean == nullptr) return;
  mean_of(
      "mbconv pool", z.N, pixels, z.C, [=] VITRINE_HD(std::int64_t r, std::int64_t c) { return d[place.at(r, c)]; }, mean);
}

void gate(std::int64_t N, const Packed& reduce, const Packed& expand, const float* mean, float* hidden, float* gates) {
  gate_of_means("gate", {N, reduce.K, reduce.N}, PackedValue{reduce}, reduce.bias(), PackedValue{expand}, expand.bias(), mean,
                hidden, gates);
}

void project(std::int64_t N, std::int64_t pixels, const Packed& packed, const float* d, const float* gates, const float* skip,
             float* y) {
  const std::int64_t M = packed.K, K = packed.N, rows = N * pixels;
  const ExpandedPlace place(rows, M);
  const PackedValue w{packed};
  const auto image = static_cast<std::uint32_t>(pixels);  // rows fit into 32 bits, whose division is cheap
  product_of(
      "mbconv project", rows, K, M,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
        const float gate = gates != nullptr ? constant(gates + static_cast<std::uint32_t>(r) / image * M + c) : 1.0f;
        return constant(d + place.at(r, c)) * gate;
      },
      w,
      [=] VITRINE_HD(std::int64_t r, std::int64_t k, float sum) {
        const float p = sum + w.bias(k);
        y[r * K + k] = skip != nullptr ? constant(skip + r * K + k) + p : p;
      });
}

void head(std::int64_t N, std::int64_t pixels, const Packed& w, Activation activation, const float* x, float* mean) {
  const std::int64_t K = w.N;
  Tensor room = Tensor::uninitialized({N * pixels, K}, current());
  float* const z = room.mutable_data();
  dense("head", N * pixels, w, RowMajor{x, w.K}, Activate(activation), z);
  mean_of("head", N, pixels, K, RowMajor{z, K}, mean);
}

void linear(std::int64_t N, const Packed& w, const float* x, float* y) {
  dense("classifier", N, w, RowMajor{x, w.K}, Linear{}, y);
}

}  // namespace

extern const kernels::FoldedKernels folded_table;
const kernels::FoldedKernels folded_table = {convolution, expand_depthwise, gate, project, head, linear};

}  // namespace vitrine::cuda
