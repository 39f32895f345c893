#include "nn/efficientnet/checkpoint.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/number.h"

namespace vitrine {
namespace {

// Moves axes: axis i of the result is axis order[i] of x.
Tensor permuted(const Tensor& x, const std::vector<int>& order) {
  const int rank = x.shape().rank();
  std::vector<std::int64_t> sizes, strides(static_cast<std::size_t>(rank), 1);
  for (int axis = rank - 2; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = strides[static_cast<std::size_t>(axis) + 1] * x.shape()[axis + 1];
  }
  for (const int axis : order) sizes.push_back(x.shape()[axis]);
  Tensor y = Tensor::uninitialized(Shape(sizes));
  const auto in = x.host();
  const auto out = y.mutable_host();
  std::vector<std::int64_t> index(static_cast<std::size_t>(rank), 0);
  for (float& value : out) {
    std::int64_t at = 0;
    for (std::size_t i = 0; i < order.size(); ++i) at += index[i] * strides[static_cast<std::size_t>(order[i])];
    value = in[static_cast<std::size_t>(at)];
    for (std::size_t i = order.size(); i-- > 0;) {
      if (++index[i] < sizes[i]) break;
      index[i] = 0;
    }
  }
  return y;
}

Shape torch_shape(const Shape& s, TensorLayout layout) {
  switch (layout) {
    case TensorLayout::conv: return {s[3], s[2], s[0], s[1]};
    case TensorLayout::depthwise: return {s[2], 1, s[0], s[1]};
    case TensorLayout::linear: return {s[1], s[0]};
    case TensorLayout::pointwise: return {s[1], s[0], 1, 1};
    case TensorLayout::vector: break;
  }
  return s;
}

std::vector<BlockNames> block_names(const Architecture& arch) {
  std::vector<BlockNames> names;
  for (const BlockSpec& b : arch.blocks) names.push_back({b.stage, b.repeat, b.expands(), b.squeeze > 0});
  return names;
}

std::unordered_map<std::string, std::string> file_keys(Family family, const Architecture& arch) {
  std::unordered_map<std::string, std::string> keys;
  for (const KeyPair& pair : key_table(family, block_names(arch))) keys.emplace(pair.vitrine, pair.file);
  return keys;
}

bool is_classifier(const std::string& name) { return name.starts_with("classifier."); }

// The architecture most of whose tensors are in the file with the right shape.
std::string best_matching_architecture(const TensorFile& file, Family family) {
  std::unordered_map<std::string_view, const StoredTensor*> by_name;
  for (const StoredTensor& t : file.tensors) by_name.emplace(t.name, &t);
  std::string best;
  double best_share = 0;
  for (const std::string& name : architecture_names()) {
    EfficientNet net(architecture(name), Semantics{}, 2);
    const auto keys = file_keys(family, net.arch);
    double hits = 0, count = 0;
    net.visit([&](const NamedTensor& t) {
      if (is_classifier(t.name)) return;
      ++count;
      const auto found = by_name.find(keys.at(t.name));
      hits += found != by_name.end() && found->second->shape == torch_shape(t.value->shape(), t.layout) ? 1 : 0;
    });
    const double share = hits / (count + static_cast<double>(file.tensors.size()));
    if (share > best_share) {
      best_share = share;
      best = name;
    }
  }
  return best;
}

std::string three(const std::array<float, 3>& v) { return shortest(v[0]) + "," + shortest(v[1]) + "," + shortest(v[2]); }

const std::string& required(const TensorFile& file, const std::string& key, const std::string& file_name) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) {
    throw WeightsError(text(file_name, ": the metadata '", key, "' is missing; the file was not written by Vitrine"));
  }
  return found->second;
}

double required_number(const TensorFile& file, const std::string& key, const std::string& file_name) {
  double value = 0;
  const std::string& s = required(file, key, file_name);
  if (!parse_number(s, value))
    throw WeightsError(text(file_name, ": the metadata '", key, "' is '", s, "', a number was expected"));
  return value;
}

