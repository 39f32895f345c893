// The pickle machine: every value of an accepted program refers only to values that exist.
#include "tests/fuzz/fuzz.h"
#include "weights/pickle.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = testing::bytes_of(data, size);
  testing::accept_or_refuse([&] {
    const Pickle pickle = read_pickle(bytes, "input");
    if (pickle.root >= pickle.values.size() || pickle.end > size) std::abort();
    for (const PickleValue& value : pickle.values) {
      for (const PickleId id : value.items) {
        if (id >= pickle.values.size()) std::abort();
      }
    }
  });
  return 0;
}
