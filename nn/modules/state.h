// A module's tensors in a file, by name: safetensors with a checksum for each (weights/safetensors.h).
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nn/modules/module.h"

namespace vitrine {

// Atomic. FileError when it cannot be written.
void save(const std::vector<ModuleTensor>& tensors, const std::filesystem::path& path);
template <class Module>
void save(Module& module, const std::filesystem::path& path) {
  save(tensors_of(module), path);
}

// Of a file that `save` wrote; another library's could fit in its shapes and lie transposed, so it is refused.
// WeightsError listing the names that are missing, that are too many, and that have another shape; nothing is changed then.
void load(const std::vector<ModuleTensor>& tensors, const std::filesystem::path& path);
template <class Module>
void load(Module& module, const std::filesystem::path& path) {
  load(tensors_of(module), path);
}

// SHA-256 over the bytes of every tensor in the order of `visit`: equal for modules with the same bits.
std::string state_hash(const std::vector<ModuleTensor>& tensors);
template <class Module>
requires requires(Module& module, const Visitor& v) { module.visit(v); }
std::string state_hash(Module& module) { return state_hash(tensors_of(module)); }

// Tensors of no module, such as a data set: those of a safetensors file as float32, whatever they are stored as.
std::map<std::string, Tensor> read_tensors(const std::filesystem::path& path);
// Atomic.
void write_tensors(const std::map<std::string, Tensor>& tensors, const std::filesystem::path& path);

}  // namespace vitrine
