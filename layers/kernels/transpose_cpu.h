// Transposing a matrix in squares of kLanes x kLanes that stay in registers.
#pragma once

#include <cstdint>
#include <utility>

#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

// One step of exchanging blocks of Step x Step between rows a and b = a + Step.
template <int Step, int... J>
static inline F upper_exchange(F a, F b, std::integer_sequence<int, J...>) {
  return __builtin_shufflevector(a, b, ((J & Step) != 0 ? kLanes + J - Step : J)...);
}
template <int Step, int... J>
static inline F lower_exchange(F a, F b, std::integer_sequence<int, J...>) {
  return __builtin_shufflevector(a, b, ((J & Step) != 0 ? kLanes + J : J + Step)...);
}

template <int Step>
static inline void exchange(F (&row)[kLanes]) {
  if constexpr (Step < kLanes) {
    constexpr auto lanes = std::make_integer_sequence<int, kLanes>();
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      if ((i & Step) != 0) continue;
      const F a = row[i], b = row[i + Step];
      row[i] = upper_exchange<Step>(a, b, lanes);
      row[i + Step] = lower_exchange<Step>(a, b, lanes);
    }
    exchange<2 * Step>(row);
  }
}

// to[j][i] = from[i][j] for i < rows, j < columns, both at most kLanes; rows of `from` lie ldf apart, those of `to` ldt.
template <bool Whole>
static inline void transpose_part(const float* from, std::int64_t ldf, int rows, int columns, float* to, std::int64_t ldt) {
  F row[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if (Whole) {
      row[i] = load(from + i * ldf);
    } else {
      row[i] = i < rows ? load_partial(from + i * ldf, columns) : zero();
    }
  }
  exchange<1>(row);
#pragma GCC unroll 16
  for (int j = 0; j < kLanes; ++j) {
    if (Whole) {
      store(to + j * ldt, row[j]);
    } else if (j < columns) {
      store_partial(to + j * ldt, row[j], rows);
    }
  }
}
static inline void transpose_square(const float* from, std::int64_t ldf, int rows, int columns, float* to, std::int64_t ldt) {
  if (rows == kLanes && columns == kLanes) return transpose_part<true>(from, ldf, rows, columns, to, ldt);
  transpose_part<false>(from, ldf, rows, columns, to, ldt);
}

}  // namespace vitrine::kernels::VITRINE_ISA
