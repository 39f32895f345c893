#include "layers/wide_cuda.h"

namespace vitrine::cuda {

void sums_of_squares(const char* op, const SegmentRows& rows, std::int64_t segments, std::int64_t C, const float* z,
                     double* partial) {
  const Wide wide(rows.rows, C);
  column_sums<2>(
      op, segments, C, rows,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
        const double value = static_cast<double>(z[wide.at(r, c)]);
        acc[0] = acc[0] + value;
        acc[1] = std::fma(value, value, acc[1]);
      },
      partial);
}

}  // namespace vitrine::cuda
