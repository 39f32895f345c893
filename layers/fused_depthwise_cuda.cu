// The depthwise convolution of layers/fused_mbconv.h on a CUDA device and the elementwise work around it.
#include "layers/depthwise_cuda.h"
#include "layers/norm_sums.h"
#include "layers/wide_cuda.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {

extern const cpu::NormSumsKernels norm_sums_table;

namespace {

using cpu::FusedGradient;
using cpu::FusedNorm;
using cpu::FusedShape;
using cpu::NormMeans;

constexpr std::int64_t kChainPixels = 256;  // of a float32 sum, layers/fused_depthwise_cpu.cpp

// The block's input where there is no expansion: row-major, taken as it is.
struct AsIs {
  const float* x;
  std::int64_t C;
  VITRINE_HD float operator()(std::int64_t r, std::int64_t c) const { return x[r * C + c]; }
};

template <class Load>
void forward_with(const FusedShape& s, Load load, const float* w, float* z2, double* partial) {
  const ConvShape& z = s.depthwise;
  const Wide wide(z.N * z.P * z.Q, z.C);
  depthwise_forward("mbconv depthwise", z, w, load,
                    [=] VITRINE_HD(std::int64_t r, std::int64_t c, float value) { z2[wide.at(r, c)] = value; });
  sums_of_squares("mbconv depthwise", output_rows(s), s.segments(), z.C, z2, partial);
}

void forward(const FusedShape& s, const FusedNorm& norm1, const float* z1, const float* w, float* z2, double* partial) {
  const ConvShape& z = s.depthwise;
  const Wide wide(z.N * z.H * z.W, z.C);
  if (norm1.shift == nullptr) {
    forward_with(s, AsIs{z1, z.C}, w, z2, partial);
  } else if (s.activation == Activation::swish) {
    forward_with(s, NormActivation<Swish>{norm1, z1, wide}, w, z2, partial);
  } else {
    forward_with(s, NormActivation<Relu6>{norm1, z1, wide}, w, z2, partial);
  }
}

template <class Function>
void pool_of(const FusedShape& s, const FusedNorm& norm2, const float* z2, float* pooled) {
  const std::int64_t N = s.depthwise.N, M = s.depthwise.C, pixels = s.depthwise.P * s.depthwise.Q;
  const NormActivation<Function> value{norm2, z2, Wide(N * pixels, M)};
  Tensor room = Tensor::uninitialized({N, M, 2}, current());
  double* const sums = reinterpret_cast<double*>(room.mutable_data());
  column_sums<1>(
      "mbconv pool", N, M, SegmentRows{pixels, N * pixels},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) { acc[0] = acc[0] + static_cast<double>(value(r, c)); },
      sums);
  for_each("mbconv pool", N * M,
           [=] VITRINE_HD(std::int64_t i) { pooled[i] = static_cast<float>(sums[i] / static_cast<double>(pixels)); });
}

void pool(const FusedShape& s, const FusedNorm& norm2, const float* z2, float* pooled) {
  s.activation == Activation::swish ? pool_of<Swish>(s, norm2, z2, pooled) : pool_of<Relu6>(s, norm2, z2, pooled);
}

// partial [segments][2][M]: sums of g and g h over the rows of each segment; z, g wide.
void sums_of_gradient(const FusedShape& s, const SegmentRows& rows, const FusedNorm& norm, const float* z, const float* g,
                      double* partial) {
  const Wide wide(rows.rows, s.depthwise.C);
  column_sums<2>(
      "mbconv norm", s.segments(), s.depthwise.C, rows,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const std::int64_t at = wide.at(r, c);
        const double gradient = static_cast<double>(g[at]);
        acc[0] = acc[0] + gradient;
        acc[1] = std::fma(gradient, static_cast<double>(NormChannel(norm.constants, c).standard(z[at])), acc[1]);
      },
      partial);
}

template <class Function>
void activation_gradient_of(const FusedShape& s, const FusedNorm& norm2, const float* z2, const float* scale,
                            const float* pooled_gradient, float* dq, double* partial) {
  const std::int64_t M = s.depthwise.C, pixels = s.depthwise.P * s.depthwise.Q, rows = s.depthwise.N * pixels;
  const Wide wide(rows, M);
  const NormActivation<Function> value{norm2, z2, wide};
  const std::int32_t image = static_cast<std::int32_t>(pixels);  // rows fit into 32 bits, whose division is cheap
  for_rows("mbconv activation", rows, M, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    const std::int64_t at = wide.at(r, c), gate = static_cast<std::int32_t>(r) / image * M + c;
    const float factor = scale != nullptr ? scale[gate] : 1.0f;
    const float share = scale != nullptr ? pooled_gradient[gate] / static_cast<float>(pixels) : 0.0f;
    dq[at] = (dq[at] * factor + share) * Function::slope(value.normal(r, c));
  });
  sums_of_gradient(s, output_rows(s), norm2, z2, dq, partial);
}

void activation_gradient(const FusedShape& s, const FusedNorm& norm2, const float* z2, const float* scale,
                         const float* pooled_gradient, float* dq, double* partial) {
  s.activation == Activation::swish ? activation_gradient_of<Swish>(s, norm2, z2, scale, pooled_gradient, dq, partial)
                                    : activation_gradient_of<Relu6>(s, norm2, z2, scale, pooled_gradient, dq, partial);
}

