#include "tensor/tensor.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "tensor/storage.h"

namespace vitrine {

Tensor Tensor::uninitialized(const Shape& shape) {
  Tensor tensor(shape, std::make_shared<Storage>(static_cast<std::size_t>(shape.elements())));
#ifndef NDEBUG
  std::ranges::fill(tensor.mutable_host(), std::numeric_limits<float>::signaling_NaN());
#endif
  return tensor;
}

Tensor Tensor::zeros(const Shape& shape) { return full(shape, 0.0f); }

Tensor Tensor::full(const Shape& shape, float value) {
  Tensor tensor = uninitialized(shape);
  std::ranges::fill(tensor.mutable_host(), value);
  return tensor;
}

Tensor Tensor::from(const Shape& shape, std::span<const float> values) {
  Tensor tensor = uninitialized(shape);
  if (static_cast<std::int64_t>(values.size()) != tensor.size()) {
    throw ShapeError(
        text("a tensor of shape ", shape.text(), " needs ", tensor.size(), " values, ", values.size(), " were given"));
  }
  std::ranges::copy(values, tensor.mutable_host().begin());
  return tensor;
}

std::span<const float> Tensor::host() const {
  if (!defined()) throw InternalError("a tensor without storage was read");
  return {storage_->data(), storage_->floats()};
}

std::span<float> Tensor::mutable_host() {
  if (!defined()) throw InternalError("a tensor without storage was written");
  if (storage_.use_count() != 1) {
    throw InternalError(
        text("a tensor of shape ", shape_.text(), " was to be written while others share its storage; clone it first"));
  }
  return {storage_->data(), storage_->floats()};
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != size())
    throw ShapeError(text("a tensor of shape ", shape_.text(), " cannot be seen as ", shape.text()));
  return Tensor(shape, storage_);
}

Tensor Tensor::clone() const { return from(shape_, host()); }

}  // namespace vitrine
