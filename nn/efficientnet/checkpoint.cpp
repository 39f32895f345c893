#include "nn/efficientnet/checkpoint.h"
#include "base/version.h"

#include <algorithm>
#include <unordered_map>

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

}  // namespace

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
  file.metadata["format"] = kOwnFormat;
  file.metadata["vitrine.version"] = std::string(version());
  file.metadata["vitrine.arch"] = net.arch.name;
  if (net.arch.concat_pool) file.metadata[kHeadKey] = kConcatPool;
  file.metadata["vitrine.classes"] = std::to_string(net.classes);
  write_semantics(net.semantics, file.metadata);
  write_trained_on(net.trained_on, file.metadata);
  return file;
}

EfficientNet load_efficientnet(const TensorFile& file, const CheckpointFacts& facts, const std::string& file_name) {
  EfficientNet net(facts.architecture, facts.semantics, facts.classes);
  load_tensors(net, file, facts.family, Head::as_in_file, file_name);
  net.trained_on = facts.trained_on;
  return net;
}

EfficientNet load_efficientnet(const TensorFile& file, const std::string& arch, const std::string& from,
                               const SemanticsOverrides& overrides, const std::string& file_name) {
  return load_efficientnet(file, checkpoint_facts(file, {arch, from, overrides}, file_name), file_name);
}

}  // namespace vitrine
