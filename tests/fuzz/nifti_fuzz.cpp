// NIfTI volumes: what is accepted has as many finite voxels as its header says, and can be turned into the order of the steps.
#include "imaging/formats/nifti.h"

#include <cmath>

#include "imaging/orientation.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

using namespace vitrine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const testing::MemoryFile file(testing::bytes_of(data, size));
  testing::accept_or_refuse<DataError>([&] {
    imaging::Volume volume = imaging::read_nifti(file.path());
    const auto voxels = static_cast<std::size_t>(volume.geometry.voxels());
    if (volume.data.size() != voxels) std::abort();
    for (const float v : volume.data) {
      if (!std::isfinite(v)) std::abort();
    }
    const imaging::StorageOrder order = imaging::storage_order(volume.geometry);
    const imaging::Volume turned = imaging::in_anatomical_order(std::move(volume), order);
    if (turned.data.size() != voxels || !imaging::storage_order(turned.geometry).is_anatomical()) std::abort();
  });
  return 0;
}
