// The legacy stream: five pickles and raw storages; the plain set of weights and the averaged one.
#include "tests/fuzz/fuzz.h"
#include "weights/torch_file.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSource source(testing::bytes_of(data, size));
  for (const WeightSet wanted : {WeightSet::plain, WeightSet::averaged})
    testing::accept_or_refuse([&] { testing::read_all(parse_torch_legacy(source, wanted, "input")); });
  return 0;
}
