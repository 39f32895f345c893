#include "weights/torch_tensors.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/error.h"
#include "weights/checked.h"
#include "weights/tensor_name.h"

namespace vitrine {
namespace {

// Views may share storages, so tensors can need more bytes than the file has; a hostile file must not make that a bomb.
constexpr std::uint64_t kMaxGrowth = 16;
constexpr std::uint64_t kAlwaysAllowedBytes = std::uint64_t{64} << 20;

struct View {
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes, strides;  // in elements
};

std::vector<std::int64_t> integers(const Pickle& pickle, PickleId tuple) {
  std::vector<std::int64_t> out;
  for (const PickleId id : pickle[tuple].items) out.push_back(pickle[id].integer);
  return out;
}

bool contiguous(const View& view) {
  std::int64_t run = 1;
  for (std::size_t axis = view.sizes.size(); axis-- > 0;) {
    if (view.sizes[axis] != 1 && view.strides[axis] != run) return false;
    run *= view.sizes[axis];
  }
  return true;
}

class StateDict {
 public:
  StateDict(const Pickle& pickle, const TorchStorages& storages, const ByteSource& source, std::string_view file)
      : pickle_(pickle),
        storages_(storages),
        source_(source),
        limit_(std::max(kAlwaysAllowedBytes, kMaxGrowth * source.size())),
        file_(file) {}

  TensorFile read() {
    const PickleValue& dict = unwrap();
    std::set<std::string> names;
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      const PickleValue& key = pickle_[dict.items[i]];
      const PickleValue& value = pickle_[dict.items[i + 1]];
      if (value.kind != PickleKind::tensor) {
        leave_out(key);
        continue;
      }
      if (key.kind != PickleKind::text)
        throw WeightsError(text(file_, ": a tensor of the state dict has a key that is not a text"));
      if (const auto flaw = tensor_name_flaw(key.text); !flaw.empty()) {
        throw WeightsError(text(file_, ": the tensor name '", printable(key.text), "' ", flaw));
      }
      if (!names.insert(key.text).second) throw WeightsError(text(file_, ": the tensor '", key.text, "' is there twice"));
      out_.tensors.push_back(tensor(key.text, value));
    }
    strip_module();
    return std::move(out_);
  }

 private:
  bool has_tensors(const PickleValue& dict) const {
    for (std::size_t i = 1; i < dict.items.size(); i += 2) {
      if (pickle_[dict.items[i]].kind == PickleKind::tensor) return true;
    }
    return false;
  }

  const PickleValue& unwrap() {
    const PickleValue& root = pickle_[pickle_.root];
    if (root.kind != PickleKind::dict)
      throw WeightsError(text(file_, ": it holds no dict of tensors; save model.state_dict() with torch.save"));
    const PickleValue* chosen = nullptr;
    for (const std::string_view key : {"state_dict", "model", "state_dict_ema"}) {
      const PickleValue* inner = pickle_.find(root, key);
      if (inner == nullptr || inner->kind != PickleKind::dict || !has_tensors(*inner)) continue;
      std::string& note = out_.metadata["unwrapped"];
      note = chosen == nullptr ? std::string(key) : text(note, " (", key, " is there too and was not read)");
      if (chosen == nullptr) chosen = inner;
    }
    if (chosen != nullptr) return *chosen;
    if (has_tensors(root)) return root;
    std::string keys;
    for (std::size_t i = 0; i < root.items.size() && i < 20; i += 2) {
      const PickleValue& key = pickle_[root.items[i]];
      keys += (i > 0 ? ", " : "") + (key.kind == PickleKind::text ? printable(key.text) : "?");
    }
    throw WeightsError(text(file_, ": it holds no state dict (top-level keys: ", keys.empty() ? "none" : keys,
                            "); a dict of tensors is expected at the top or under state_dict, model or state_dict_ema"));
  }

  void leave_out(const PickleValue& key) {
    std::string& note = out_.metadata["left_out"];
    if (note.size() < 1000) note += (note.empty() ? "" : ", ") + (key.kind == PickleKind::text ? printable(key.text) : "?");
  }

  StoredTensor tensor(const std::string& name, const PickleValue& value) {
    const auto refuse = [&](const std::string& flaw) {
      throw WeightsError(text(file_, ": the tensor '", name, "' is refused: ", flaw));
    };
    const TorchStorage& storage = storages_.find(pickle_[value.items[0]].text)->second;
    const View view{value.integer, integers(pickle_, value.items[1]), integers(pickle_, value.items[2])};
    if (view.sizes.size() != view.strides.size()) {
      refuse(text("it has ", view.sizes.size(), " sizes and ", view.strides.size(), " strides"));
    }
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
    if (bytes > limit_ - used_) refuse(text("the tensors need more than ", limit_, " bytes, far more than the file has"));
    used_ += bytes;
    StoredTensor stored{.name = name, .type = storage.type, .shape = Shape(view.sizes), .source = source_, .strides = {}};
    stored.offset = bytes == 0 ? 0 : storage.offset + static_cast<std::uint64_t>(view.offset) * item;
    if (bytes > 0 && !contiguous(view)) stored.strides = view.strides;
    return stored;
  }

  void strip_module() {
    constexpr std::string_view kPrefix = "module.";
    const bool all = std::ranges::all_of(
        out_.tensors, [&](const StoredTensor& t) { return t.name.starts_with(kPrefix) && t.name.size() > kPrefix.size(); });
    if (!all) return;
    for (StoredTensor& t : out_.tensors) t.name.erase(0, kPrefix.size());
    out_.metadata["stripped"] = kPrefix;
  }

  const Pickle& pickle_;
  const TorchStorages& storages_;
  const ByteSource& source_;
  std::uint64_t limit_, used_ = 0;
  std::string_view file_;
  TensorFile out_;
};

}  // namespace

TorchStorages declared_storages(const Pickle& pickle, std::uint64_t file_bytes, std::string_view file_name) {
  TorchStorages storages;
  for (const PickleValue& value : pickle.values) {
    if (value.kind != PickleKind::storage) continue;
    const auto [at, fresh] = storages.try_emplace(value.text, TorchStorage{value.type, value.integer, 0});
    if (!fresh && (at->second.type != value.type || at->second.count != value.integer)) {
      throw WeightsError(
          text(file_name, ": the storage ", value.text, " is declared twice, with another type or element count"));
    }
    std::uint64_t bytes = 0;
    if (!byte_count(std::array{value.integer}, dtype_bytes(value.type), bytes) || bytes > file_bytes) {
      throw WeightsError(text(file_name, ": the storage ", value.text, " is declared with ", value.integer, " elements of ",
                              dtype_name(value.type), ", the whole file has ", file_bytes, " bytes; it was probably cut off"));
    }
  }
  return storages;
}

TensorFile state_dict_of(const Pickle& pickle, const TorchStorages& storages, const ByteSource& source,
                         std::string_view file_name) {
  return StateDict(pickle, storages, source, file_name).read();
}

}  // namespace vitrine
