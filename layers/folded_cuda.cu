// EfficientNet's layers for inference (layers/folded.h) on a CUDA device.
#include "layers/folded.h"

#include "layers/depthwise_cuda.h"
#include "layers/wide_cuda.h"
#include "layers/window_cuda.h"

namespace vitrine::cuda {
namespace {

using cpu::FoldedShape;
using cpu::FoldedSweep;
using cpu::Packed;

// Packed weights as b(k, n) of a product, and their bias.
struct PackedValue {
  Packed w;
  VITRINE_HD float operator()(std::int64_t k, std::int64_t n) const {
    const std::int64_t panel = n / Packed::kPanel * Packed::kPanel;
    return w.panel(panel)[k * w.width(panel) + n - panel];
  }
  VITRINE_HD float bias(std::int64_t n) const { return w.bias()[n]; }
};

// A row-major matrix as a(m, k).
struct RowMajor {
  const float* values;
  std::int64_t columns;
  VITRINE_HD float operator()(std::int64_t m, std::int64_t k) const { return values[m * columns + k]; }
};

// y [rows, N] = act(x w + bias).
template <class Function, class A>
void dense_of(const char* op, std::int64_t rows, const Packed& packed, A a, float* y) {
  const PackedValue w{packed};
  const std::int64_t N = packed.N;
  product_of(op, rows, N, packed.K, a, w,
             [=] VITRINE_HD(std::int64_t m, std::int64_t n, float sum) { y[m * N + n] = Function::value(sum + w.bias(n)); });
}

void convolution(const ConvShape& z, const Packed& w, Activation activation, const float* x, float* y) {
  const std::int64_t rows = z.N * z.P * z.Q;
  activation == Activation::swish ? dense_of<Swish>("stem", rows, w, Windows{z, x}, y)
                                  : dense_of<Relu6>("stem", rows, w, Windows{z, x}, y);
}

// mean [N, C] of value(row, c) over the pixels of each image.
template <class Value>
void mean_of(const char* op, std::int64_t N, std::int64_t pixels, std::int64_t C, Value value, float* mean) {
  Tensor room = Tensor::uninitialized({N, C, 2}, current());
  double* const sums = reinterpret_cast<double*>(room.mutable_data());
  column_sums<1>(
      op, N, C, SegmentRows{pixels, N * pixels},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) { acc[0] = acc[0] + static_cast<double>(value(r, c)); },
      sums);
  for_each(op, N * C, [=] VITRINE_HD(std::int64_t i) { mean[i] = static_cast<float>(sums[i] / static_cast<double>(pixels)); });
}

template <class Function>
void expand_depthwise_of(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean) {
  const ConvShape z = s.depthwise;
  const std::int64_t pixels = z.P * z.Q;
  const float* input = x;
  Tensor expanded;
  if (sweep.expand.panels != nullptr) {
    expanded = Tensor::uninitialized({z.N * z.H * z.W, z.C}, current());
    dense_of<Function>("mbconv expand", z.N * z.H * z.W, sweep.expand, RowMajor{x, s.in}, expanded.mutable_data());
    input = expanded.data();
  }
  const Wide wide(z.N * pixels, z.C);
  const float* const bias = sweep.bias;
  depthwise_forward(
      "mbconv depthwise", z, sweep.depthwise, RowMajor{input, z.C},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, float y) { d[wide.at(r, c)] = Function::value(y + bias[c]); });
  mean_of(
      "mbconv pool", z.N, pixels, z.C, [=] VITRINE_HD(std::int64_t r, std::int64_t c) { return d[wide.at(r, c)]; }, mean);
}

void expand_depthwise(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean) {
  s.activation == Activation::swish ? expand_depthwise_of<Swish>(s, sweep, x, d, mean)
                                    : expand_depthwise_of<Relu6>(s, sweep, x, d, mean);
}

struct Sigmoid {
  VITRINE_HD static float value(float u) { return sigmoid(u); }
};

void gate(std::int64_t N, const Packed& reduce, const Packed& expand, const float* mean, float* hidden, float* gates) {
  dense_of<Swish>("gate", N, reduce, RowMajor{mean, reduce.K}, hidden);
  dense_of<Sigmoid>("gate", N, expand, RowMajor{hidden, expand.K}, gates);
}

void project(std::int64_t N, std::int64_t pixels, const Packed& packed, const float* d, const float* gates, const float* skip,
             float* y) {
  const std::int64_t M = packed.K, K = packed.N, rows = N * pixels;
  const Wide wide(rows, M);
  const PackedValue w{packed};
  product_of(
      "mbconv project", rows, K, M,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
        return d[wide.at(r, c)] * (gates != nullptr ? gates[r / pixels * M + c] : 1.0f);
      },
      w,
      [=] VITRINE_HD(std::int64_t r, std::int64_t k, float sum) {
        const float p = sum + w.bias(k);
        y[r * K + k] = skip != nullptr ? skip[r * K + k] + p : p;
      });
}

void head(std::int64_t N, std::int64_t pixels, const Packed& w, Activation activation, const float* x, float* mean) {
  const std::int64_t K = w.N;
  Tensor room = Tensor::uninitialized({N * pixels, K}, current());
  float* const z = room.mutable_data();
  activation == Activation::swish ? dense_of<Swish>("head", N * pixels, w, RowMajor{x, w.K}, z)
                                  : dense_of<Relu6>("head", N * pixels, w, RowMajor{x, w.K}, z);
  mean_of("head", N, pixels, K, RowMajor{z, K}, mean);
}

void linear(std::int64_t N, const Packed& w, const float* x, float* y) {
  dense_of<Identity>("classifier", N, w, RowMajor{x, w.K}, y);
}

}  // namespace

extern const cpu::FoldedKernels folded_table;
const cpu::FoldedKernels folded_table = {convolution, expand_depthwise, gate, project, head, linear};

}  // namespace vitrine::cuda
