// Between an EfficientNet and a checkpoint file: names by key table, layouts by kind, semantics by family.
#pragma once

#include <optional>
#include <string>

#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/tensor_list.h"
#include "weights/key_tables.h"
#include "weights/tensor_file.h"

namespace vitrine {

// The family of a file: the asked one, or the one its keys tell. WeightsError when the keys fit none, or fit both timm and
// timm-tf (same keys, different networks): it says what to pass.
Family resolve_family(const TensorFile& file, const std::string& asked, const std::string& file_name);

// What the network would hold, after the file was found to hold it: to be called before a network is built, so that no memory is reserved for
// what a file only announces. WeightsError naming the first tensors that are missing, misshapen or not expected, as many as fit in a
// line, and the architecture that the file fits best.
std::vector<ListedTensor> check_fit(const TensorFile& file, Family family, const Architecture& arch, std::int64_t classes,
                                    std::int64_t channels, Head head, const std::string& file_name);

// Fills every tensor of `net` from `file`, after check_fit. num_batches_tracked is ignored. A file that changes while it is read leaves the network without values.
void load_tensors(EfficientNet& net, const TensorFile& file, Family family, Head head, const std::string& file_name);

// All tensors under timm's keys in PyTorch's layouts, with the metadata that makes the file explain itself:
// vitrine.arch, vitrine.classes, the semantics (nn/efficientnet/semantics.h), and `metadata`.
TensorFile to_tensor_file(EfficientNet& net, const std::map<std::string, std::string>& metadata);

// A file that Vitrine wrote: arch, semantics and classes come from its metadata. WeightsError when it is not one.
EfficientNet from_vitrine_file(const TensorFile& file, const std::string& file_name);
bool is_vitrine_file(const TensorFile& file);

// Any checkpoint as a network. `arch` may be empty where the tensors fit one architecture exactly; `from` is "auto" or a family
// name. What `overrides` says replaces what the file or its family says.
EfficientNet load_efficientnet(const TensorFile& file, const std::string& arch, const std::string& from,
                               const SemanticsOverrides& overrides, const std::string& file_name);

// A tensor in PyTorch's layout, and back. Shapes as TensorLayout states.
Tensor to_torch_layout(const Tensor& value, TensorLayout layout);
Tensor from_torch_layout(const Tensor& value, TensorLayout layout);

}  // namespace vitrine
