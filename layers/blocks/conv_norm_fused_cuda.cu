#include "layers/blocks/batch_statistics_cuda.h"
#include "layers/blocks/conv_norm_fused.h"
#include "layers/kernels/column_sums_cuda.h"
#include "layers/kernels/norm_cuda.h"
#include "layers/unary_cuda.h"

namespace vitrine::cuda {
namespace {

using kernels::FusedNormShape;
using kernels::NormConstants;
using kernels::ResidualRowsOf;

struct Rows {
  std::int64_t rows_of_segment, rows;
  VITRINE_HD Span operator()(std::int64_t segment) const {
    const std::int64_t first = segment * rows_of_segment, last = first + rows_of_segment;
    return {first, last < rows ? last : rows};
  }
};

// An image's factor; rows fit into 32 bits, whose division is cheap.
template <class Stored>
VITRINE_HD float scaled(const ResidualRowsOf<Stored>& residual, std::int64_t r, float value) {
  if (residual.factors == nullptr) return value;
  return value * residual.factors[static_cast<std::uint32_t>(r) / static_cast<std::uint32_t>(residual.image_rows)];
}

template <class Stored>
void sums(const FusedNormShape& s, const Stored* x, const kernels::NormTarget& to) {
  const std::int64_t C = s.C;
  column_sums<2>(
      "fused_norm", s.segments(), s.rows_of_segment, C, Rows{s.rows_of_segment, s.rows},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const double value = static_cast<double>(value_at(x + r * C + c));
        acc[0] = acc[0] + value;
        acc[1] = std::fma(value, value, acc[1]);
      },
      ToNorm{to, C});
}

template <class Stored>
void forward(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRowsOf<Stored>& residual,
             const Stored* x, Stored* y) {
  const std::int64_t C = s.C;
  const Activate activate(s.activation);
  const ResidualRowsOf<Stored> around = residual;
  for_rows("fused_norm", s.rows, C, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    const std::int64_t i = r * C + c;
    const float branch = scaled(around, r, activate.value(NormChannel(k, c).value(value_at(x + i), beta[c])));
    keep(y + i, around.skip != nullptr ? value_at(around.skip + i) + branch : branch);
  });
}

template <class Stored>
void gradient_sums(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRowsOf<Stored>& residual,
                   const Stored* x, const Stored* dy, const kernels::NormGradientTarget& to) {
  const std::int64_t C = s.C;
  const Activate activate(s.activation);
  const ResidualRowsOf<Stored> around = residual;
  column_sums<2>(
      "fused_norm", s.segments(), s.rows_of_segment, C, Rows{s.rows_of_segment, s.rows},
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const NormChannel norm(k, c);
        const float value = value_at(x + r * C + c);
        const double g =
            static_cast<double>(scaled(around, r, value_at(dy + r * C + c)) * activate.slope(norm.value(value, beta[c])));
        acc[0] = acc[0] + g;
        acc[1] = std::fma(g, static_cast<double>(norm.standard(value)), acc[1]);
      },
      ToNormGradients{to, C});
}

template <class Stored>
void gradient(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRowsOf<Stored>& residual,
              const kernels::NormMeans& means, const Stored* x, const Stored* dy, Stored* dx) {
  const std::int64_t C = s.C;
  const Activate activate(s.activation);
  const ResidualRowsOf<Stored> around = residual;
  for_rows("fused_norm", s.rows, C, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    const std::int64_t i = r * C + c;
    const NormChannel norm(k, c);
    const float value = value_at(x + i);
    const float g = scaled(around, r, value_at(dy + i)) * activate.slope(norm.value(value, beta[c]));
    keep(dx + i, norm.gradient(value, g, means.g[c], means.gh[c]));
  });
}

}  // namespace

extern const kernels::FusedNormKernels fused_norm_table;
const kernels::FusedNormKernels fused_norm_table = {sums<float>, forward<float>, gradient_sums<float>, gradient<float>};

extern const kernels::FusedNormKernelsOf<BFloat16> fused_norm_bfloat16_table;
const kernels::FusedNormKernelsOf<BFloat16> fused_norm_bfloat16_table = {sums<BFloat16>, forward<BFloat16>,
                                                                         gradient_sums<BFloat16>, gradient<BFloat16>};

}  // namespace vitrine::cuda
