// Between an EfficientNet and a checkpoint file: names by key table, layouts by kind, semantics by family.
#pragma once

#include <optional>
#include <string>

#include "nn/efficientnet/efficientnet.h"
#include "weights/key_tables.h"
#include "weights/tensor_file.h"

namespace vitrine {

// Padding, batch-norm epsilon and momentum, and input normalisation of a family's published weights (docs/checkpoints.md).
Semantics published_semantics(Family family, const Architecture& architecture);

// The family of a file: the asked one, or the one its keys tell. WeightsError when the keys fit none, or fit both timm and
// timm-tf (same keys, different networks): it says what to pass.
Family resolve_family(const TensorFile& file, const std::string& asked, const std::string& file_name);

enum class Head { as_in_file, keep_mine };  // keep_mine: the classifier of the file is left out (transfer learning)

// Fills every tensor of `net` from `file`. WeightsError naming the first missing or misshapen tensor and the architecture whose
// tensors fit best. num_batches_tracked is ignored.
void load_tensors(EfficientNet& net, const TensorFile& file, Family family, Head head, const std::string& file_name);

// All tensors under timm's keys in PyTorch's layouts, with the metadata that makes the file explain itself:
// vitrine.arch, vitrine.padding, vitrine.bn_eps, vitrine.bn_momentum, vitrine.mean, vitrine.std, and `metadata`.
TensorFile to_tensor_file(EfficientNet& net, const std::map<std::string, std::string>& metadata);

// A file that Vitrine wrote: arch, semantics and classes come from its metadata. WeightsError when it is not one.
EfficientNet from_vitrine_file(const TensorFile& file, const std::string& file_name);
bool is_vitrine_file(const TensorFile& file);

// Any checkpoint as a network. `arch` may be empty for Vitrine's own files; `from` is "auto" or a family name.
EfficientNet load_efficientnet(const TensorFile& file, const std::string& arch, const std::string& from,
                               const std::string& file_name);

// A tensor in PyTorch's layout, and back. Shapes as TensorLayout states.
Tensor to_torch_layout(const Tensor& value, TensorLayout layout);
Tensor from_torch_layout(const Tensor& value, TensorLayout layout);

}  // namespace vitrine
