// Between an EfficientNet and a checkpoint file: names by key table, layouts by kind, semantics by family.
#pragma once

#include <string>

#include "nn/efficientnet/checkpoint_facts.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/tensor_list.h"
#include "weights/key_tables.h"
#include "weights/tensor_file.h"

namespace vitrine {

// Fills every tensor of `net` from `file`, after check_fit. num_batches_tracked is ignored. A file that changes while it is read leaves the network without values.
void load_tensors(EfficientNet& net, const TensorFile& file, Family family, Head head, const std::string& file_name);

// All tensors under timm's keys in PyTorch's layouts, with the metadata that makes the file explain itself:
// vitrine.arch, vitrine.classes, the semantics (nn/efficientnet/semantics.h), and `metadata`.
TensorFile to_tensor_file(EfficientNet& net, const std::map<std::string, std::string>& metadata);

// The network of a checkpoint, with its own classifier. `facts` are those of `file`.
EfficientNet load_efficientnet(const TensorFile& file, const CheckpointFacts& facts, const std::string& file_name);

// Both in one: the facts, asked for as CheckpointRequest says, and the network.
EfficientNet load_efficientnet(const TensorFile& file, const std::string& arch, const std::string& from,
                               const SemanticsOverrides& overrides, const std::string& file_name);

// A tensor in PyTorch's layout, and back. Shapes as TensorLayout states.
Tensor to_torch_layout(const Tensor& value, TensorLayout layout);
Tensor from_torch_layout(const Tensor& value, TensorLayout layout);

}  // namespace vitrine
