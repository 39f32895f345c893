// Tensor: a dense, contiguous, row-major block of numbers with a shape: float32, or float64 or bytes where that is asked for.
//
// Ops compute with float32 and are never given anything else by accident: every access says the type that it expects, float where it says
// nothing, and a tensor that holds another one refuses it (DTypeError). Nothing converts by itself.
//
// Copying a Tensor shares its storage; a shared storage cannot be written. So a value that a tape has saved can never
// change behind its back, and no version counters are needed. Weights are stored the way the kernels read them:
//   image        [N, H, W, C]
//   conv2d       [KH, KW, C_in, C_out]        (PyTorch's OIHW transposed by (2, 3, 1, 0))
//   depthwise    [KH, KW, C]                  (PyTorch's C1HW transposed by (2, 3, 0), the 1 dropped)
//   linear       [C_in, C_out]                (PyTorch's transposed)
#pragma once

#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace vitrine {

class Storage;

class Tensor {
 public:
  Tensor() = default;  // undefined: no storage; also "no gradient"

  template <class T = float>
  static Tensor uninitialized(const Shape& shape, Device device = {}) {  // in debug builds filled with NaN
    return Tensor(shape, dtype_of<T>, device);
  }
  static Tensor zeros(const Shape& shape, Device device = {});              // float32
  static Tensor full(const Shape& shape, float value, Device device = {});  // float32
  // ShapeError when the counts differ.
  template <class T = float>
  static Tensor from(const Shape& shape, std::span<const std::type_identity_t<T>> values) {
    return copy_of(shape, dtype_of<T>, values.data(), values.size());
  }

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t size() const { return shape_.elements(); }

  Device device() const;           // of an undefined tensor: the CPU
  Tensor to(Device device) const;  // the only way values move between devices; shares the storage when they are there already

  DType dtype() const;  // of an undefined tensor: float32

  // The values, for host code: InternalError when the tensor lies on another device, DTypeError when it holds other numbers than T.
  template <class T = float>
  std::span<const T> host() const {
    return {static_cast<const T*>(readable_on_host(dtype_of<T>)), bytes() / sizeof(T)};
  }
  // Only the sole owner of a storage may write it: InternalError when the storage is shared.
  template <class T = float>
  std::span<T> mutable_host() {
    return {static_cast<T*>(writable_on_host(dtype_of<T>)), bytes() / sizeof(T)};
  }
  bool is_sole_owner() const { return storage_.use_count() == 1; }

  // For the kernels of this tensor's device. DTypeError as above.
  template <class T = float>
  const T* data() const {
    return static_cast<const T*>(readable(dtype_of<T>));
  }
  template <class T = float>
  T* mutable_data() {  // InternalError when the storage is shared
    return static_cast<T*>(writable(dtype_of<T>));
  }

  // The storage's bytes from or to host memory, on whichever device they lie; `count` of them, no more than there are.
  void write_bytes(const void* from, std::size_t count);
  void read_bytes(void* to, std::size_t count) const;

  Tensor reshaped(const Shape& shape) const;  // shares the storage; ShapeError when the counts differ
  Tensor clone() const;                       // a new storage with the same values
  // The values of the other type, on their device: rounded, exactly (tensor/bfloat16.h). DTypeError where they are not of that.
  Tensor in_bfloat16() const;
  Tensor in_float32() const;

 private:
  Tensor(Shape shape, std::shared_ptr<Storage> storage) : shape_(shape), storage_(std::move(storage)) {}
  Tensor(const Shape& shape, DType type, Device device);
  static Tensor copy_of(const Shape& shape, DType type, const void* values, std::size_t count);

  std::size_t bytes() const;
  const void* readable(DType type) const;
  void* writable(DType type);
  const void* readable_on_host(DType type) const;
  void* writable_on_host(DType type);

  Shape shape_;
  std::shared_ptr<Storage> storage_;
};

}  // namespace vitrine
