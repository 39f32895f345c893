#include "layers/blocks/planes_cuda.h"

namespace vitrine::cuda {

template <class Stored>
void sums_of_squares(const char* op, const kernels::MBConvShape& s, const SegmentRows& rows, const Stored* z,
                     const kernels::NormTarget& sums) {
  const std::int64_t C = s.depthwise.C;
  const ExpandedPlace place(rows.rows, C);
  column_sums<2>(
      op, s.segments(), rows.rows_of_segment, C, rows,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const double value = static_cast<double>(value_at(z + place.at(r, c)));
        acc[0] = acc[0] + value;
        acc[1] = std::fma(value, value, acc[1]);
      },
      ToNorm{sums, C});
}

template void sums_of_squares<float>(const char*, const kernels::MBConvShape&, const SegmentRows&, const float*,
                                     const kernels::NormTarget&);
template void sums_of_squares<BFloat16>(const char*, const kernels::MBConvShape&, const SegmentRows&, const BFloat16*,
                                        const kernels::NormTarget&);

}  // namespace vitrine::cuda
