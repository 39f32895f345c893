// The gradients by the expanded values of a fused MBConv, which it does not keep: computed again in float32 from what it saved and from dz3, operation
// by operation in the order of its kernels, so with their bits in the portable tier. What follows from them is then held to a bound of its own
// step, not to one that grew through all of them; and each has its own shadow.
#pragma once

#include <vector>

#include "layers/blocks/mbconv_bound.h"

namespace vitrine {

// Expanded values [M][rows].
struct Expanded {
  std::int64_t rows = 0;
  std::vector<float> values;

  Expanded() = default;
  Expanded(std::int64_t M, std::int64_t r) : rows(r), values(static_cast<std::size_t>(M * r)) {}
  float& at(std::int64_t row, std::int64_t m) { return values[static_cast<std::size_t>(m * rows + row)]; }
  float at(std::int64_t row, std::int64_t m) const { return values[static_cast<std::size_t>(m * rows + row)]; }
  Bounded exact(std::int64_t row, std::int64_t m) const { return exactly(static_cast<double>(at(row, m))); }
};

// B1 to B3 and the norm of B4: by what the projection reads, by BN2(z2), by z2.
struct OutputSide {
  Expanded dq, g2, dz2;
  SeenGate::Again gate;  // `ds` is the gradient by the gate
};
OutputSide output_side_again(const SeenMBConv& s, const Values& dz3);

// B4 and the norm of B5: by BN1(z1) or by x, and by z1.
struct InputSide {
  Expanded g1, dz1;
};
InputSide input_side_again(const SeenMBConv& s, const Expanded& dz2);

}  // namespace vitrine
