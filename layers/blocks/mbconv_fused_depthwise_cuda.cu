// The depthwise convolution of layers/blocks/mbconv_fused.h on a CUDA device and the elementwise work around it.
//
// Run-to-run tier: sums ride with the pass that makes the values, and the backward pass reads z1, z2 and g2 once and writes g1, with
// the gradient of the taps on the way; or cuDNN's convolutions with passes around them, where those were measured to be faster. Portable tier: the CPU's order of every sum, a pass for each.
#include <type_traits>

#include "layers/blocks/batch_statistics.h"
#include "layers/blocks/planes_cuda.h"
#include "layers/cudnn/convolution.h"
#include "layers/kernels/depthwise_sweep_cuda.h"
#include "tensor/cuda/candidates.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {

extern const kernels::NormSumsKernels norm_sums_table;

namespace {

using kernels::MBConvShape;
using kernels::NormGradientTarget;
using kernels::NormMeans;
using kernels::NormOnLoad;
using kernels::NormTarget;
using kernels::WeightGradientTarget;

constexpr std::int64_t kChainPixels =
    256;  // of a float32 sum in the portable tier, layers/blocks/mbconv_fused_depthwise_gradient_cpu.cpp

template <class Stored>
NormActivation<Stored> first_of(const MBConvShape& s, const NormOnLoad& norm1, const Stored* z1) {
  return {s, norm1, z1, s.depthwise.N * s.depthwise.H * s.depthwise.W};
}
template <class Stored>
NormActivation<Stored> second_of(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2) {
  return {s, norm2, z2, s.depthwise.N * s.depthwise.P * s.depthwise.Q};
}

// y [rows, C] = value(row, c).
template <class Stored, class Value>
Tensor written(std::int64_t rows, std::int64_t C, Value value) {
  Tensor result = Tensor::uninitialized<Stored>({rows, C}, current());
  Stored* const y = result.mutable_data<Stored>();
  for_rows("mbconv depthwise", rows, C, [=] VITRINE_HD(std::int64_t r, std::int64_t c) { keep(y + r * C + c, value(r, c)); });
  return result;
}

// act(BN1(z1)), or the block's input, row-major as Stored: a tensor of its own where it does not lie like that already.
template <class Stored>
struct FirstValues {
  Tensor room;
  const Stored* values;

  FirstValues(const NormActivation<Stored>& first, const ConvShape& z) : values(first.z) {
    if (!first.is_normed()) return;
    room = written<Stored>(z.N * z.H * z.W, z.C, first);
    values = room.data<Stored>();
  }
};

void portable_forward(const MBConvShape& s, const NormActivation<float>& first, const float* w, float* z2,
                      const NormTarget& sums) {
  const ConvShape& z = s.depthwise;
  const ExpandedPlace place(z.N * z.P * z.Q, z.C);
  depthwise_forward<0>(
      "mbconv depthwise", z, w, first,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, float value, double*) { z2[place.at(r, c)] = value; }, TakeNothing{});
  sums_of_squares("mbconv depthwise", s, output_rows(s), z2, sums);
}

// One kernel: the activation on the way in, the batch's sums on the way out.
template <class Stored>
void fused_forward(const MBConvShape& s, const NormActivation<Stored>& first, const float* w, Stored* z2,
                   const NormTarget& sums) {
  const ConvShape& z = s.depthwise;
  const ExpandedPlace place(z.N * z.P * z.Q, z.C);
  depthwise_forward<2>(
      "mbconv depthwise", z, w, first,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, float value, double* acc) {
        keep(z2 + place.at(r, c), value);
        const double kept = static_cast<double>(as_kept(z2, value));
        acc[0] = acc[0] + kept;
        acc[1] = std::fma(kept, kept, acc[1]);
      },
      ToNorm{sums, z.C});
}

// The activation in a pass, cuDNN's convolution, the sums in another.
template <class Stored>
bool library_forward(const MBConvShape& s, const NormActivation<Stored>& first, const float* w, Stored* z2,
                     const NormTarget& sums) {
  const ConvShape& z = s.depthwise;
  const FirstValues<Stored> e(first, z);
  if (!library_depthwise(z, e.values, w, z2)) return false;
  sums_of_squares("mbconv depthwise", s, output_rows(s), static_cast<const Stored*>(z2), sums);
  return true;
}

