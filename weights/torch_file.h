// The two containers of torch.save around a pickle and raw storages.
//
// zip      (PyTorch 1.6 and later) a zip archive of stored entries under one folder: data.pkl, data/<key>, version, byteorder
// legacy   (before) five pickles in a row: magic, version, system, object, list of storage keys; then for each key its element
//          count as a 64-bit integer and its raw bytes
// Reference  PyTorch torch/serialization.py
#pragma once

#include <string_view>

#include "weights/tensor_file.h"

namespace vitrine {

// WeightsError on any flaw of container, pickle or tensors. Nothing of the file is ever executed.
// The pickles of a legacy stream must lie in its first 16 MiB.
TensorFile parse_torch_zip(const ByteSource& source, std::string_view file_name);
TensorFile parse_torch_legacy(const ByteSource& source, std::string_view file_name);

}  // namespace vitrine
