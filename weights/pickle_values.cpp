#include <array>

#include "base/error.h"
#include "weights/pickle.h"

namespace vitrine {

std::string_view kind_name(PickleKind kind) {
  constexpr std::array<std::string_view, 15> kNames{"None",    "a boolean", "an integer", "a float", "a text",
                                                    "bytes",   "a tuple",   "a list",     "a set",   "a dict",
                                                    "a class", "a storage", "a tensor",   "a class", "an object"};
  return kNames[static_cast<std::size_t>(kind)];
}

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& k = values[dict.items[i]];
    if (k.kind == PickleKind::text && k.text == key) return &values[dict.items[i + 1]];
  }
  return nullptr;
}

std::string Pickle::class_name(const PickleValue& value) const {
  const PickleValue& c = value.kind == PickleKind::opaque ? values[value.link] : value;
  if (c.kind != PickleKind::opaque_class) return "an object";
  return text(printable(values[c.link].text), ".", printable(c.text));
}

}  // namespace vitrine
