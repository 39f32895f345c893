// The 1x1 convolutions of layers/blocks/mbconv_fused.h on a CUDA device.
#include "layers/blocks/batch_statistics.h"
#include "layers/blocks/planes_cuda.h"
#include "layers/kernels/gemm_cuda.h"
#include "layers/kernels/linear_algebra_cuda.h"
#include "layers/products_cuda.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {

extern const kernels::NormSumsKernels norm_sums_table;

namespace {

using kernels::MBConvShape;
using kernels::NormOnLoad;
using kernels::WeightGradientTarget;

constexpr std::int64_t kGradientRows = 128;  // of a float32 sum, layers/blocks/slab_cpu.h

// y [rows, N] as an expanded tensor = a [rows, K] b [K, N]; transposed: b [N, K].
void wide_product(const char* op, const BFloat16* a, const BFloat16* b, std::int64_t rows, std::int64_t K, std::int64_t N,
                  bool transposed, BFloat16* y) {
  return transposed ? product_transposed(op, a, b, rows, K, N, y) : product(op, a, b, rows, K, N, y);
}
void wide_product(const char* op, const float* a, const float* b, std::int64_t rows, std::int64_t K, std::int64_t N,
                  bool transposed, float* y) {
  const ExpandedPlace place(rows, N);
  if (place.is_row_major()) return transposed ? product_transposed(op, a, b, rows, K, N, y) : product(op, a, b, rows, K, N, y);
  const std::int64_t step = transposed ? 1 : N, column = transposed ? K : 1;
  product_of(
      op, rows, N, K, [=] VITRINE_HD(std::int64_t m, std::int64_t k) { return a[m * K + k]; },
      [=] VITRINE_HD(std::int64_t k, std::int64_t n) { return b[k * step + n * column]; },
      [=] VITRINE_HD(std::int64_t m, std::int64_t n, float sum) { y[place.at(m, n)] = sum; });
}

// dw [narrow, M], or [M, narrow] where transposed, = sum over rows of a [rows, narrow] times q [rows, M]: float32 sums of 128 rows of a
// segment, added in float64, segment after segment.
void own_weight_gradient(const char* op, const SegmentRows& rows, std::int64_t segments, std::int64_t narrow, std::int64_t M,
                         const float* a, const float* q, bool transposed, float* dw) {
  Tensor room = Tensor::uninitialized<double>({segments, narrow, M}, current());
  double* const partial = room.mutable_data<double>();
  products<double>(
      op, segments, narrow, M, kGradientRows, true,
      [=] VITRINE_HD(std::int64_t k, std::int64_t r) { return a[r * narrow + k]; },
      [=] VITRINE_HD(std::int64_t r, std::int64_t c) { return q[r * M + c]; }, rows,
      [=] VITRINE_HD(std::int64_t segment, std::int64_t k, std::int64_t c, double sum) {
        partial[(segment * narrow + k) * M + c] = sum;
      });
  norm_sums_table.weights(partial, segments, narrow, M, transposed, dw);
}

void weight_gradient(const char* op, const SegmentRows& rows, std::int64_t, std::int64_t narrow, std::int64_t M,
                     const BFloat16* a, const BFloat16* q, bool transposed, float* dw) {
  if (transposed) return product_over_rows(op, q, a, rows.rows, M, narrow, dw);
  product_over_rows(op, a, q, rows.rows, narrow, M, dw);
}
void weight_gradient(const char* op, const SegmentRows& rows, std::int64_t segments, std::int64_t narrow, std::int64_t M,
                     const float* a, const float* q, bool transposed, float* dw) {
  const auto own = [=] { own_weight_gradient(op, rows, segments, narrow, M, a, q, transposed, dw); };
  if (transposed) return product_over_rows(op, q, a, rows.rows, M, narrow, dw, own);
  product_over_rows(op, a, q, rows.rows, narrow, M, dw, own);
}

template <class Stored>
void expand(const MBConvShape& s, const Stored* x, const Stored* w, Stored* z1, const kernels::NormTarget& sums) {
  const std::int64_t M = s.depthwise.C, all = s.depthwise.N * s.depthwise.H * s.depthwise.W;
  wide_product("mbconv expand", x, w, all, s.in, M, false, z1);
  sums_of_squares("mbconv expand", s, input_rows(s), static_cast<const Stored*>(z1), sums);
}

// The factor of a row's image: 1 without squeeze-excitation.
struct Gate {
  const float* scale;
  std::int64_t M;
  std::int32_t pixels;  // rows fit into 32 bits, whose division is cheap
  VITRINE_HD float operator()(std::int64_t r, std::int64_t c) const {
    return scale != nullptr ? constant(scale + static_cast<std::int32_t>(r) / pixels * M + c) : 1.0f;
  }
};

Gate gate_of(const MBConvShape& s, const float* scale) {
  return {scale, s.depthwise.C, static_cast<std::int32_t>(s.depthwise.P * s.depthwise.Q)};
}

// q [rows, M] = scale act(BN2(z2)), row-major.
template <class Stored>
Tensor scaled_activation(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, const float* scale) {
  const std::int64_t M = s.depthwise.C, rows = s.depthwise.N * s.depthwise.P * s.depthwise.Q;
  Tensor result = Tensor::uninitialized<Stored>({rows, M}, current());
  Stored* const q = result.mutable_data<Stored>();
  const NormActivation<Stored> value(s, norm2, z2, rows);
  const Gate gate = gate_of(s, scale);
  for_rows("mbconv project", rows, M,
           [=] VITRINE_HD(std::int64_t r, std::int64_t c) { keep(q + r * M + c, value(r, c) * gate(r, c)); });
  return result;
}

template <class Stored>
void project(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, const float* scale, const Stored* w, Stored* z3) {
  const std::int64_t M = s.depthwise.C, rows = s.depthwise.N * s.depthwise.P * s.depthwise.Q;
  const Tensor q = scaled_activation(s, norm2, z2, scale);
  product("mbconv project", q.data<Stored>(), w, rows, M, s.out, z3);
}

// The same q, and scale_gradient [N, M]: per image the sum of dq act(BN2(z2)) over its pixels.
template <class Stored>
Tensor scaled_activation_and_gradient(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, const float* scale,
                                      const Stored* dq, float* scale_gradient) {
  const std::int64_t N = s.depthwise.N, M = s.depthwise.C, pixels = s.depthwise.P * s.depthwise.Q;
  Tensor result = Tensor::uninitialized<Stored>({N * pixels, M}, current());
  Stored* const q = result.mutable_data<Stored>();
  const NormActivation<Stored> value(s, norm2, z2, N * pixels);
  const Gate gate = gate_of(s, scale);
  column_sums<1>(
      "mbconv project", N, pixels, M, SegmentRows{pixels, N * pixels},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const float d = value(r, c);
        keep(q + r * M + c, d * gate(r, c));
        acc[0] = std::fma(static_cast<double>(value_at(dq + value.place.at(r, c))), static_cast<double>(d), acc[0]);
      },
      [=] VITRINE_HD(std::int64_t n, std::int64_t c, const double* sum) {
        scale_gradient[n * M + c] = static_cast<float>(sum[0]);
      });
  return result;
}

