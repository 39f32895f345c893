// Where the values of an MBConv's wide tensors lie on a CUDA device: in planes of 16 channels (layers/planes.h) in the portable tier, so
// that the memory too is the CPU's; row-major in the run-to-run tier, as the products of cuBLASLt want them.
#pragma once

#include "layers/fused_mbconv.h"
#include "layers/norm_cuda.h"
#include "layers/planes.h"
#include "layers/product_cuda.h"

namespace vitrine::cuda {

struct Wide {
  std::int64_t plane, row;  // floats from a plane, or a row, to the next

  Wide(std::int64_t rows, std::int64_t channels)
      : plane(settings().tier == Tier::run_to_run ? cpu::kPlane : cpu::plane_rows(rows) * cpu::kPlane),
        row(settings().tier == Tier::run_to_run ? channels : cpu::kPlane) {}
  bool is_row_major() const { return plane == cpu::kPlane; }
  VITRINE_HD std::int64_t at(std::int64_t r, std::int64_t c) const {
    return c / cpu::kPlane * plane + r * row + c % cpu::kPlane;
  }
};

// Rows of a segment of whole images.
struct SegmentRows {
  std::int64_t rows_of_segment, rows;
  VITRINE_HD Span operator()(std::int64_t segment) const {
    const std::int64_t first = segment * rows_of_segment, last = first + rows_of_segment;
    return {first, last < rows ? last : rows};
  }
};
inline SegmentRows input_rows(const cpu::FusedShape& s) {
  const std::int64_t pixels = s.depthwise.H * s.depthwise.W;
  return {s.images * pixels, s.depthwise.N * pixels};
}
inline SegmentRows output_rows(const cpu::FusedShape& s) {
  const std::int64_t pixels = s.depthwise.P * s.depthwise.Q;
  return {s.images * pixels, s.depthwise.N * pixels};
}

// partial [segments][2][C]: sums of z and of z^2 over the rows of each segment; z wide.
void sums_of_squares(const char* op, const SegmentRows& rows, std::int64_t segments, std::int64_t C, const float* z,
                     double* partial);

// act(BN(z)) of one value.
template <class Function>
struct NormActivation {
  cpu::FusedNorm norm;
  const float* z;
  Wide wide;
  VITRINE_HD float normal(std::int64_t r, std::int64_t c) const {
    return NormChannel(norm.constants, c).value(z[wide.at(r, c)], norm.shift[c]);
  }
  VITRINE_HD float operator()(std::int64_t r, std::int64_t c) const { return Function::value(normal(r, c)); }
};

}  // namespace vitrine::cuda
