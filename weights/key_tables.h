// Key tables: how each published EfficientNet family names the same tensors.
//
// Vitrine's own names are timm's. A table is explicit: it is built block by block from the rows of docs/checkpoints.md, never
// by pattern matching. Families share tensor shapes and order, but not padding and batch-norm epsilon (Semantics below).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor_file.h"

namespace vitrine {

enum class Family { torchvision, timm, timm_tf, efficientnet_pytorch, tensorflow };
std::string_view family_name(Family family);  // as the command line spells it: "timm-tf"
std::optional<Family> family_from_name(std::string_view name);

// The blocks of one EfficientNet, as far as names depend on them.
struct BlockNames {
  int stage = 0;         // 0..6
  int repeat = 0;        // within the stage
  bool expands = false;  // has an expansion convolution (every block of stage 0 has none)
  bool has_se = true;    // lite variants have no squeeze-excitation
};

struct KeyPair {
  std::string vitrine;  // timm's key
  std::string file;     // the family's key
};

// All tensors of the network, num_batches_tracked left out, in network order.
std::vector<KeyPair> key_table(Family family, const std::vector<BlockNames>& blocks);

// The prefixes behind which `names` hold the stem and the first depthwise convolution of one family: "" where the names are the family's
// own, "module." where a wrapper stands in front. A prefix ends in '.' or '/'. In the order of the names, each once.
std::vector<std::string> network_prefixes(std::span<const std::string_view> names);

// The family whose keys the file has; nullopt when none fits. timm and timm_tf share all keys: `Family::timm` stands for both
// and the caller asks which.
std::optional<Family> family_of(const TensorFile& file);

}  // namespace vitrine
