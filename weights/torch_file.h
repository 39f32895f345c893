// The two containers of torch.save around a pickle and raw storages.
//
// zip      (PyTorch 1.6 and later) a zip archive of stored entries under one folder: data.pkl, data/<key>, version, byteorder
// legacy   (before, and on request since) five pickles in a row: magic, version, system, object, list of storage keys; then for each key
//          its element count as a 64-bit integer and its raw bytes
// Reference  PyTorch torch/serialization.py
#pragma once

#include <string_view>

#include "weights/network_choice.h"
#include "weights/tensor_file.h"

namespace vitrine {

// Of the first bytes of a file: the pickle of torch.save's magic number, of any protocol from 2 to 5.
bool is_torch_legacy(std::string_view head);

// WeightsError on any flaw of container, pickle or tensors. Nothing of the file is ever executed.
// The pickles of a legacy stream must lie in its first 16 MiB.
TensorFile parse_torch_zip(const ByteSource& source, WeightSet wanted, std::string_view file_name);
TensorFile parse_torch_legacy(const ByteSource& source, WeightSet wanted, std::string_view file_name);

}  // namespace vitrine
