// A module's tensors in a file, by name: safetensors with a checksum for each (weights/safetensors.h).
#pragma once

#include <filesystem>

#include "nn/modules/module.h"

namespace vitrine {

// Atomic. FileError when it cannot be written.
void save(const std::vector<ModuleTensor>& tensors, const std::filesystem::path& path);
template <class Module>
void save(Module& module, const std::filesystem::path& path) {
  save(tensors_of(module), path);
}

// WeightsError listing the names that are missing, that are too many, and that have another shape; nothing is changed then.
void load(const std::vector<ModuleTensor>& tensors, const std::filesystem::path& path);
template <class Module>
void load(Module& module, const std::filesystem::path& path) {
  load(tensors_of(module), path);
}

}  // namespace vitrine
