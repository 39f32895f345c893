#include "weights/torch_tensors.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "weights/checked.h"
#include "weights/tensor_name.h"

namespace vitrine {
namespace {

// Views may share storages, so tensors can need more bytes than the file has; a hostile file must not make that a bomb.
constexpr std::uint64_t kViewsToFile = 2;    // bytes of all tensors, in files
constexpr std::uint64_t kReadingToFile = 4;  // bytes between first and last elements of all tensors, in files
constexpr std::uint64_t kAlwaysAllowedBytes = std::uint64_t{1} << 20;
constexpr std::size_t kMaxTensors = 65'536;
constexpr int kMaxDepth = 3;           // keys on the way from the top to the dict
constexpr std::size_t kKeyBytes = 40;  // of each key on the way, for messages and for the choice

// What the last part of a parameter's or a buffer's name is.
bool names_a_tensor(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') == name.npos ? 0 : name.rfind('.') + 1);
  return last == "weight" || last == "bias" || last == "running_mean" || last == "running_var";
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) { return (hash ^ value) * 0x9e3779b97f4a7c15u ^ hash >> 29; }

struct View {
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes, strides;  // in elements
};

bool contiguous(const View& view) {
  std::int64_t run = 1;
  for (std::size_t axis = view.sizes.size(); axis-- > 0;) {
    if (view.sizes[axis] != 1 && view.strides[axis] != run) return false;
    run *= view.sizes[axis];
  }
  return true;
}

// The dicts of a pickle in which tensors lie under text keys, found level by level, so that a dict that holds itself ends the search.
class DictSearch {
 public:
  explicit DictSearch(const Pickle& pickle) : pickle_(pickle) {}

  void search() {
    visit({pickle_.root, 0, kNoKey, 0});
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Node node = nodes_[i];
      const PickleValue& value = pickle_[node.value];
      const bool is_dict = value.kind == PickleKind::dict;
      if (is_dict) take_tensors(i, value);
      if (node.depth == kMaxDepth) continue;
      for (std::size_t k = is_dict ? 1 : 0; k < value.items.size(); k += is_dict ? 2 : 1)
        visit({value.items[k], static_cast<std::uint32_t>(i), is_dict ? value.items[k - 1] : kNoKey, node.depth + 1});
    }
  }

  std::vector<TensorDict> dicts;
  std::vector<PickleId> values;  // of the dicts

 private:
  static constexpr PickleId kNoKey = ~PickleId{0};
  struct Node {
    PickleId value = 0;
    std::uint32_t parent = 0;
    PickleId key = kNoKey;  // in the parent, when that is a dict
    int depth = 0;
  };

  // A dict that lies under a second key is looked at once more, but not what lies in it.
  void visit(Node node) {
    constexpr int kMostAgain = 16;
    const PickleKind kind = pickle_[node.value].kind;
    if (kind != PickleKind::dict && kind != PickleKind::list && kind != PickleKind::tuple) return;
    if (!seen_.insert(node.value).second) {
      if (kind != PickleKind::dict || again_ == kMostAgain) return;
      ++again_;
      node.depth = kMaxDepth;
    }
    nodes_.push_back(node);
  }

  std::string key_of(std::size_t node) const {
    std::string key;
    for (; nodes_[node].depth > 0; node = nodes_[node].parent) {
      const PickleId id = nodes_[node].key;
      const bool text_key = id != kNoKey && pickle_[id].kind == PickleKind::text;
      const std::string part(text_key ? pickle_[id].text.substr(0, kKeyBytes) : "?");
      key = key.empty() ? part : part + "." + key;
    }
    return key;
  }

  void take_tensors(std::size_t node, const PickleValue& dict) {
    std::vector<TensorMention> tensors;
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue &key = pickle_[dict.items[i]], &value = pickle_[dict.items[i + 1]];
      if (key.kind != PickleKind::text) continue;
      if (value.kind == PickleKind::tensor) {
        tensors.push_back(mention(key.text, value));
      } else if (value.kind == PickleKind::opaque && names_a_tensor(key.text)) {
        tensors.push_back({key.text, 0, dict.items[i + 1]});
      }
    }
    if (tensors.empty()) return;
    dicts.push_back({key_of(node), std::move(tensors)});
    values.push_back(nodes_[node].value);
  }

  TensorMention mention(std::string_view name, const PickleValue& tensor) const {
    std::uint64_t shape = 1, place = mixed(std::hash<std::string_view>()(pickle_[tensor.items[0]].text),
                                           static_cast<std::uint64_t>(tensor.integer));
    for (const PickleId id : pickle_[tensor.items[1]].items)
      shape = mixed(shape, static_cast<std::uint64_t>(pickle_[id].integer));
    for (const PickleId id : pickle_[tensor.items[2]].items)
      place = mixed(place, static_cast<std::uint64_t>(pickle_[id].integer));
    return {name, shape, place};
  }

