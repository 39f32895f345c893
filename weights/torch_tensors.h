// From an interpreted pickle to named tensors: which dict is the state dict, and what its views say about the storages.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "weights/pickle.h"
#include "weights/tensor_file.h"

namespace vitrine {

struct TorchStorage {
  DType type = DType::f32;
  std::int64_t count = 0;    // elements
  std::uint64_t offset = 0;  // of its bytes in the file; 0 until the container has found them
};

using TorchStorages = std::map<std::string, TorchStorage, std::less<>>;  // by key

// Every storage that the pickle mentions, without its bytes. WeightsError when a key has two types or two sizes, or more bytes
// than the `file_bytes` of the whole file.
TorchStorages declared_storages(const Pickle& pickle, std::uint64_t file_bytes, std::string_view file_name);

// The tensors of the state dict in its order: the root dict, or the dict under `state_dict`, `model` or `state_dict_ema` (the
// first that holds tensors). A prefix `module.` (DataParallel) that all names share is dropped. What was unwrapped, stripped or
// left out stands in the metadata `unwrapped`, `stripped` and `left_out`. Strided views become contiguous when they are read. WeightsError when
// there is no state dict, a name repeats, a view reaches outside its storage, or the views together need far more memory than
// the file has bytes.
TensorFile state_dict_of(const Pickle& pickle, const TorchStorages& storages, const ByteSource& source,
                         std::string_view file_name);

}  // namespace vitrine
