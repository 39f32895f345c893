#include "nn/efficientnet/tensor_list.h"

#include <unordered_set>

#include "base/error.h"
#include "nn/efficientnet/concat_head.h"

namespace vitrine {
namespace {

std::vector<BlockNames> block_names(const Architecture& a) {
  std::vector<BlockNames> names;
  for (const BlockSpec& b : a.blocks) names.push_back({b.stage, b.repeat, b.expands(), b.squeeze > 0});
  return names;
}

// Shapes in the order of key_table: convolution, then the four vectors of its norm.
std::vector<Shape> shapes_of(const Architecture& a, std::int64_t classes, std::int64_t channels) {
  std::vector<Shape> shapes;
  const auto unit = [&](const Shape& weight) {
    shapes.push_back(weight);
    for (int i = 0; i < 4; ++i) shapes.push_back({weight[0]});
  };
  unit({a.stem, channels, 3, 3});
  for (const BlockSpec& b : a.blocks) {
    if (b.expands()) unit({b.middle, b.in, 1, 1});
    unit({b.middle, 1, b.kernel, b.kernel});
    if (b.squeeze > 0) {
      for (const Shape& s :
           {Shape{b.squeeze, b.middle, 1, 1}, Shape{b.squeeze}, Shape{b.middle, b.squeeze, 1, 1}, Shape{b.middle}})
        shapes.push_back(s);
    }
    unit({b.out, b.middle, 1, 1});
  }
  unit({a.head, a.blocks.back().out, 1, 1});
  if (a.concat_pool) {
    for (int i = 0; i < 8; ++i) shapes.push_back({a.head});
    shapes.push_back({ConcatHead::kHidden, a.head});
    shapes.push_back({ConcatHead::kHidden, a.head});
    for (int i = 0; i < 5; ++i) shapes.push_back({ConcatHead::kHidden});
  }
  shapes.push_back({classes, a.concat_pool ? ConcatHead::kHidden : a.head});
  shapes.push_back({classes});
  return shapes;
}

// The concat head's names, which stand before the classifier's two.
void add_concat_head(std::vector<KeyPair>& keys) {
  std::vector<KeyPair> head;
  const auto norm = [&](const std::string& name) {
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) head.push_back({name + part, name + part});
  };
  norm("classifier.bn_max");
  norm("classifier.bn_mean");
  for (const char* name : {"classifier.hidden_max.weight", "classifier.hidden_mean.weight", "classifier.hidden.bias"})
    head.push_back({name, name});
  norm("classifier.bn_hidden");
  keys.insert(keys.end() - 2, head.begin(), head.end());
}

}  // namespace

bool is_counter(std::string_view name) { return name.ends_with(".num_batches_tracked"); }

std::vector<ListedTensor> tensor_list(Family family, const Architecture& architecture, std::int64_t classes,
                                      std::int64_t channels) {
  std::vector<KeyPair> keys = key_table(family, block_names(architecture));
  const std::size_t backbone = keys.size() - 2;
  if (architecture.concat_pool) add_concat_head(keys);
  const std::vector<Shape> shapes = shapes_of(architecture, classes, channels);
  if (keys.size() != shapes.size())
    throw InternalError("the key table and the shapes of an EfficientNet have different lengths");
  std::vector<ListedTensor> list;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    list.push_back({keys[i].vitrine, keys[i].file, shapes[i], i >= backbone});
  }
  return list;
}

std::vector<std::string> differences(const TensorFile& file, const std::vector<ListedTensor>& list, Head head) {
  const auto index = index_of(file);
  std::vector<std::string> phrases;
  std::unordered_set<std::string_view> known;
  for (const ListedTensor& t : list) {
    known.insert(t.key);
    if (t.classifier && head == Head::keep_mine) continue;
    const auto found = index.find(t.key);
    if (found == index.end()) {
      phrases.push_back(text("'", t.key, "' ", t.shape.text(), " is missing"));
    } else if (!(found->second->shape == t.shape)) {
      phrases.push_back(text("'", t.key, "' has shape ", found->second->shape.text(), ", expected ", t.shape.text()));
    } else if (!is_floating(found->second->type)) {
      phrases.push_back(text("'", t.key, "' holds ", dtype_name(found->second->type), ", a floating type is expected"));
    }
  }
  for (const StoredTensor& t : file.tensors) {
    if (!known.contains(t.name) && !is_counter(t.name)) {
      phrases.push_back(text("'", printable(t.name, 60), "' ", t.shape.text(), " is not expected"));
    }
  }
  return phrases;
}

}  // namespace vitrine