  const Pickle& pickle_;
  std::vector<Node> nodes_;
  std::unordered_set<PickleId> seen_;
  int again_ = 0;
};

class NetworkReader {
 public:
  NetworkReader(const Pickle& pickle, const TorchStorages& storages, const ByteSource& source, std::string_view file)
      : pickle_(pickle),
        storages_(storages),
        source_(source),
        bytes_left_(kAlwaysAllowedBytes + kViewsToFile * source.size()),
        reading_left_(kAlwaysAllowedBytes + kReadingToFile * source.size()),
        file_(file) {}

  TensorFile read(WeightSet wanted) {
    DictSearch search(pickle_);
    search.search();
    if (search.dicts.empty()) refuse_without_tensors();
    const NetworkChoice choice = choose_network(search.dicts, wanted, file_);
    const PickleValue& dict = pickle_[search.values[choice.dict]];
    search.dicts.clear();
    std::vector<std::string> left_out, entries;
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2)
      take(dict.items[i], dict.items[i + 1], choice, left_out, entries);
    note_choice(choice, left_out, entries, out_);
    note_skipped();
    return std::move(out_);
  }

 private:
  std::string shown_key(const PickleValue& key) const { return key.kind == PickleKind::text ? printable(key.text) : "?"; }

  [[noreturn]] void refuse_without_tensors() const {
    const PickleValue& root = pickle_[pickle_.root];
    constexpr const char* kNext = "save model.state_dict() with torch.save";
    if (root.kind == PickleKind::opaque)
      throw WeightsError(text(file_, ": it holds an object of the class '", pickle_.class_name(root),
                              "', not a dict of tensors; nothing was executed; ", kNext));
    if (root.kind != PickleKind::dict) throw WeightsError(text(file_, ": it holds no dict of tensors; ", kNext));
    std::string keys;
    for (std::size_t i = 0; i + 1 < root.items.size() && keys.size() < 120; i += 2) {
      const PickleValue& value = pickle_[root.items[i + 1]];
      keys += text(i > 0 ? ", " : "", printable(shown_key(pickle_[root.items[i]]), 40),
                   value.kind == PickleKind::opaque ? text(" of the class ", pickle_.class_name(value)) : std::string());
    }
    throw WeightsError(text(file_, ": it holds no state dict (top-level keys: ", keys.empty() ? "none" : one_line(keys, 140),
                            "); nothing was executed; ", kNext));
  }

  void take(PickleId key_id, PickleId value_id, const NetworkChoice& choice, std::vector<std::string>& left_out,
            std::vector<std::string>& entries) {
    const PickleValue &key = pickle_[key_id], &value = pickle_[value_id];
    const bool by_name = value.kind == PickleKind::opaque && key.kind == PickleKind::text && names_a_tensor(key.text);
    if (value.kind != PickleKind::tensor && !by_name) {
      entries.push_back(shown_key(key));
      return;
    }
    if (key.kind != PickleKind::text)
      throw WeightsError(text(file_, ": a tensor of the state dict has a key that is not a text"));
    if (!choice.holds(key.text)) {
      if (!choice.of_another(key.text)) left_out.push_back(shown_key(key));
      return;
    }
    if (const auto flaw = tensor_name_flaw(key.text); !flaw.empty())
      throw WeightsError(text(file_, ": the tensor name '", printable(key.text), "' ", flaw));
    if (!names_.insert(key.text).second)
      throw WeightsError(text(file_, ": the tensor '", printable(key.text), "' is there twice"));
    if (out_.tensors.size() == kMaxTensors)
      throw WeightsError(text(file_, ": it holds more than ", kMaxTensors, " tensors; save model.state_dict() alone"));
    if (by_name) refuse_unreadable(key.text, text("it is made by '", pickle_.class_name(value), "'"));
    out_.tensors.push_back(tensor(std::string(key.text.substr(choice.prefix.size())), value));
  }

  [[noreturn]] void refuse_unreadable(std::string_view name, const std::string& why) const {
    throw WeightsError(text(file_, ": the tensor '", printable(name), "' cannot be read: ", why,
                            "; nothing was executed; save it as a plain float tensor"));
  }

  std::vector<std::int64_t> integers(PickleId tuple) const {
    std::vector<std::int64_t> out;
    for (const PickleId id : pickle_[tuple].items) out.push_back(pickle_[id].integer);
    return out;
  }

  StoredTensor tensor(std::string name, const PickleValue& value) {
    const auto refuse = [&](const std::string& flaw) {
      throw WeightsError(text(file_, ": the tensor '", printable(name), "' is refused: ", flaw));
    };
    const PickleValue& mentioned = pickle_[value.items[0]];
    const TorchStorage& storage = storages_.find(mentioned.text)->second;
    if (!storage.readable) refuse_unreadable(name, "its numbers are complex, quantised or of an unknown type");
    const View view{value.integer, integers(value.items[1]), integers(value.items[2])};
    if (view.sizes.size() != view.strides.size())
      refuse(text("it has ", view.sizes.size(), " sizes and ", view.strides.size(), " strides"));
    const std::size_t item = dtype_bytes(storage.type);
    std::uint64_t bytes = 0;
    if (!byte_count(view.sizes, item, bytes)) refuse("its shape has a negative size or more bytes than 64 bits can count");
    std::int64_t last = view.offset;
    bool fits = view.offset >= 0;
    for (std::size_t axis = 0; axis < view.sizes.size(); ++axis) {
      std::int64_t step = 0;
      fits = fits && view.strides[axis] >= 0 && !__builtin_mul_overflow(view.sizes[axis] - 1, view.strides[axis], &step) &&
             !__builtin_add_overflow(last, step, &last);
    }
    if (!fits || (bytes > 0 && last >= storage.count)) {
      refuse(text("offset ", view.offset, ", shape ", Shape(view.sizes).text(),
                  " and its strides reach outside its storage of ", storage.count, " elements"));
    }
    const std::uint64_t extent = bytes == 0 ? 0 : static_cast<std::uint64_t>(last - view.offset + 1) * item;
    if (bytes > bytes_left_ || extent > reading_left_) refuse("the tensors so far need far more bytes than the file has");
    bytes_left_ -= bytes;
    reading_left_ -= extent;
    StoredTensor stored{
        .name = std::move(name), .type = storage.type, .shape = Shape(view.sizes), .source = source_, .strides = {}};
    stored.offset = bytes == 0 ? 0 : storage.offset + static_cast<std::uint64_t>(view.offset) * item;
    if (bytes > 0 && !contiguous(view)) stored.strides = view.strides;
    return stored;
  }

  // The classes of objects that were passed over.
  void note_skipped() {
    constexpr std::size_t kListed = 20;
    std::set<std::string> names;
    for (const PickleValue& value : pickle_.values) {
      if (value.kind == PickleKind::opaque) names.insert(pickle_.class_name(value));
      if (names.size() > kListed) names.erase(std::prev(names.end()));
    }
    std::string& all = out_.metadata["skipped"];
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    if (all.empty()) out_.metadata.erase("skipped");
  }

  const Pickle& pickle_;
  const TorchStorages& storages_;
  const ByteSource& source_;
  std::uint64_t bytes_left_, reading_left_;
  std::string_view file_;
  std::unordered_set<std::string_view> names_;
  TensorFile out_;
};

}  // namespace

