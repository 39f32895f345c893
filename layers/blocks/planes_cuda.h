// Where the values of an MBConv's expanded tensors lie on a CUDA device: in planes of 16 channels (layers/blocks/planes.h) in the portable tier, so
// that the memory too is the CPU's; row-major in the run-to-run tier, as the products of cuBLASLt want them.
#pragma once

#include "layers/blocks/batch_statistics_cuda.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/planes.h"
#include "layers/kernels/column_sums_cuda.h"
#include "layers/kernels/norm_cuda.h"
#include "layers/unary_cuda.h"

namespace vitrine::cuda {

struct ExpandedPlace {
  std::int64_t plane, row;  // floats from a plane, or a row, to the next

  ExpandedPlace(std::int64_t rows, std::int64_t channels)
      : plane(settings().tier == Tier::run_to_run ? kernels::kPlane : kernels::plane_rows(rows) * kernels::kPlane),
        row(settings().tier == Tier::run_to_run ? channels : kernels::kPlane) {}
  bool is_row_major() const { return plane == kernels::kPlane; }
  static ExpandedPlace row_major(std::int64_t channels) {
    ExpandedPlace place(1, channels);
    place.plane = kernels::kPlane;
    place.row = channels;
    return place;
  }
  VITRINE_HD std::int64_t at(std::int64_t r, std::int64_t c) const {
    return c / kernels::kPlane * plane + r * row + c % kernels::kPlane;
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
inline SegmentRows input_rows(const kernels::MBConvShape& s) {
  const std::int64_t pixels = s.depthwise.H * s.depthwise.W;
  return {s.images * pixels, s.depthwise.N * pixels};
}
inline SegmentRows output_rows(const kernels::MBConvShape& s) {
  const std::int64_t pixels = s.depthwise.P * s.depthwise.Q;
  return {s.images * pixels, s.depthwise.N * pixels};
}

// An MBConv's values before and after a norm and its activation: z expanded. Without constants z is the block's input, taken as it is.
template <class Stored>
struct NormActivation {
  kernels::NormOnLoad norm;
  Activate activate;
  const Stored* z;
  ExpandedPlace place;

  NormActivation(const kernels::MBConvShape& s, const kernels::NormOnLoad& n, const Stored* values, std::int64_t rows)
      : norm(n),
        activate(s.activation),
        z(values),
        place(n.shift != nullptr ? ExpandedPlace(rows, s.depthwise.C) : ExpandedPlace::row_major(s.depthwise.C)) {}
  VITRINE_HD bool is_normed() const { return norm.shift != nullptr; }
  VITRINE_HD float raw(std::int64_t r, std::int64_t c) const { return value_at(z + place.at(r, c)); }
  VITRINE_HD float normal(std::int64_t r, std::int64_t c) const {
    return NormChannel(norm.constants, c).value(raw(r, c), constant(norm.shift + c));
  }
  VITRINE_HD float operator()(std::int64_t r, std::int64_t c) const {
    return is_normed() ? activate.value(normal(r, c)) : raw(r, c);
  }
};

// Sums of z and of z^2 over the rows of each segment; z expanded, float or BFloat16.
template <class Stored>
void sums_of_squares(const char* op, const kernels::MBConvShape& s, const SegmentRows& rows, const Stored* z,
                     const kernels::NormTarget& sums);

}  // namespace vitrine::cuda
