// Named tensors as a checkpoint file holds them: a type, a shape and where the bytes lie, in the file's own layout and order.
// Values are read from the file when they are asked for, straight to their place.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/tensor.h"
#include "weights/byte_source.h"

namespace vitrine {

struct StoredTensor {
  std::string name;
  DType type = DType::f32;
  Shape shape;
  ByteSource source;                  // little-endian values
  std::uint64_t offset = 0;           // of the first element, bytes
  std::vector<std::int64_t> strides;  // of a view, elements; empty: contiguous, row-major
  // weights/checksum.h, of a file of Vitrine's own; empty: none. Compared whenever the bytes are read.
  std::string checksum = {};

  std::uint64_t size_in_bytes() const;
  // Reads them, contiguous and row-major. WeightsError when the file has changed meanwhile or the checksum is another one.
  std::string bytes() const;
  Tensor to_float() const;                              // values converted to float32 (rounded once), shape kept
  std::vector<double> to_double() const;                // values converted to float64 (exact for all but i64 beyond 2^53)
  StoredTensor in_memory() const;                       // with its bytes, independent of the file
  void compare_checksum(std::string_view found) const;  // WeightsError when `checksum` is another one
  static StoredTensor from(std::string name, const Tensor& value);
  static StoredTensor from(std::string name, const Shape& shape, const std::vector<double>& values);
  static StoredTensor from(std::string name, const Shape& shape, const std::vector<std::int64_t>& values);
};

struct TensorFile {
  std::vector<StoredTensor> tensors;            // in file order
  std::map<std::string, std::string> metadata;  // safetensors' __metadata__; what weights/network_choice.h did
  // What was chosen, dropped or left out on reading, each the part of a sentence: to be said by whoever reads.
  std::vector<std::string> remarks = {};

  const StoredTensor* find(std::string_view name) const;
  const StoredTensor& at(std::string_view name) const;  // WeightsError naming the missing tensor
};

// The tensors by name, of the first where two have one name; for many questions to one file, which it must outlive.
std::unordered_map<std::string_view, const StoredTensor*> index_of(const TensorFile& file);

}  // namespace vitrine
