#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "tensor/cuda/elementwise.h"
#include "tensor/cuda/runtime.h"
#include "tensor/storage.h"

namespace vitrine {
namespace {

// A replay would not repeat it.
void refuse_while_recording(const char* what, const Shape& shape) {
  if (cuda::is_capturing())
    throw InternalError(text("a tensor of shape ", shape.text(), " was ", what, " by the host while a graph was recorded"));
}

}  // namespace

Tensor Tensor::uninitialized(const Shape& shape, Device device) {
  Tensor tensor(shape, std::make_shared<Storage>(static_cast<std::size_t>(shape.elements()), device));
#ifndef NDEBUG
  if (!device.is_cuda()) std::ranges::fill(tensor.mutable_host(), std::numeric_limits<float>::signaling_NaN());
#endif
  return tensor;
}

Tensor Tensor::zeros(const Shape& shape, Device device) { return full(shape, 0.0f, device); }

Tensor Tensor::full(const Shape& shape, float value, Device device) {
  Tensor tensor = uninitialized(shape, device);
  if (device.is_cuda()) {
    cuda::make_current(device);
    cuda::fill(value, tensor.size(), tensor.mutable_data());
  } else {
    std::ranges::fill(tensor.mutable_host(), value);
  }
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

Device Tensor::device() const { return defined() ? storage_->device() : Device::cpu(); }

const float* Tensor::data() const {
  if (!defined()) throw InternalError("a tensor without storage was read");
  return storage_->data();
}

float* Tensor::mutable_data() {
  if (!defined()) throw InternalError("a tensor without storage was written");
  if (!is_sole_owner()) {
    throw InternalError(
        text("a tensor of shape ", shape_.text(), " was to be written while others share its storage; clone it first"));
  }
  return storage_->data();
}

std::span<const float> Tensor::host() const {
  if (defined() && device().is_cuda())
    throw InternalError(
        text("a tensor of shape ", shape_.text(), " lies on ", device().text(), " and was read as if on the host"));
  return {data(), storage_->floats()};
}

std::span<float> Tensor::mutable_host() {
  if (defined() && device().is_cuda()) {
    throw InternalError(
        text("a tensor of shape ", shape_.text(), " lies on ", device().text(), " and was written as if on the host"));
  }
  return {mutable_data(), storage_->floats()};
}

void Tensor::write_bytes(const void* from, std::size_t count) {
  float* const target = mutable_data();
  if (count > storage_->floats() * sizeof(float)) throw InternalError("more bytes were written than a tensor has");
  if (count == 0) return;
  if (device().is_cuda()) refuse_while_recording("written", shape_);
  if (device().is_gpu()) {
    cuda::copy_to_device(device().index, target, from, count);
  } else {
    std::memcpy(target, from, count);
  }
}

void Tensor::read_bytes(void* to, std::size_t count) const {
  if (count > storage_->floats() * sizeof(float)) throw InternalError("more bytes were read than a tensor has");
  if (count == 0) return;
  if (device().is_cuda()) refuse_while_recording("read", shape_);
  if (device().is_gpu()) {
    cuda::copy_to_host(device().index, to, data(), count);
  } else {
    std::memcpy(to, data(), count);
  }
}

Tensor Tensor::to(Device wanted) const {
  const Device here = device();
  if (!defined() || wanted == here) return *this;
  if (here.is_gpu() && wanted.is_gpu()) return to(Device::cpu()).to(wanted);
  Tensor copy = uninitialized(shape_, wanted);
  const std::size_t bytes = static_cast<std::size_t>(size()) * sizeof(float);
  if (wanted.is_gpu()) {
    copy.write_bytes(data(), bytes);
  } else {
    read_bytes(copy.mutable_data(), bytes);
  }
  return copy;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != size())
    throw ShapeError(text("a tensor of shape ", shape_.text(), " cannot be seen as ", shape.text()));
  return Tensor(shape, storage_);
}

Tensor Tensor::clone() const {
  const Device here = device();
  if (!here.is_cuda()) return from(shape_, host());
  Tensor copy = uninitialized(shape_, here);
  cuda::copy_on_device(here.index, copy.mutable_data(), data(), static_cast<std::size_t>(size()) * sizeof(float));
  return copy;
}

}  // namespace vitrine
