// The pickle machine: every value of an accepted program refers only to values that exist, every text lies in it, and its dicts can be
// searched for a network.
#include <functional>

#include "tests/fuzz/fuzz.h"
#include "weights/pickle.h"
#include "weights/torch_tensors.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = testing::bytes_of(data, size);
  testing::accept_or_refuse([&] {
    const Pickle pickle = read_pickle(bytes, "input");
    if (pickle.root >= pickle.values.size() || pickle.end > size) std::abort();
    const std::less_equal<const char*> before;
    for (const PickleValue& value : pickle.values) {
      if (value.link >= pickle.values.size()) std::abort();
      if (!value.text.empty() && !(before(bytes.data(), value.text.data()) &&
                                   before(value.text.data() + value.text.size(), bytes.data() + bytes.size())))
        std::abort();
      for (const PickleId id : value.items) {
        if (id >= pickle.values.size()) std::abort();
      }
      pickle.class_name(value);
    }
    const ByteSource source(bytes);  // storages all begin at its first byte
    const TorchStorages storages = declared_storages(pickle, source.size(), "input");
    for (const WeightSet wanted : {WeightSet::plain, WeightSet::averaged})
      testing::accept_or_refuse([&] { testing::read_all(network_of(pickle, storages, source, wanted, "input")); });
  });
  return 0;
}
