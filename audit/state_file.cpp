#include "audit/state_file.h"

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "nn/efficientnet/checkpoint.h"
#include "weights/safetensors.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNow = "now/", kOptimizer = "optimizer/";
constexpr const char* kSteps = "vitrine.audit_steps";

fs::path state_path(const fs::path& folder, std::uint32_t epoch) {
  const std::string digits = std::to_string(epoch);
  return folder / text("state-", std::string(5 - std::min<std::size_t>(5, digits.size()), '0'), digits, ".safetensors");
}

// "state-00012.safetensors" -> 12; nothing for another name.
std::optional<std::uint32_t> epoch_of(const fs::path& file) {
  const std::string name = file.filename().string();
  std::uint64_t epoch = 0;
  if (!name.starts_with("state-") || !name.ends_with(".safetensors")) return std::nullopt;
  if (!parse_number(std::string_view(name).substr(6, name.size() - 6 - 12), epoch) || epoch == 0 || epoch > 1'000'000)
    return std::nullopt;
  return static_cast<std::uint32_t>(epoch);
}

std::int64_t steps_in(const TensorFile& file, const fs::path& path) {
  std::int64_t steps = 0;
  const auto found = file.metadata.find(kSteps);
  if (found == file.metadata.end() || !parse_number(found->second, steps) || steps < 1)
    throw DataError(text(path, ": does not say how many steps it follows; it is no state of an audit"));
  return steps;
}

}  // namespace

void write_state(const fs::path& folder, const StatePlace& place, EfficientNet& net, const Optimizer& optimizer) {
  TensorFile file;
  const TensorFile now = to_tensor_file(net, {});
  for (StoredTensor tensor : now.tensors) {
    tensor.name = text(kNow, tensor.name);
    file.tensors.push_back(std::move(tensor));
  }
  for (const auto& [name, value] : optimizer.state()) file.tensors.push_back(StoredTensor::from(text(kOptimizer, name), value));
  file.metadata = now.metadata;
  file.metadata[kSteps] = std::to_string(place.steps);
  write_sealed_safetensors(state_path(folder, place.epoch), file);
}

std::optional<StatePlace> read_state_before(const fs::path& folder, std::int64_t steps, EfficientNet& net,
                                            Optimizer& optimizer) {
  std::optional<StatePlace> best;
  for (const fs::path& path : entries_of(folder)) {
    const std::optional<std::uint32_t> epoch = epoch_of(path);
    if (!epoch) continue;
    const std::int64_t made = steps_in(read_safetensors(path), path);
    if (made <= steps && (!best || made > best->steps)) best = StatePlace{*epoch, made};
  }
  if (!best) return std::nullopt;
  const fs::path path = state_path(folder, best->epoch);
  const TensorFile file = [&] {
    try {
      return read_safetensors(path);
    } catch (const WeightsError&) {  // whose advice is for checkpoints
      throw DataError(
          text(path, ": is not the state that was written, and steps after it are made from it; put it back as it was"));
    }
  }();
  if (!is_sealed(file)) throw DataError(text(path, ": carries no checksums; it is no state of an audit"));
  TensorFile network;
  std::vector<std::pair<std::string, Tensor>> moments;
  for (StoredTensor tensor : file.tensors) {
    if (tensor.name.starts_with(kOptimizer)) {
      moments.emplace_back(tensor.name.substr(kOptimizer.size()), tensor.to_float());
    } else if (tensor.name.starts_with(kNow)) {
      tensor.name = tensor.name.substr(kNow.size());
      network.tensors.push_back(std::move(tensor));
    }
  }
  network.metadata = file.metadata;
  load_tensors(net, network, Family::timm, Head::as_in_file, path.string());
  optimizer.restore(moments, net.parameter_shapes());
  return best;
}

}  // namespace vitrine::audit
