#include "tensor/image_layout.h"

#include "base/error.h"

namespace vitrine {
namespace {

// Each of the N matrices [rows, columns] of x transposed.
Tensor transposed_each(const Tensor& x, const Shape& shape, std::int64_t rows, std::int64_t columns) {
  Tensor y = Tensor::uninitialized(shape);
  const float* const in = x.host().data();
  float* const out = y.mutable_host().data();
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    const std::int64_t start = n * rows * columns;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) out[start + c * rows + r] = in[start + r * columns + c];
    }
  }
  return y;
}

void check_rank(const char* name, const Shape& shape) {
  if (shape.rank() != 4) throw ShapeError(text(name, ": images are ", shape.text(), ", four axes are expected"));
}

}  // namespace

Tensor channels_last(const Tensor& images) {
  const Shape& s = images.shape();
  check_rank("channels_last", s);
  return transposed_each(images, {s[0], s[2], s[3], s[1]}, s[1], s[2] * s[3]);
}

Tensor channels_first(const Tensor& images) {
  const Shape& s = images.shape();
  check_rank("channels_first", s);
  return transposed_each(images, {s[0], s[3], s[1], s[2]}, s[1] * s[2], s[3]);
}

}  // namespace vitrine