// What cuDNN computes of it.
template <class Stored>
cudnn::Description graph_of(ConvolutionPart part, const MBConvShape& s) {
  return description_of({part, s.depthwise, true, false, dtype_of<Stored>});
}

template <class Stored>
std::vector<Candidate> forward_candidates(const MBConvShape& s, const NormActivation<Stored>& first, const float* w, Stored* z2,
                                          const NormTarget& sums) {
  return {own_candidate([=] { fused_forward(s, first, w, z2, sums); }),
          {Kernels::cudnn,
           [=] { return library_forward(s, first, w, z2, sums); },
           {graph_of<Stored>(ConvolutionPart::forward, s).plan_name()}}};
}

template <class Stored>
void forward(const MBConvShape& s, const NormOnLoad& norm1, const Stored* z1, const float* w, Stored* z2,
             const NormTarget& sums) {
  const NormActivation<Stored> first = first_of(s, norm1, z1);
  if constexpr (std::is_same_v<Stored, float>) {
    if (settings().tier == Tier::portable) return portable_forward(s, first, w, z2, sums);
  }
  const std::string what = text("norm, ", graph_of<Stored>(ConvolutionPart::forward, s).what, ", statistics");
  // Trials leave the running statistics where they are.
  Tensor moved = Tensor::uninitialized({2, s.depthwise.C}, current());
  NormTarget trial = sums;
  trial.result.running.moved_mean = moved.mutable_data();
  trial.result.running.moved_variance = trial.result.running.moved_mean + s.depthwise.C;
  const Kernels chosen = choice_of(what, forward_candidates(s, first, w, z2, trial));
  run_candidates(chosen, what, forward_candidates(s, first, w, z2, sums));
}

template <class Stored>
void pool(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, float* pooled) {
  const std::int64_t N = s.depthwise.N, M = s.depthwise.C, pixels = s.depthwise.P * s.depthwise.Q;
  const NormActivation<Stored> value = second_of(s, norm2, z2);
  column_sums<1>(
      "mbconv pool", N, pixels, M, SegmentRows{pixels, N * pixels},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) { acc[0] = acc[0] + static_cast<double>(value(r, c)); },
      [=] VITRINE_HD(std::int64_t n, std::int64_t c, const double* sum) {
        pooled[n * M + c] = static_cast<float>(sum[0] / static_cast<double>(pixels));
      });
}

struct GradientAndValue {
  float gradient, value;
};

template <class Stored>
void activation_gradient(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, const float* scale,
                         const float* pooled_gradient, Stored* dq, const NormGradientTarget& sums) {
  const std::int64_t M = s.depthwise.C, pixels = s.depthwise.P * s.depthwise.Q;
  const SegmentRows rows = output_rows(s);
  const NormActivation<Stored> value = second_of(s, norm2, z2);
  const std::int32_t image = static_cast<std::int32_t>(pixels);  // rows fit into 32 bits, whose division is cheap
  const auto load = [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    const std::int64_t at = value.place.at(r, c);
    return GradientAndValue{value_now(dq + at), value_at(z2 + at)};
  };
  const auto add = [=] VITRINE_HD(std::int64_t r, std::int64_t c, const GradientAndValue& of, double* acc) {
    const std::int64_t gate = static_cast<std::int32_t>(r) / image * M + c;
    const float factor = scale != nullptr ? constant(scale + gate) : 1.0f;
    const float share = scale != nullptr ? constant(pooled_gradient + gate) / static_cast<float>(pixels) : 0.0f;
    const NormChannel norm(value.norm.constants, c);
    const float shift = constant(value.norm.shift + c);
    const float g = as_kept(dq, (of.gradient * factor + share) * value.activate.slope(norm.value(of.value, shift)));
    keep(dq + value.place.at(r, c), g);
    acc[0] = acc[0] + static_cast<double>(g);
    acc[1] = std::fma(static_cast<double>(g), static_cast<double>(norm.standard(of.value)), acc[1]);
  };
  column_sums<2>("mbconv activation", s.segments(), rows.rows_of_segment, M, rows, LoadThenAdd{load, add},
                 ToNormGradients{sums, M});
}

