// Python pickles as torch.save writes them, interpreted without callables.
//
// A pickle is a program for a stack machine. Here the machine knows data opcodes and a few names (weights/pickle_names.h); a name is an
// enum value and REDUCE is a switch over it, so that nothing in a file can ever be imported or called. An object of any other class
// (an argparse.Namespace, a numpy scalar, a class of the user) becomes an opaque value: what would build it is read and dropped. Names
// that are there to run code are refused.
//
// Reference  CPython Lib/pickletools.py (opcodes of protocols 2 to 5); PyTorch torch/_weights_only_unpickler.py (the same idea)
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "weights/pickle_names.h"
#include "weights/tensor_file.h"

namespace vitrine {

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  real,
  text,
  bytes,  // or an integer of more than 64 bits
  tuple,
  list,
  set,
  dict,
  global,  // one of the names that the machine knows
  storage,
  tensor,
  opaque_class,  // any other name
  opaque         // what a call of one would make
};

std::string_view kind_name(PickleKind kind);  // "a list"

using PickleId = std::uint32_t;  // index into Pickle::values

// Small, since a file of a few bytes a value may hold hundreds of thousands.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  PickleGlobal global = PickleGlobal::storage;
  DType type = DType::f32;      // element type of a storage, or of a storage class
  std::uint8_t item_bytes = 0;  // of an element of a storage; 0 when its class is unknown
  bool readable = true;         // false for a storage of elements that no DType describes
  bool ordered = false;         // a dict that is an OrderedDict
  bool callable_made = false;   // an opaque that getattr or functools.partial would make, or a use of the two that was accepted
  PickleId link = 0;            // the text of an opaque class's module; the class of an opaque
  std::int64_t integer = 0;     // value of a boolean or integer; element count of a storage; offset of a tensor in elements
  std::string_view text = {};   // value of a text or of bytes; key of a storage; name of an opaque class
  // Of a tuple, list, set; keys and values in turn of a dict; {storage, sizes, strides} of a tensor.
  std::vector<PickleId> items = {};
};

// Values refer to each other by index: a list that contains itself is harmless, and nothing recurses. Texts are views of the bytes that
// were read, which must live as long.
struct Pickle {
  std::deque<PickleValue> values;
  PickleId root = 0;
  std::size_t end = 0;  // bytes used, STOP included

  const PickleValue& operator[](PickleId id) const { return values[id]; }
  // The value under a text key of a dict; null when the dict has no such key.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
  // "argparse.Namespace", of an opaque value or class, to be shown.
  std::string class_name(const PickleValue& value) const;
};

// Reads the pickle at the start of `bytes`; more bytes may follow. `where` names file and member for messages, and
// `first_byte` is the offset of `bytes` in it. WeightsError on any opcode outside the list, a name that runs code, an opcode applied to
// the wrong kind of value, an unknown memo index, an empty stack, and beyond the limits: 64 MiB, 400,000 opcodes
// and values.
Pickle read_pickle(std::string_view bytes, std::string_view where, std::uint64_t first_byte = 0);

}  // namespace vitrine
