// The zip directory, and the PyTorch archive in it.
#include "tests/fuzz/fuzz.h"
#include "weights/torch_file.h"
#include "weights/zip_archive.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSource source(testing::bytes_of(data, size));
  testing::accept_or_refuse([&] {
    for (const ZipEntry& entry : read_stored_zip(source, "input")) source.read(entry.offset, entry.size);
  });
  testing::accept_or_refuse([&] { testing::read_all(parse_torch_zip(source, WeightSet::plain, "input")); });
  return 0;
}