// The gradient by z2 through its norm.
template <class Stored>
struct SecondNormGradient {
  NormActivation<Stored> z2;
  NormMeans means;
  const Stored* g2;  // expanded
  VITRINE_HD float operator()(std::int64_t r, std::int64_t c) const {
    const std::int64_t at = z2.place.at(r, c);
    return NormChannel(z2.norm.constants, c)
        .gradient(value_at(z2.z + at), value_at(g2 + at), constant(means.g + c), constant(means.gh + c));
  }
};

// g1 = de act'(BN1(z1)), or de where there is no norm; adds g1 and g1 h1.
template <class Stored>
struct StoreFirstGradient {
  NormActivation<Stored> z1;
  Stored* g1;
  VITRINE_HD void operator()(std::int64_t r, std::int64_t c, float de, double* acc) const {
    const std::int64_t at = z1.place.at(r, c);
    if (!z1.is_normed()) {
      keep(g1 + at, de);
      return;
    }
    const NormChannel norm(z1.norm.constants, c);
    const float z = z1.raw(r, c);
    const float g = as_kept(g1, de * z1.activate.slope(norm.value(z, constant(z1.norm.shift + c))));
    keep(g1 + at, g);
    acc[0] = acc[0] + static_cast<double>(g);
    acc[1] = std::fma(static_cast<double>(g), static_cast<double>(norm.standard(z)), acc[1]);
  }
};

// ---- the portable tier

// The float32 sum of one tap and channel that goes to float64 after at least 256 pixels of whole rows: layers/blocks/mbconv_fused_depthwise_gradient_cpu.cpp
// looks at its length every `group` rows.
struct TapChain {
  ConvShape z;
  const float *x, *g;  // [N H W, C], [N P Q, C]

  VITRINE_HD double sum(std::int64_t tap, std::int64_t c, std::int64_t n0, std::int64_t n1) const {
    const std::int64_t group = 1 + (kChainPixels / z.Q < z.P - 1 ? kChainPixels / z.Q : z.P - 1);
    double total = 0;
    float chain = 0;
    std::int64_t length = 0;
    for (std::int64_t n = n0; n < n1; ++n) {
      for (std::int64_t p = 0; p < z.P; p += group) {
        const std::int64_t end = p + group < z.P ? p + group : z.P;
        for (std::int64_t row = p; row < end; ++row) chain = add_row(tap, c, n, row, chain);
        length += (end - p) * z.Q;
        if (length >= kChainPixels) {
          total = total + static_cast<double>(chain);
          chain = 0;
          length = 0;
        }
      }
    }
    return total + static_cast<double>(chain);
  }

  VITRINE_HD float add_row(std::int64_t tap, std::int64_t c, std::int64_t n, std::int64_t p, float chain) const {
    const std::int64_t h = p * z.stride + tap / z.S - z.padding.top;
    if (h < 0 || h >= z.H) return chain;
    for (std::int64_t q = 0; q < z.Q; ++q) {
      const std::int64_t v = q * z.stride + tap % z.S - z.padding.left;
      if (v >= 0 && v < z.W)
        chain = std::fma(x[((n * z.H + h) * z.W + v) * z.C + c], g[((n * z.P + p) * z.Q + q) * z.C + c], chain);
    }
    return chain;
  }
};

// dw [R, S, M]: a thread for each segment of images, tap and channel.
void chained_weight_gradient(const MBConvShape& s, const float* x, const float* g, float* dw) {
  const ConvShape z = s.depthwise;
  const std::int64_t size = z.R * z.S * z.C, images = s.images, segments = s.segments();
  Tensor room = Tensor::uninitialized<double>({segments, size}, current());
  double* const partial = room.mutable_data<double>();
  const TapChain chain{z, x, g};
  for_each("mbconv depthwise", segments * size, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t n0 = i / size * images;
    partial[i] = chain.sum(i % size / z.C, i % z.C, n0, n0 + images < z.N ? n0 + images : z.N);
  });
  norm_sums_table.weights(partial, segments, z.R * z.S, z.C, false, dw);
}

