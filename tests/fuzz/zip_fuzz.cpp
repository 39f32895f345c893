// The zip directory, and the PyTorch archive in it; the plain set of weights and the averaged one.
#include "tests/fuzz/fuzz.h"
#include "weights/torch_file.h"
#include "weights/zip_archive.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSource source(testing::bytes_of(data, size));
  testing::accept_or_refuse([&] {
    std::uint64_t total = 0;
    for (const ZipEntry& entry : read_stored_zip(source, "input")) total += source.read(entry.offset, entry.size).size();
    if (total > size) std::abort();  // entries share no bytes
  });
  for (const WeightSet wanted : {WeightSet::plain, WeightSet::averaged})
    testing::accept_or_refuse([&] { testing::read_all(parse_torch_zip(source, wanted, "input")); });
  return 0;
}