std::string TorchStorage::element_name() const {
  return readable ? std::string(dtype_name(type)) : text(static_cast<int>(item_bytes), " bytes");
}

TorchStorages declared_storages(const Pickle& pickle, std::uint64_t file_bytes, std::string_view file_name) {
  TorchStorages storages;
  for (const PickleValue& value : pickle.values) {
    if (value.kind != PickleKind::storage) continue;
    const TorchStorage declared{value.type, value.item_bytes, value.readable, value.integer, 0};
    const auto [at, fresh] = storages.try_emplace(std::string(value.text), declared);
    if (!fresh && (at->second.type != declared.type || at->second.item_bytes != declared.item_bytes ||
                   at->second.readable != declared.readable || at->second.count != declared.count)) {
      throw WeightsError(
          text(file_name, ": the storage ", value.text, " is declared twice, with another type or element count"));
    }
    std::uint64_t bytes = 0;
    if (!byte_count(std::array{value.integer}, value.item_bytes, bytes) || bytes > file_bytes) {
      throw WeightsError(text(file_name, ": the storage ", value.text, " is declared with ", value.integer, " elements of ",
                              declared.element_name(), ", the whole file has ", file_bytes, " bytes; it was probably cut off"));
    }
  }
  return storages;
}

TensorFile network_of(const Pickle& pickle, const TorchStorages& storages, const ByteSource& source, WeightSet wanted,
                      std::string_view file_name) {
  return NetworkReader(pickle, storages, source, file_name).read(wanted);
}

}  // namespace vitrine