// The float32 sum of one tap and channel that goes to float64 after at least 256 pixels of whole rows: layers/fused_depthwise_cpu.cpp
// looks at its length every `group` rows.
struct TapChain {
  ConvShape z;
  const float *x, *g;  // [N H W, C], [N P Q, C]

  VITRINE_HD double sum(std::int64_t tap, std::int64_t c, std::int64_t n0, std::int64_t n1, std::int64_t p0,
                        std::int64_t p1) const {
    const std::int64_t group = 1 + (kChainPixels / z.Q < z.P - 1 ? kChainPixels / z.Q : z.P - 1);
    double total = 0;
    float chain = 0;
    std::int64_t length = 0;
    for (std::int64_t n = n0; n < n1; ++n) {
      for (std::int64_t p = p0; p < p1; p += group) {
        const std::int64_t end = p + group < p1 ? p + group : p1;
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

// dw [R, S, M]. Portable: a thread for each segment of images, as on the CPU. Run-to-run: for each 256 pixels of an image.
void weight_gradient(const FusedShape& s, const float* x, const float* g, float* dw) {
  const ConvShape z = s.depthwise;
  const bool shared_out = settings().tier == Tier::run_to_run;
  const std::int64_t size = z.R * z.S * z.C, images = shared_out ? 1 : s.images;
  const std::int64_t strip = shared_out && kChainPixels / z.Q + 1 < z.P ? kChainPixels / z.Q + 1 : z.P,
                     strips = (z.P + strip - 1) / strip;
  const std::int64_t segments = (z.N + images - 1) / images * strips;
  Tensor room = Tensor::uninitialized({segments, size, 2}, current());
  double* const partial = reinterpret_cast<double*>(room.mutable_data());
  const TapChain chain{z, x, g};
  for_each("mbconv depthwise", segments * size, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t segment = i / size, n0 = segment / strips * images, p0 = segment % strips * strip;
    partial[i] =
        chain.sum(i % size / z.C, i % z.C, n0, n0 + images < z.N ? n0 + images : z.N, p0, p0 + strip < z.P ? p0 + strip : z.P);
  });
  norm_sums_table.weights(partial, segments, z.R * z.S, z.C, false, dw);
}

// dz2 [rows, M] row-major: the gradient by z2 through its norm.
Tensor norm_gradient(const FusedShape& s, const FusedNorm& norm2, const NormMeans& means2, const float* z2, const float* g2) {
  const std::int64_t M = s.depthwise.C, rows = s.depthwise.N * s.depthwise.P * s.depthwise.Q;
  const Wide wide(rows, M);
  Tensor result = Tensor::uninitialized({rows, M}, current());
  float* const dz2 = result.mutable_data();
  for_rows("mbconv depthwise", rows, M, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    const std::int64_t at = wide.at(r, c);
    dz2[r * M + c] = NormChannel(norm2.constants, c).gradient(z2[at], g2[at], means2.g[c], means2.gh[c]);
  });
  return result;
}

template <class Function>
void gradient_of(const FusedShape& s, const FusedNorm& norm1, const float* z1, const Tensor& dz2, const float* w, float* g1,
                 double* sums, float* dw) {
  const ConvShape z = s.depthwise;
  const std::int64_t rows = z.N * z.H * z.W;
  const Wide wide(rows, z.C);
  const NormActivation<Function> value{norm1, z1, wide};
  Tensor activated = Tensor::uninitialized({rows, z.C}, current());
  float* const e = activated.mutable_data();
  const std::int64_t M = z.C;
  for_rows("mbconv depthwise", rows, M, [=] VITRINE_HD(std::int64_t r, std::int64_t c) { e[r * M + c] = value(r, c); });
  weight_gradient(s, e, dz2.data(), dw);
  depthwise_backward_data("mbconv depthwise", z, w, AsIs{dz2.data(), z.C},
                          [=] VITRINE_HD(std::int64_t r, std::int64_t c, float de) {
                            g1[wide.at(r, c)] = de * Function::slope(value.normal(r, c));
                          });
  sums_of_gradient(s, input_rows(s), norm1, z1, g1, sums);
}

void gradient(const FusedShape& s, const FusedNorm& norm1, const FusedNorm& norm2, const NormMeans& means2, const float* z1,
              const float* z2, const float* g2, const float* w, float* g1, double* sums, const FusedGradient& dw) {
  const Tensor dz2 = norm_gradient(s, norm2, means2, z2, g2);
  if (norm1.shift == nullptr) {
    const std::int64_t C = s.depthwise.C;
    weight_gradient(s, z1, dz2.data(), dw.whole);
    depthwise_backward_data("mbconv depthwise", s.depthwise, w, AsIs{dz2.data(), C},
                            [=] VITRINE_HD(std::int64_t r, std::int64_t c, float dx) { g1[r * C + c] = dx; });
  } else if (s.activation == Activation::swish) {
    gradient_of<Swish>(s, norm1, z1, dz2, w, g1, sums, dw.whole);
  } else {
    gradient_of<Relu6>(s, norm1, z1, dz2, w, g1, sums, dw.whole);
  }
}

}  // namespace

extern const cpu::FusedDepthwiseKernels fused_depthwise_table;
const cpu::FusedDepthwiseKernels fused_depthwise_table = {forward, pool, activation_gradient, gradient, nullptr};

}  // namespace vitrine::cuda
