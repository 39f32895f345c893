#include "nn/efficientnet/checkpoint.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

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
  const Tensor here = x.to(Device::cpu());
  const auto in = here.host();
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

// [rows, columns] to [columns, rows], in tiles that stay in cache: loading b7 is mostly this.
Tensor transposed(const Tensor& x, const Shape& shape, std::int64_t rows) {
  constexpr std::int64_t kTile = 32;
  Tensor y = Tensor::uninitialized(shape);
  const std::int64_t columns = rows > 0 ? x.size() / rows : 0;
  const Tensor here = x.to(Device::cpu());
  const float* const in = here.data();
  float* const out = y.mutable_host().data();
  for (std::int64_t r0 = 0; r0 < rows; r0 += kTile) {
    for (std::int64_t c0 = 0; c0 < columns; c0 += kTile) {
      for (std::int64_t r = r0; r < std::min(r0 + kTile, rows); ++r) {
        for (std::int64_t c = c0; c < std::min(c0 + kTile, columns); ++c) out[c * rows + r] = in[r * columns + c];
      }
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

// Everything that keeps `file` from being `list`, in one sentence.
[[noreturn]] void refuse_differences(const std::vector<std::string>& phrases, const TensorFile& file, Family family,
                                     const std::string& arch, const std::string& file_name) {
  // As many as leave room in a line for the place in front and the advice behind.
  constexpr std::size_t kLine = 285, kPhrase = 120;
  const std::string best = best_matching_architecture(file, family);
  const std::string advice =
      best.empty() || best == arch ? std::string() : text("; the file fits ", best, " best, pass --arch ", best);
  std::string message = text(file_name, ": ", phrases.size(), phrases.size() == 1 ? " tensor does" : " tensors do", " not fit ",
                             arch, " of ", family_name(family), ": ");
  std::size_t said = 0;
  for (; said < phrases.size(); ++said) {
    const std::string next = (said > 0 ? ", " : "") + one_line(phrases[said], kPhrase);
    const std::size_t rest = std::string_view(" and 99999 more").size() + advice.size();
    if (said > 0 && message.size() + next.size() + rest > kLine) break;
    message += next;
  }
  if (said < phrases.size()) message += text(" and ", phrases.size() - said, " more");
  throw WeightsError(message + advice);
}

// Views of one storage can announce more weights than the file has bytes.
void check_bytes(const TensorFile& file, const std::vector<ListedTensor>& list, const std::string& file_name) {
  constexpr std::uint64_t kSharedBytes = std::uint64_t{1} << 20;
  std::unordered_set<std::string_view> keys;
  for (const ListedTensor& t : list) keys.insert(t.key);
  std::unordered_set<const void*> sources;
  std::uint64_t needed = 0, held = kSharedBytes;
  for (const StoredTensor& t : file.tensors) {
    if (!keys.contains(t.name)) continue;
    needed += t.size_in_bytes();
    if (sources.insert(t.source.identity()).second) held += t.source.size();
  }
  if (needed > held)
    throw WeightsError(text(file_name, ": its tensors are views of the same bytes: ", needed,
                            " bytes of weights, the file has ", held - kSharedBytes,
                            "; save them with torch.save after .clone()"));
}

}  // namespace

std::vector<ListedTensor> check_fit(const TensorFile& file, Family family, const Architecture& arch, std::int64_t classes,
                                    std::int64_t channels, Head head, const std::string& file_name) {
  std::vector<ListedTensor> list = tensor_list(family, arch, classes, channels);
  if (const auto phrases = differences(file, list, head); !phrases.empty())
    refuse_differences(phrases, file, family, arch.name, file_name);
  check_bytes(file, list, file_name);
  return list;
}

Tensor to_torch_layout(const Tensor& value, TensorLayout layout) {
  const Shape shape = torch_shape(value.shape(), layout);
  switch (layout) {
    case TensorLayout::conv:
      if (shape[2] == 1 && shape[3] == 1) return transposed(value, shape, shape[1]);
      return permuted(value, {3, 2, 0, 1});
    case TensorLayout::depthwise: return transposed(value, shape, shape[2] * shape[3]);
    case TensorLayout::linear:
    case TensorLayout::pointwise: return transposed(value, shape, shape[1]);
    case TensorLayout::vector: break;
  }
  return value;
}

Tensor from_torch_layout(const Tensor& value, TensorLayout layout) {
  const Shape& s = value.shape();
  switch (layout) {
    case TensorLayout::conv:
      if (s[2] == 1 && s[3] == 1) return transposed(value, {1, 1, s[1], s[0]}, s[0]);
      return permuted(value, {2, 3, 1, 0});
    case TensorLayout::depthwise: return transposed(value, {s[2], s[3], s[0]}, s[0]);
    case TensorLayout::linear:
    case TensorLayout::pointwise: return transposed(value, {s[1], s[0]}, s[0]);
    case TensorLayout::vector: break;
  }
  return value;
}

Family resolve_family(const TensorFile& file, const std::string& asked, const std::string& file_name) {
  if (asked != "auto") {
    const auto family = family_from_name(asked);
    if (!family)
      throw UsageError(
          text("--from is '", asked, "'; choose auto, torchvision, timm, timm-tf, efficientnet-pytorch or tensorflow"));
    return *family;
  }
  const auto family = family_of(file);
  if (!family) {
    throw WeightsError(text(file_name, ": its keys fit no known EfficientNet family (first key '",
                            file.tensors.empty() ? std::string() : printable(file.tensors.front().name),
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
  const std::vector<ListedTensor> list =
      check_fit(file, family, net.arch, net.classes, net.semantics.channels, head, file_name);
  std::unordered_map<std::string_view, const StoredTensor*> by_name;
  for (const StoredTensor& t : file.tensors) by_name.emplace(t.name, &t);
  std::size_t i = 0;
  net.visit([&](const NamedTensor& t) {
    const ListedTensor& listed = list[i++];
    if (listed.classifier && head == Head::keep_mine) {
      // Not used, but a file that was damaged anywhere is not to be built upon.
      const auto unused = by_name.find(listed.key);
      if (unused != by_name.end() && !unused->second->checksum.empty()) unused->second->bytes();
      return;
    }
    *t.value = Tensor();  // its storage takes the file's values next, so that no third copy is ever held
    *t.value = from_torch_layout(by_name.at(listed.key)->to_float(), t.layout);
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
  write_semantics(net.semantics, file.metadata);
  write_trained_on(net.trained_on, file.metadata);
  return file;
}

bool is_vitrine_file(const TensorFile& file) {
  const auto format = file.metadata.find("format");
  return format != file.metadata.end() && format->second == "vitrine.1";
}

EfficientNet from_vitrine_file(const TensorFile& file, const std::string& file_name) {
  const std::string& arch = required_metadata(file.metadata, "vitrine.arch", file_name);
  const auto& known = architecture_names();
  if (std::find(known.begin(), known.end(), arch) == known.end()) {
    throw WeightsError(
        text(file_name, ": the metadata 'vitrine.arch' is '", printable(arch), "', which this version does not know"));
  }
  const std::string& classes_text = required_metadata(file.metadata, "vitrine.classes", file_name);
  std::int64_t classes = 0;
  if (!parse_number(classes_text, classes) || classes < 1 || classes > 1'000'000) {
    throw WeightsError(
        text(file_name, ": the metadata 'vitrine.classes' is '", printable(classes_text), "', 1 to 1000000 is expected"));
  }
  const Architecture a = architecture(arch);
  const Semantics semantics = read_semantics(file.metadata, a, file_name);
  check_fit(file, Family::timm, a, classes, semantics.channels, Head::as_in_file, file_name);
  EfficientNet net(a, semantics, classes);
  load_tensors(net, file, Family::timm, Head::as_in_file, file_name);
  net.trained_on = read_trained_on(file.metadata, classes, file_name);
  return net;
}

EfficientNet load_efficientnet(const TensorFile& file, const std::string& arch, const std::string& from,
                               const SemanticsOverrides& overrides, const std::string& file_name) {
  if (is_vitrine_file(file)) {
    EfficientNet net = from_vitrine_file(file, file_name);
    if (!arch.empty() && arch != net.arch.name) {
      throw WeightsError(text(file_name, ": it holds a ", net.arch.name, ", --arch says ", arch, "; leave --arch out"));
    }
    net.set_semantics(with(overrides, net.semantics));
    return net;
  }
  if (!arch.empty()) architecture(arch);  // a typing error is told before anything about the file
  const Family family = resolve_family(file, from, file_name);
  const std::string name = arch.empty() ? architecture_of(file, family) : arch;
  if (name.empty()) {
    const std::string best = best_matching_architecture(file, family);
    if (best.empty())
      throw WeightsError(text(file_name, ": none of its tensors has a name and shape of ", family_name(family)));
    refuse_differences(differences(file,
                                   tensor_list(family, architecture(best), std::max<std::int64_t>(1, classes_of(file, family)),
                                               channels_of(file, family)),
                                   Head::as_in_file),
                       file, family, best, file_name);
  }
  const Architecture a = architecture(name);
  const std::int64_t classes = classes_of(file, family);
  Semantics semantics = with(overrides, published_semantics(family, a));
  semantics.channels = channels_of(file, family);
  check_fit(file, family, a, classes > 0 ? classes : 1000, semantics.channels, Head::as_in_file, file_name);
  EfficientNet net(a, semantics, classes > 0 ? classes : 1000);
  load_tensors(net, file, family, Head::as_in_file, file_name);
  return net;
}

}  // namespace vitrine
