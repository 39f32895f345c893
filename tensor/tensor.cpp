#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "tensor/bfloat16.h"
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

[[noreturn]] void refuse_type(const char* what, const Shape& shape, DType holds, DType expected) {
  throw DTypeError(text("a tensor of shape ", shape.text(), " holds ", dtype_name(holds), " and was ", what, " as ",
                        dtype_name(expected), "; nothing is converted by itself"));
}

}  // namespace

Tensor::Tensor(const Shape& shape, DType type, Device device) : shape_(shape) {
  const auto count = static_cast<std::size_t>(shape.elements());
  if (count > std::numeric_limits<std::size_t>::max() / 16)
    throw ShapeError(text("a tensor of shape ", shape.text(), " is too large"));
  storage_ = std::make_shared<Storage>(count * dtype_bytes(type), device, type);
#ifndef NDEBUG
  if (device.is_cuda()) return;
  if (type == DType::f32) std::ranges::fill(mutable_host(), std::numeric_limits<float>::signaling_NaN());
  if (type == DType::f64) std::ranges::fill(mutable_host<double>(), std::numeric_limits<double>::signaling_NaN());
#endif
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

Tensor Tensor::copy_of(const Shape& shape, DType type, const void* values, std::size_t count) {
  Tensor tensor(shape, type, Device::cpu());
  if (static_cast<std::int64_t>(count) != tensor.size()) {
    throw ShapeError(text("a tensor of shape ", shape.text(), " needs ", tensor.size(), " values, ", count, " were given"));
  }
  tensor.write_bytes(values, tensor.bytes());
  return tensor;
}

Device Tensor::device() const { return defined() ? storage_->device() : Device::cpu(); }

DType Tensor::dtype() const { return defined() ? storage_->dtype() : DType::f32; }

std::size_t Tensor::bytes() const { return storage_->bytes(); }

const void* Tensor::readable(DType type) const {
  if (!defined()) throw InternalError("a tensor without storage was read");
  if (storage_->dtype() != type) refuse_type("read", shape_, storage_->dtype(), type);
  return storage_->data();
}

void* Tensor::writable(DType type) {
  if (!defined()) throw InternalError("a tensor without storage was written");
  if (storage_->dtype() != type) refuse_type("written", shape_, storage_->dtype(), type);
  if (!is_sole_owner()) {
    throw InternalError(
        text("a tensor of shape ", shape_.text(), " was to be written while others share its storage; clone it first"));
  }
  return storage_->data();
}

const void* Tensor::readable_on_host(DType type) const {
  if (defined() && device().is_cuda())
    throw InternalError(
        text("a tensor of shape ", shape_.text(), " lies on ", device().text(), " and was read as if on the host"));
  return readable(type);
}

void* Tensor::writable_on_host(DType type) {
  if (defined() && device().is_cuda()) {
    throw InternalError(
        text("a tensor of shape ", shape_.text(), " lies on ", device().text(), " and was written as if on the host"));
  }
  return writable(type);
}

void Tensor::write_bytes(const void* from, std::size_t count) {
  void* const target = writable(dtype());
  if (count > bytes()) throw InternalError("more bytes were written than a tensor has");
  if (count == 0) return;
  if (device().is_cuda()) refuse_while_recording("written", shape_);
  if (device().is_gpu()) {
    cuda::copy_to_device(device().index, target, from, count);
  } else {
    std::memcpy(target, from, count);
  }
}

void Tensor::read_bytes(void* to, std::size_t count) const {
  const void* const source = readable(dtype());
  if (count > bytes()) throw InternalError("more bytes were read than a tensor has");
  if (count == 0) return;
  if (device().is_cuda()) refuse_while_recording("read", shape_);
  if (device().is_gpu()) {
    cuda::copy_to_host(device().index, to, source, count);
  } else {
    std::memcpy(to, source, count);
  }
}

Tensor Tensor::to(Device wanted) const {
  const Device here = device();
  if (!defined() || wanted == here) return *this;
  if (here.is_gpu() && wanted.is_gpu()) return to(Device::cpu()).to(wanted);
  Tensor copy(shape_, dtype(), wanted);
  if (wanted.is_gpu()) {
    copy.write_bytes(readable(dtype()), bytes());
  } else {
    read_bytes(copy.writable(dtype()), bytes());
  }
  return copy;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != size())
    throw ShapeError(text("a tensor of shape ", shape_.text(), " cannot be seen as ", shape.text()));
  return Tensor(shape, storage_);
}

Tensor Tensor::in_bfloat16() const {
  Tensor y = uninitialized<BFloat16>(shape_, device());
  if (device().is_cuda()) {
    cuda::make_current(device());
    cuda::round(data(), size(), y.mutable_data<BFloat16>());
  } else {
    std::ranges::transform(host(), y.mutable_host<BFloat16>().begin(), to_bfloat16);
  }
  return y;
}

Tensor Tensor::in_float32() const {
  Tensor y = uninitialized(shape_, device());
  if (device().is_cuda()) {
    cuda::make_current(device());
    cuda::widen(data<BFloat16>(), size(), y.mutable_data());
  } else {
    std::ranges::transform(host<BFloat16>(), y.mutable_host().begin(), widened);
  }
  return y;
}

Tensor Tensor::clone() const {
  const void* const values = readable(dtype());
  const Device here = device();
  Tensor copy(shape_, dtype(), here);
  if (here.is_cuda()) {
    cuda::copy_on_device(here.index, copy.writable(dtype()), values, bytes());
  } else {
    copy.write_bytes(values, bytes());
  }
  return copy;
}

}  // namespace vitrine
