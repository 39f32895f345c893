#include "nn/modules/state.h"

#include <set>

#include "base/error.h"
#include "base/sha256.h"
#include "base/version.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

constexpr int kMostListed = 5;
constexpr const char* kKind = "vitrine.kind";
constexpr const char* kModule = "module";

// "; missing: a, b, ... (7)"
void list(std::string& into, const std::string& what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  into += text("; ", what, ": ");
  for (std::size_t i = 0; i < names.size() && i < kMostListed; ++i) into += text(i > 0 ? ", " : "", printable(names[i], 60));
  if (names.size() > kMostListed) into += text(", ... (", names.size(), ")");
}

// The values in the type that the module holds.
Tensor values_of(const StoredTensor& stored, DType type) {
  if (!is_floating(stored.type))
    throw WeightsError(text("the tensor '", printable(stored.name), "' holds ", dtype_name(stored.type),
                            ", a module's state is of floating numbers"));
  if (type == DType::f32) return stored.to_float();
  if (type == DType::f64) return Tensor::from<double>(stored.shape, stored.to_double());
  throw InternalError(
      text("the tensor '", printable(stored.name), "' of a module holds ", dtype_name(type), ", expected F32 or F64"));
}

}  // namespace

void save(const std::vector<ModuleTensor>& tensors, const std::filesystem::path& path) {
  TensorFile file;
  file.metadata["vitrine.version"] = std::string(version());
  file.metadata[kKind] = kModule;
  for (const ModuleTensor& t : tensors) file.tensors.push_back(StoredTensor::from(t.name, t.value->to(Device::cpu())));
  write_sealed_safetensors(path, std::move(file));
}

void load(const std::vector<ModuleTensor>& tensors, const std::filesystem::path& path) {
  const TensorFile file = read_safetensors(path);
  if (const auto kind = file.metadata.find(kKind); kind == file.metadata.end() || kind->second != kModule)
    throw WeightsError(text(path,
                            ": it was not written by save() of a module; another library's weights may lie in another order ",
                            "(PyTorch's linear is [out, in]): read_tensors gives them, reorder and assign"));
  std::vector<std::string> missing, shapes, extra;
  std::set<std::string_view> names;
  for (const ModuleTensor& t : tensors) {
    names.insert(t.name);
    const StoredTensor* const found = file.find(t.name);
    if (found == nullptr) {
      missing.push_back(t.name);
    } else if (!(found->shape == t.value->shape())) {
      shapes.push_back(text(t.name, " ", found->shape.text(), " for ", t.value->shape().text()));
    }
  }
  for (const StoredTensor& t : file.tensors) {
    if (!names.contains(t.name)) extra.push_back(t.name);
  }
  std::string flaws;
  list(flaws, "missing", missing), list(flaws, "too many", extra), list(flaws, "of another shape", shapes);
  if (!flaws.empty()) throw WeightsError(text(path, ": is not the state of this module", flaws));
  std::vector<Tensor> values;
  for (const ModuleTensor& t : tensors) values.push_back(values_of(file.at(t.name), t.value->dtype()).to(t.value->device()));
  for (std::size_t i = 0; i < values.size(); ++i) *tensors[i].value = std::move(values[i]);
}

std::string state_hash(const std::vector<ModuleTensor>& tensors) {
  Sha256 hash;
  for (const ModuleTensor& t : tensors) {
    if (!t.value->defined()) continue;
    std::string bytes(static_cast<std::size_t>(t.value->size()) * dtype_bytes(t.value->dtype()), '\0');
    t.value->read_bytes(bytes.data(), bytes.size());
    hash.update(bytes);
  }
  return hash.hex();
}

std::map<std::string, Tensor> read_tensors(const std::filesystem::path& path) {
  std::map<std::string, Tensor> tensors;
  for (const StoredTensor& t : read_safetensors(path).tensors) tensors.emplace(t.name, t.to_float());
  return tensors;
}

void write_tensors(const std::map<std::string, Tensor>& tensors, const std::filesystem::path& path) {
  TensorFile file;
  for (const auto& [name, value] : tensors) file.tensors.push_back(StoredTensor::from(name, value.to(Device::cpu())));
  write_sealed_safetensors(path, std::move(file));
}

}  // namespace vitrine
