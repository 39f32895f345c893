#include "layers/fused_norm.h"
#include "layers/norm_cuda.h"
#include "layers/product_cuda.h"

namespace vitrine::cuda {
namespace {

using cpu::FusedNormShape;
using cpu::NormConstants;

// body(activation) with the functions of the shape's activation.
template <class Body>
void with_activation(const FusedNormShape& s, Body body) {
  if (!s.activation) {
    body(Identity{});
  } else if (*s.activation == Activation::swish) {
    body(Swish{});
  } else {
    body(Relu6{});
  }
}

struct Rows {
  std::int64_t rows;
  VITRINE_HD Span operator()(std::int64_t segment) const {
    const std::int64_t first = segment * cpu::kNormRows, last = first + cpu::kNormRows;
    return {first, last < rows ? last : rows};
  }
};

void sums(const FusedNormShape& s, const float* x, double* partial) {
  const std::int64_t C = s.C;
  column_sums<2>(
      "fused_norm", s.segments(), C, Rows{s.rows},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const double value = static_cast<double>(x[r * C + c]);
        acc[0] = acc[0] + value;
        acc[1] = std::fma(value, value, acc[1]);
      },
      partial);
}

template <class Function>
void forward_of(const FusedNormShape& s, const NormConstants& k, const float* beta, const float* x, float* y) {
  const std::int64_t C = s.C;
  for_rows("fused_norm", s.rows, C, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    y[r * C + c] = Function::value(NormChannel(k, c).value(x[r * C + c], beta[c]));
  });
}

template <class Function>
void gradient_sums_of(const FusedNormShape& s, const NormConstants& k, const float* beta, const float* x, const float* dy,
                      double* partial) {
  const std::int64_t C = s.C;
  column_sums<2>(
      "fused_norm", s.segments(), C, Rows{s.rows},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const NormChannel norm(k, c);
        const float value = x[r * C + c];
        const double g = static_cast<double>(dy[r * C + c] * Function::slope(norm.value(value, beta[c])));
        acc[0] = acc[0] + g;
        acc[1] = std::fma(g, static_cast<double>(norm.standard(value)), acc[1]);
      },
      partial);
}

template <class Function>
void gradient_of(const FusedNormShape& s, const NormConstants& k, const float* beta, const cpu::NormMeans& means,
                 const float* x, const float* dy, float* dx) {
  const std::int64_t C = s.C;
  for_rows("fused_norm", s.rows, C, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    const std::int64_t i = r * C + c;
    const NormChannel norm(k, c);
    const float g = dy[i] * Function::slope(norm.value(x[i], beta[c]));
    dx[i] = norm.gradient(x[i], g, means.g[c], means.gh[c]);
  });
}

void forward(const FusedNormShape& s, const NormConstants& k, const float* beta, const float* x, float* y) {
  with_activation(s, [&]<class Function>(Function) { forward_of<Function>(s, k, beta, x, y); });
}

void gradient_sums(const FusedNormShape& s, const NormConstants& k, const float* beta, const float* x, const float* dy,
                   double* partial) {
  with_activation(s, [&]<class Function>(Function) { gradient_sums_of<Function>(s, k, beta, x, dy, partial); });
}

void gradient(const FusedNormShape& s, const NormConstants& k, const float* beta, const cpu::NormMeans& means, const float* x,
              const float* dy, float* dx) {
  with_activation(s, [&]<class Function>(Function) { gradient_of<Function>(s, k, beta, means, x, dy, dx); });
}

}  // namespace

extern const cpu::FusedNormKernels fused_norm_table;
const cpu::FusedNormKernels fused_norm_table = {sums, forward, gradient_sums, gradient};

}  // namespace vitrine::cuda
