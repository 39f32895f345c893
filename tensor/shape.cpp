#include "tensor/shape.h"

#include <algorithm>

#include "base/error.h"

namespace vitrine {

Shape::Shape(std::initializer_list<std::int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const std::int64_t> sizes) {
  if (sizes.size() > kMaxRank)
    throw ShapeError(vitrine::text("a shape has ", sizes.size(), " axes, at most ", kMaxRank, " are allowed"));
  rank_ = static_cast<int>(sizes.size());
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  for (const std::int64_t size : sizes) {
    if (size < 0) throw ShapeError(vitrine::text("the shape ", text(), " has a negative size"));
  }
}

std::int64_t Shape::elements() const {
  std::int64_t count = 1;
  for (int axis = 0; axis < rank_; ++axis) {
    if (__builtin_mul_overflow(count, (*this)[axis], &count)) {
      throw ShapeError(vitrine::text("the shape ", text(), " has more elements than 64 bits can count"));
    }
  }
  return count;
}

std::string Shape::text() const {
  std::string out = "[";
  for (int axis = 0; axis < rank_; ++axis) out += (axis > 0 ? ", " : "") + std::to_string((*this)[axis]);
  return out + "]";
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(sizes_.begin(), sizes_.begin() + rank_, other.sizes_.begin());
}

}  // namespace vitrine