template <class Stored>
void project_gradient(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, const float* scale, const Stored* w,
                      const Stored* dz3, Stored* dq, float* scale_gradient, const WeightGradientTarget& dw) {
  const std::int64_t M = s.depthwise.C, K = s.out, rows = s.depthwise.N * s.depthwise.P * s.depthwise.Q;
  wide_product("mbconv project", dz3, w, rows, K, M, true, dq);
  const Tensor q = scale != nullptr
                       ? scaled_activation_and_gradient(s, norm2, z2, scale, static_cast<const Stored*>(dq), scale_gradient)
                       : scaled_activation(s, norm2, z2, nullptr);
  weight_gradient("mbconv project", output_rows(s), s.segments(), K, M, dz3, q.data<Stored>(), true, dw.whole);
}

// dz1, the gradient through the first norm, row-major.
template <class Stored>
Tensor first_norm_gradient(const MBConvShape& s, const NormOnLoad& norm1, const kernels::NormMeans& means, const Stored* z1,
                           const Stored* g1) {
  const std::int64_t M = s.depthwise.C, all = s.depthwise.N * s.depthwise.H * s.depthwise.W;
  const ExpandedPlace place(all, M);
  Tensor room = Tensor::uninitialized<Stored>({all, M}, current());
  Stored* const dz1 = room.mutable_data<Stored>();
  for_rows("mbconv expand", all, M, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    const std::int64_t at = place.at(r, c);
    keep(dz1 + r * M + c,
         NormChannel(norm1.constants, c).gradient(value_at(z1 + at), value_at(g1 + at), means.g[c], means.gh[c]));
  });
  return room;
}

template <class Stored>
void expand_gradient(const MBConvShape& s, const NormOnLoad& norm1, const kernels::NormMeans& means, const Stored* x,
                     const Stored* z1, const Stored* w, float*, Stored* g1, Stored* dx, const WeightGradientTarget& dw) {
  const std::int64_t M = s.depthwise.C, all = s.depthwise.N * s.depthwise.H * s.depthwise.W;
  const Tensor room = first_norm_gradient(s, norm1, means, z1, static_cast<const Stored*>(g1));
  const Stored* const dz1 = room.data<Stored>();
  weight_gradient("mbconv expand", input_rows(s), s.segments(), s.in, M, x, dz1, false, dw.whole);
  if (dx != nullptr) product_transposed("mbconv expand", dz1, w, all, M, s.in, dx);
}

}  // namespace

extern const kernels::FusedPointwiseKernels fused_pointwise_table;
const kernels::FusedPointwiseKernels fused_pointwise_table = {expand<float>, project<float>, project_gradient<float>,
                                                              expand_gradient<float>};

extern const kernels::FusedPointwiseKernelsOf<BFloat16> fused_pointwise_bfloat16_table;
const kernels::FusedPointwiseKernelsOf<BFloat16> fused_pointwise_bfloat16_table = {
    expand<BFloat16>, project<BFloat16>, project_gradient<BFloat16>, expand_gradient<BFloat16>};

}  // namespace vitrine::cuda
