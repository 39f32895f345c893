// NRRD volumes: what is accepted has as many finite voxels as its header says.
#include "imaging/formats/nrrd.h"

#include <cmath>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const testing::MemoryFile file(testing::bytes_of(data, size));
  testing::accept_or_refuse<DataError>([&] {
    const imaging::Volume volume = imaging::read_nrrd_file(file.path()).volume;
    if (volume.data.size() != static_cast<std::size_t>(volume.geometry.voxels())) std::abort();
    for (const float v : volume.data) {
      if (!std::isfinite(v)) std::abort();
    }
  });
  return 0;
}
