// The names that a pickle may mention: those that the machine knows, and those that are there to run code.
//
// Everything else is an object of some class that Vitrine has no need of: it is passed over without being built. No name is ever
// imported or called, whatever it is; a file that mentions one of the second kind is not a checkpoint but an attack, and is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "weights/tensor_file.h"

namespace vitrine {

enum class PickleGlobal : std::uint8_t {
  ordered_dict,  // collections.OrderedDict
  default_dict,  // collections.defaultdict, Counter
  rebuild_tensor,
  rebuild_parameter,
  rebuild_from_type,  // of a subclass of torch.Tensor, or of a tensor with attributes
  size,               // torch.Size
  storage,
  get_attribute,  // builtins.getattr: a member of an Enum, a method
  partial         // functools.partial
};

struct KnownName {
  PickleGlobal global = PickleGlobal::storage;
  DType type = DType::f32;      // of a storage's elements
  bool readable = true;         // false for a storage of elements that no DType describes (complex, quantised)
  std::uint8_t item_bytes = 0;  // of a storage's element
};

std::optional<KnownName> known_pickle_name(std::string_view module, std::string_view name);

// True for names through which a pickle runs code, loads code, starts programs, or reaches files and the network. Studied: the lists of
// the scanners fickling (Trail of Bits) and picklescan (M. Maitre), and the advisories on what slipped past them.
bool runs_code(std::string_view module, std::string_view name);

}  // namespace vitrine
