// The elements of a stored tensor, piece by piece in row-major order: a tensor is looked at without a copy of it in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/checksum.h"
#include "weights/tensor_file.h"

namespace vitrine {

class ElementStream {
 public:
  // `tensor` must outlive the stream. Of a strided view the bytes from its first to its last element are held, else one piece.
  explicit ElementStream(const StoredTensor& tensor);

  // The next whole elements, at most 64 Ki of them; empty behind the last. WeightsError when the file has changed meanwhile, or, behind
  // the last piece, when the tensor's checksum is another one.
  std::string_view next();

 private:
  template <std::size_t Item>
  void gather(std::size_t count);

  const StoredTensor& tensor_;
  std::size_t item_;                                   // bytes of an element
  std::uint64_t left_ = 0;                             // elements
  std::uint64_t at_ = 0;                               // in the file, bytes; of a contiguous tensor
  std::string extent_;                                 // of a strided view
  std::vector<std::int64_t> sizes_, strides_, index_;  // of the axes that have a stride
  std::int64_t element_ = 0;                           // in extent_
  std::string piece_;
  Checksum checksum_;
};

// `bytes` hold out.size() little-endian elements of `type`; each is converted, rounded once where Out is float.
template <class Out>
void decode(DType type, std::string_view bytes, std::span<Out> out);
extern template void decode(DType, std::string_view, std::span<float>);
extern template void decode(DType, std::string_view, std::span<double>);

}  // namespace vitrine
