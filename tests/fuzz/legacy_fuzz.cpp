// The legacy stream: five pickles and raw storages.
#include "tests/fuzz/fuzz.h"
#include "weights/torch_file.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::accept_or_refuse(
      [&] { testing::read_all(parse_torch_legacy(ByteSource(testing::bytes_of(data, size)), WeightSet::plain, "input")); });
  return 0;
}
