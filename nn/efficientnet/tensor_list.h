// The tensors that an architecture's checkpoint has, by name and shape, without building the network.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/efficientnet/scaling.h"
#include "weights/key_tables.h"

namespace vitrine {

struct ListedTensor {
  std::string name;  // Vitrine's (timm's) key
  std::string key;   // the family's key
  Shape shape;       // PyTorch's layout
  bool classifier = false;
};

// In network order, num_batches_tracked left out.
std::vector<ListedTensor> tensor_list(Family family, const Architecture& architecture, std::int64_t classes,
                                      std::int64_t channels = 3);

bool is_counter(std::string_view name);  // num_batches_tracked, which is read over

enum class Head { as_in_file, keep_mine };  // keep_mine: the classifier of the file is left out (transfer learning)

// How a file differs from the list: tensors that are missing, that have another shape, that hold whole numbers, and that the list does not
// know (num_batches_tracked aside). One phrase each, in list order, then file order. Empty: the file fits.
std::vector<std::string> differences(const TensorFile& file, const std::vector<ListedTensor>& list, Head head);

}  // namespace vitrine
