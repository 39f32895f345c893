// e^(z - max z) of a row and its sum, as layers/kernels/exponentials_cpu.h makes them: float32 exponentials, added in float64.
#pragma once

#include "layers/elementary_bound.h"

namespace vitrine {

struct RowBound {
  double most = 0;  // NaN where one of the row is
  Bounded sum;

  Bounded exponential(const Values& z, std::int64_t i) const { return exp_bound(minus(z.exact(i), exactly(most))); }
};

inline RowBound row_bound(const Values& z, std::int64_t row, std::int64_t C) {
  RowBound result{z[row * C], {}};
  for (std::int64_t i = row * C; i < (row + 1) * C; ++i) {
    if (z[i] > result.most || std::isnan(z[i])) result.most = z[i];
  }
  WideSum sum;
  for (std::int64_t i = row * C; i < (row + 1) * C; ++i) sum.add(result.exponential(z, i));
  result.sum = sum.result();
  return result;
}

}  // namespace vitrine
