// From an interpreted pickle to named tensors: the dicts of tensors in it, and what the views of the chosen one say about the storages.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "weights/network_choice.h"
#include "weights/pickle.h"
#include "weights/tensor_file.h"

namespace vitrine {

struct TorchStorage {
  DType type = DType::f32;
  std::uint8_t item_bytes = 4;  // 0 when its class is unknown: no tensor of it can be read
  bool readable = true;
  std::int64_t count = 0;    // elements
  std::uint64_t offset = 0;  // of its bytes in the file; 0 until the container has found them

  std::uint64_t size_in_bytes() const { return static_cast<std::uint64_t>(count) * item_bytes; }
  std::string element_name() const;  // "F32", "8 bytes"
};

using TorchStorages = std::map<std::string, TorchStorage, std::less<>>;  // by key

// Every storage that the pickle mentions, without its bytes. WeightsError when a key has two types or two sizes, or more bytes
// than the `file_bytes` of the whole file.
TorchStorages declared_storages(const Pickle& pickle, std::uint64_t file_bytes, std::string_view file_name);

// The tensors of the network in the order of its dict, which lies at most three keys deep (weights/network_choice.h chooses). Values that
// are no tensors are left out; the classes of objects that were passed over stand in the metadata `skipped`. Strided views become contiguous
// when they are read. WeightsError when there is no dict of tensors, a name repeats, a view reaches outside its storage, a tensor was made
// by something that is not read, or the views need far more memory or reading than the file has bytes.
TensorFile network_of(const Pickle& pickle, const TorchStorages& storages, const ByteSource& source, WeightSet wanted,
                      std::string_view file_name);

}  // namespace vitrine