std::array<float, 3> required_three(const TensorFile& file, const std::string& key, const std::string& file_name) {
  const std::string& s = required(file, key, file_name);
  std::array<float, 3> values{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t end = i < 2 ? s.find(',', at) : s.size();
    double value = 0;
    if (end == std::string::npos || !parse_number(std::string_view(s).substr(at, end - at), value)) {
      throw WeightsError(text(file_name, ": the metadata '", key, "' is '", s, "', three numbers were expected"));
    }
    values[i] = static_cast<float>(value);
    at = end + 1;
  }
  return values;
}

}  // namespace

Tensor to_torch_layout(const Tensor& value, TensorLayout layout) {
  const Shape shape = torch_shape(value.shape(), layout);
  switch (layout) {
    case TensorLayout::conv: return permuted(value, {3, 2, 0, 1});
    case TensorLayout::depthwise: return permuted(value, {2, 0, 1}).reshaped(shape);
    case TensorLayout::linear:
    case TensorLayout::pointwise: return permuted(value, {1, 0}).reshaped(shape);
    case TensorLayout::vector: break;
  }
  return value;
}

Tensor from_torch_layout(const Tensor& value, TensorLayout layout) {
  const Shape& s = value.shape();
  switch (layout) {
    case TensorLayout::conv: return permuted(value, {2, 3, 1, 0});
    case TensorLayout::depthwise: return permuted(value.reshaped({s[0], s[2], s[3]}), {1, 2, 0});
    case TensorLayout::linear: return permuted(value, {1, 0});
    case TensorLayout::pointwise: return permuted(value.reshaped({s[0], s[1]}), {1, 0});
    case TensorLayout::vector: break;
  }
  return value;
}

Semantics published_semantics(Family family, const Architecture& architecture) {
  Semantics s;
  const bool large = architecture.name == "b5" || architecture.name == "b6" || architecture.name == "b7";
  if (architecture.lite) {  // TensorFlow's weights, whichever names they travel under
    s = {PaddingRule::same, 1e-3, family == Family::timm_tf ? 0.1 : 0.01, {0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}};
  } else if (family == Family::torchvision && large) {
    s.bn_eps = 1e-3;
    s.bn_momentum = 0.01;
  } else if (family == Family::timm_tf) {
    s.padding = PaddingRule::same;
    s.bn_eps = 1e-3;
  } else if (family == Family::efficientnet_pytorch) {
    s.padding = PaddingRule::same;
    s.bn_eps = 1e-3;
    s.bn_momentum = 0.01;
  }
  return s;
}

Family resolve_family(const TensorFile& file, const std::string& asked, const std::string& file_name) {
  if (asked != "auto") {
    const auto family = family_from_name(asked);
    if (!family)
      throw UsageError(text("--from is '", asked, "'; choose auto, torchvision, timm, timm-tf or efficientnet-pytorch"));
    return *family;
  }
  const auto family = family_of(file);
  if (!family) {
    throw WeightsError(text(file_name, ": its keys fit no known EfficientNet family (first key '",
                            file.tensors.empty() ? std::string() : file.tensors.front().name,
                            "'); pass --from if you know it"));
  }
  if (*family == Family::timm) {
    throw WeightsError(text(file_name,
                            ": its keys are timm's, which do not tell whether the weights expect PyTorch's padding or "
                            "TensorFlow's; pass --from timm (efficientnet_*) or --from timm-tf (tf_efficientnet_*)"));
  }
  return *family;
}

void load_tensors(EfficientNet& net, const TensorFile& file, Family family, Head head, const std::string& file_name) {
  std::unordered_map<std::string_view, const StoredTensor*> by_name;
  for (const StoredTensor& t : file.tensors) by_name.emplace(t.name, &t);
  const auto keys = file_keys(family, net.arch);
  net.visit([&](const NamedTensor& t) {
    if (head == Head::keep_mine && is_classifier(t.name)) return;
    const std::string& key = keys.at(t.name);
    const Shape expected = torch_shape(t.value->shape(), t.layout);
    const auto found = by_name.find(key);
    const bool missing = found == by_name.end();
    if (missing || !(found->second->shape == expected)) {
      const std::string best = best_matching_architecture(file, family);
      throw WeightsError(text(
          file_name, ": the tensor '", key, "' ",
          missing ? std::string("is missing") : text("has shape ", found->second->shape.text()), ", expected ", expected.text(),
          " for ", net.arch.name,
          best.empty() || best == net.arch.name ? std::string() : text("; the file fits ", best, " best, pass --arch ", best)));
    }
    *t.value = from_torch_layout(found->second->to_float(), t.layout);
  });
}