void portable_gradient(const MBConvShape& s, const NormActivation<float>& first, const SecondNormGradient<float>& second,
                       const float* w, const StoreFirstGradient<float>& store, const NormGradientTarget& sums, float* dw) {
  const ConvShape& z = s.depthwise;
  const std::int64_t M = z.C;
  const SegmentRows rows = input_rows(s);
  const Tensor e = written<float>(rows.rows, M, first), dz2 = written<float>(z.N * z.P * z.Q, M, second);
  chained_weight_gradient(s, e.data(), dz2.data(), dw);
  depthwise_backward_data("mbconv depthwise", z, w, RowMajor{dz2.data(), M},
                          [=] VITRINE_HD(std::int64_t r, std::int64_t c, float de) {
                            double unused[2] = {};
                            store(r, c, de, unused);
                          });
  if (!first.is_normed()) return;
  column_sums<2>(
      "mbconv norm", s.segments(), rows.rows_of_segment, M, rows,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const std::int64_t at = first.place.at(r, c);
        const double g = static_cast<double>(store.g1[at]);
        acc[0] = acc[0] + g;
        acc[1] = std::fma(g, static_cast<double>(NormChannel(first.norm.constants, c).standard(first.z[at])), acc[1]);
      },
      ToNormGradients{sums, M});
}

// ---- the run-to-run tier

// The values before and after in a pass each, cuDNN's two gradients, and what stands behind them in another pass.
template <class Stored>
bool library_gradient(const MBConvShape& s, const NormActivation<Stored>& first, const SecondNormGradient<Stored>& second,
                      const float* w, const StoreFirstGradient<Stored>& store, const NormGradientTarget& sums, float* dw) {
  const ConvShape& z = s.depthwise;
  const std::int64_t M = z.C;
  const SegmentRows rows = input_rows(s);
  const FirstValues<Stored> e(first, z);
  const Tensor dz2 = written<Stored>(z.N * z.P * z.Q, M, second);
  if (!library_depthwise_weight_gradient(z, e.values, dz2.data<Stored>(), dw)) return false;
  Tensor room = Tensor::uninitialized<Stored>({rows.rows, M}, current());
  Stored* const to = room.mutable_data<Stored>();
  if (!library_depthwise_data_gradient(z, dz2.data<Stored>(), w, to)) return false;
  const Stored* const de = to;
  if (!first.is_normed()) {
    for_rows("mbconv depthwise", rows.rows, M, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
      double unused[2] = {};
      store(r, c, value_at(de + r * M + c), unused);
    });
    return true;
  }
  column_sums<2>(
      "mbconv norm", s.segments(), rows.rows_of_segment, M, rows,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) { store(r, c, value_at(de + r * M + c), acc); },
      ToNormGradients{sums, M});
  return true;
}

template <class Stored>
void gradient(const MBConvShape& s, const NormOnLoad& norm1, const NormOnLoad& norm2, const NormMeans& means2, const Stored* z1,
              const Stored* z2, const Stored* g2, const float* w, Stored* g1, const NormGradientTarget& sums,
              const WeightGradientTarget& dw) {
  const NormActivation<Stored> first = first_of(s, norm1, z1);
  const SecondNormGradient<Stored> second{second_of(s, norm2, z2), means2, g2};
  const StoreFirstGradient<Stored> store{first, g1};
  if constexpr (std::is_same_v<Stored, float>) {
    if (settings().tier == Tier::portable) return portable_gradient(s, first, second, w, store, sums, dw.whole);
  }
  float* const taps = dw.whole;
  const auto sweep = [=] {
    depthwise_sweep<true>("mbconv depthwise", s.depthwise, w, second, first, store, ToNormGradients{sums, s.depthwise.C}, taps);
  };
  const cudnn::Description data = graph_of<Stored>(ConvolutionPart::data_gradient, s);
  const cudnn::Description weights = graph_of<Stored>(ConvolutionPart::weight_gradient, s);
  run_candidates(text("norm gradient, both gradients of ", data.what),
                 {own_candidate(sweep),
                  {Kernels::cudnn,
                   [=] { return library_gradient(s, first, second, w, store, sums, taps); },
                   {data.plan_name(), weights.plan_name()}}});
}

}  // namespace

extern const kernels::FusedDepthwiseKernels fused_depthwise_table;
const kernels::FusedDepthwiseKernels fused_depthwise_table = {forward<float>, pool<float>, activation_gradient<float>,
                                                              gradient<float>, nullptr};

extern const kernels::FusedDepthwiseKernelsOf<BFloat16> fused_depthwise_bfloat16_table;
const kernels::FusedDepthwiseKernelsOf<BFloat16> fused_depthwise_bfloat16_table = {
    forward<BFloat16>, pool<BFloat16>, activation_gradient<BFloat16>, gradient<BFloat16>, nullptr};

}  // namespace vitrine::cuda
