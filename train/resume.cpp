#include "train/resume.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "nn/efficientnet/checkpoint.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

constexpr std::string_view kNow = "now/", kBest = "best/", kOptimizer = "optimizer/";

void append(TensorFile& file, std::string_view prefix, const TensorFile& part) {
  for (StoredTensor tensor : part.tensors) {
    tensor.name = text(prefix, tensor.name);
    file.tensors.push_back(std::move(tensor));
  }
}

TensorFile part_of(const TensorFile& file, std::string_view prefix) {
  TensorFile part;
  for (const StoredTensor& tensor : file.tensors) {
    if (!tensor.name.starts_with(prefix)) continue;
    part.tensors.push_back(tensor);
    part.tensors.back().name = tensor.name.substr(prefix.size());
  }
  return part;
}

StoredTensor history_tensor(const std::vector<EpochRecord>& history) {
  std::vector<double> values;
  for (const EpochRecord& e : history) {
    values.insert(values.end(),
                  {static_cast<double>(e.epoch), e.train_loss, e.validation_loss, e.validation_accuracy, e.lr, e.momentum});
  }
  return StoredTensor::from("history", Shape{static_cast<std::int64_t>(history.size()), 6}, values);
}

std::vector<EpochRecord> history_of(const StoredTensor& tensor) {
  const std::vector<double> v = tensor.to_double();
  std::vector<EpochRecord> history;
  for (std::size_t i = 0; i + 6 <= v.size(); i += 6) {
    history.push_back({static_cast<int>(v[i]), v[i + 1], v[i + 2], v[i + 3], v[i + 4], v[i + 5]});
  }
  return history;
}

}  // namespace

void write_resume_file(const std::filesystem::path& path, const ResumeState& state, EfficientNet& net,
                       const Optimizer& optimizer) {
  TensorFile file;
  append(file, kNow, to_tensor_file(net, {}));
  append(file, kBest, state.best);
  for (const auto& [name, value] : optimizer.state()) file.tensors.push_back(StoredTensor::from(text(kOptimizer, name), value));
  file.tensors.push_back(history_tensor(state.history));
  file.metadata = state.best.metadata;
  file.metadata["vitrine.resume_key"] = state.key;
  file.metadata["vitrine.best_epoch"] = std::to_string(state.best_epoch);
  write_safetensors(path, file);
}

bool read_resume_file(const std::filesystem::path& path, ResumeState& state, EfficientNet& net, Optimizer& optimizer) {
  if (!std::filesystem::exists(path)) return false;
  try {
    const TensorFile file = read_safetensors(path);
    const auto key = file.metadata.find("vitrine.resume_key");
    if (key == file.metadata.end() || key->second != state.key) return false;
    ResumeState found;
    found.key = state.key;
    found.history = history_of(file.at("history"));
    found.best_epoch = std::stoi(file.metadata.at("vitrine.best_epoch"));
    found.best = part_of(file, kBest);
    found.best.metadata = file.metadata;
    found.best.metadata.erase("vitrine.resume_key");
    found.best.metadata.erase("vitrine.best_epoch");
    EfficientNet restored = net;
    load_tensors(restored, part_of(file, kNow), Family::timm, Head::as_in_file, path.string());
    std::vector<std::pair<std::string, Tensor>> moments;
    for (const StoredTensor& t : part_of(file, kOptimizer).tensors) moments.emplace_back(t.name, t.to_float());
    optimizer.restore(moments);
    net = std::move(restored);
    state = std::move(found);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace vitrine