TensorFile to_tensor_file(EfficientNet& net, const std::map<std::string, std::string>& metadata) {
  TensorFile file;
  net.visit(
      [&](const NamedTensor& t) { file.tensors.push_back(StoredTensor::from(t.name, to_torch_layout(*t.value, t.layout))); });
  file.metadata = metadata;
  file.metadata["format"] = "vitrine.1";
  file.metadata["vitrine.arch"] = net.arch.name;
  file.metadata["vitrine.classes"] = std::to_string(net.classes);
  file.metadata["vitrine.padding"] = net.semantics.padding == PaddingRule::same ? "same" : "symmetric";
  file.metadata["vitrine.bn_eps"] = shortest(net.semantics.bn_eps);
  file.metadata["vitrine.bn_momentum"] = shortest(net.semantics.bn_momentum);
  file.metadata["vitrine.mean"] = three(net.semantics.mean);
  file.metadata["vitrine.std"] = three(net.semantics.std);
  return file;
}

bool is_vitrine_file(const TensorFile& file) {
  const auto format = file.metadata.find("format");
  return format != file.metadata.end() && format->second == "vitrine.1";
}

EfficientNet from_vitrine_file(const TensorFile& file, const std::string& file_name) {
  Semantics semantics;
  const std::string& padding = required(file, "vitrine.padding", file_name);
  if (padding != "same" && padding != "symmetric") {
    throw WeightsError(text(file_name, ": the metadata 'vitrine.padding' is '", padding, "', expected same or symmetric"));
  }
  semantics.padding = padding == "same" ? PaddingRule::same : PaddingRule::symmetric;
  semantics.bn_eps = required_number(file, "vitrine.bn_eps", file_name);
  semantics.bn_momentum = required_number(file, "vitrine.bn_momentum", file_name);
  semantics.mean = required_three(file, "vitrine.mean", file_name);
  semantics.std = required_three(file, "vitrine.std", file_name);
  const double classes = required_number(file, "vitrine.classes", file_name);
  if (!(classes >= 1 && classes <= 1e6)) throw WeightsError(text(file_name, ": the metadata 'vitrine.classes' is ", classes));
  const std::string& arch = required(file, "vitrine.arch", file_name);
  const auto& known = architecture_names();
  if (std::find(known.begin(), known.end(), arch) == known.end()) {
    throw WeightsError(text(file_name, ": the metadata 'vitrine.arch' is '", arch, "', which this version does not know"));
  }
  EfficientNet net(architecture(arch), semantics, static_cast<std::int64_t>(classes));
  load_tensors(net, file, Family::timm, Head::as_in_file, file_name);
  return net;
}

EfficientNet load_efficientnet(const TensorFile& file, const std::string& arch, const std::string& from,
                               const std::string& file_name) {
  if (is_vitrine_file(file)) {
    EfficientNet net = from_vitrine_file(file, file_name);
    if (!arch.empty() && arch != net.arch.name) {
      throw WeightsError(text(file_name, ": it holds a ", net.arch.name, ", --arch says ", arch, "; leave --arch out"));
    }
    return net;
  }
  if (arch.empty()) throw UsageError(text(file_name, " does not say its architecture; pass --arch"));
  const Family family = resolve_family(file, from, file_name);
  const Architecture a = architecture(arch);
  const auto keys = file_keys(family, a);
  const StoredTensor* bias = file.find(keys.at("classifier.bias"));
  EfficientNet net(a, published_semantics(family, a), bias != nullptr && bias->shape.rank() == 1 ? bias->shape[0] : 1000);
  load_tensors(net, file, family, Head::as_in_file, file_name);
  return net;
}

}  // namespace vitrine
