// Python pickles as torch.save writes them, interpreted without callables.
//
// A pickle is a program for a stack machine. Here the machine knows data opcodes and twelve names; a name is an enum value and
// REDUCE is a switch over it, so that nothing in a file can ever be imported or called. Everything else is refused by name.
//
// Reference  CPython Lib/pickletools.py (opcodes of protocols 2 to 4); PyTorch torch/_weights_only_unpickler.py (the same idea)
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor_file.h"

namespace vitrine {

enum class PickleKind { none, boolean, integer, real, text, tuple, list, set, dict, global, storage, tensor };

// The twelve names: a storage class for each of eight element types counts as one `storage` here.
enum class PickleGlobal { ordered_dict, rebuild_tensor, rebuild_parameter, size, storage };

using PickleId = std::uint32_t;  // index into Pickle::values

struct PickleValue {
  PickleKind kind = PickleKind::none;
  PickleGlobal global = PickleGlobal::storage;
  DType type = DType::f32;   // element type of a storage, or of a storage class
  bool ordered = false;      // a dict that is an OrderedDict
  std::int64_t integer = 0;  // value of a boolean or integer; element count of a storage; offset of a tensor in elements
  double real = 0;
  std::string text;  // value of a text; key of a storage
  std::vector<PickleId>
      items;  // of a tuple, list, set; keys and values in turn of a dict; {storage, sizes, strides} of a tensor
};

// Values refer to each other by index: a list that contains itself is harmless, and nothing recurses.
struct Pickle {
  std::deque<PickleValue> values;
  PickleId root = 0;
  std::size_t end = 0;  // bytes used, STOP included

  const PickleValue& operator[](PickleId id) const { return values[id]; }
  // The value under a text key of a dict; null when the dict has no such key.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
};

// Reads the pickle at the start of `bytes`; more bytes may follow. `where` names file and member for messages, and
// `first_byte` is the offset of `bytes` in it. WeightsError on any opcode or name outside the allow-list, an opcode applied to
// the wrong kind of value, an unknown memo index, an empty stack, and beyond the limits: 64 MiB, 1,000,000 opcodes, texts of 1
// MiB.
Pickle read_pickle(std::string_view bytes, std::string_view where, std::uint64_t first_byte = 0);

}  // namespace vitrine
