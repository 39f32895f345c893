// Tensor: a dense, contiguous, row-major block of float32 with a shape.
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
#include <vector>

#include "tensor/device.h"
#include "tensor/shape.h"

namespace vitrine {

class Storage;

class Tensor {
 public:
  Tensor() = default;  // undefined: no storage; also "no gradient"

  static Tensor uninitialized(const Shape& shape, Device device = {});  // in debug builds filled with NaN
  static Tensor zeros(const Shape& shape, Device device = {});
  static Tensor full(const Shape& shape, float value, Device device = {});
  static Tensor from(const Shape& shape, std::span<const float> values);  // ShapeError when the counts differ

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t size() const { return shape_.elements(); }

  Device device() const;           // of an undefined tensor: the CPU
  Tensor to(Device device) const;  // the only way values move between devices; shares the storage when they are there already

  // The values, for host code: InternalError when the tensor lies on another device.
  std::span<const float> host() const;
  // Only the sole owner of a storage may write it: InternalError when the storage is shared.
  std::span<float> mutable_host();
  bool is_sole_owner() const { return storage_.use_count() == 1; }

  // For the kernels of this tensor's device.
  const float* data() const;
  float* mutable_data();  // InternalError when the storage is shared

  // The storage's bytes from or to host memory, on whichever device they lie; `count` of them, no more than there are.
  void write_bytes(const void* from, std::size_t count);
  void read_bytes(void* to, std::size_t count) const;

  Tensor reshaped(const Shape& shape) const;  // shares the storage; ShapeError when the counts differ
  Tensor clone() const;                       // a new storage with the same values

 private:
  Tensor(Shape shape, std::shared_ptr<Storage> storage) : shape_(shape), storage_(std::move(storage)) {}

  Shape shape_;
  std::shared_ptr<Storage> storage_;
};

}  // namespace vitrine
