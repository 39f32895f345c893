#include "weights/tensorflow_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "base/error.h"
#include "weights/checked.h"
#include "weights/crc32.h"
#include "weights/tensorflow_index.h"

namespace vitrine {
namespace {

constexpr std::string_view kAverage = "/ExponentialMovingAverage";
constexpr std::array<std::string_view, 6> kSlots{"/RMSProp", "/RMSProp_1", "/Momentum", "/Adam", "/Adam_1", "/Adagrad"};

std::optional<DType> dtype_of(int type) {  // tensorflow/core/framework/types.proto
  switch (type) {
    case 1: return DType::f32;
    case 2: return DType::f64;
    case 3: return DType::i32;
    case 4: return DType::u8;
    case 5: return DType::i16;
    case 6: return DType::i8;
    case 9: return DType::i64;
    case 10: return DType::boolean;
    case 14: return DType::bf16;
    case 19: return DType::f16;
    default: return std::nullopt;
  }
}

// The variable's name without the average's suffix; empty for the slot of an optimiser.
std::string weight_name(std::string_view name) {
  for (const std::string_view slot : kSlots) {
    if (name.ends_with(slot)) return {};
  }
  if (name.ends_with(kAverage)) name.remove_suffix(kAverage.size());
  return std::string(name);
}

// The axes in PyTorch's order: shape and strides of a view on the same bytes.
void to_torch_order(StoredTensor& t) {
  const Shape s = t.shape;
  if (t.name.ends_with("/depthwise_kernel") && s.rank() == 4) {
    const std::int64_t columns = s[1], channels = s[2] * s[3];
    t.shape = {channels, 1, s[0], s[1]};
    t.strides = {1, 1, columns * channels, channels};
  } else if (t.name.ends_with("/kernel") && s.rank() == 4) {
    t.shape = {s[3], s[2], s[0], s[1]};
    t.strides = {1, s[3], s[1] * s[2] * s[3], s[2] * s[3]};
  } else if (t.name.ends_with("/kernel") && s.rank() == 2) {
    t.shape = {s[1], s[0]};
    t.strides = {1, s[1]};
  }
}

class BundleReader {
 public:
  explicit BundleReader(const std::filesystem::path& index) : path_(index) {
    std::string prefix = index.string();
    if (prefix.ends_with(".index")) prefix.resize(prefix.size() - 6);
    prefix_ = prefix;
  }

  TensorFile read() {
    const TensorflowIndex index = parse_tensorflow_index(ByteSource::file(path_), shown(path_));
    std::set<std::string> averaged;
    for (const TensorflowEntry& e : index.entries) {
      if (e.name.ends_with(kAverage)) averaged.insert(weight_name(e.name));
    }
    TensorFile file;
    std::string left_out;
    std::vector<Span> spans;
    for (const TensorflowEntry& e : index.entries) {
      const std::string name = weight_name(e.name);
      const std::optional<DType> type = dtype_of(e.type);
      if (name.empty() || !type) {
        if (left_out.size() < 1000) left_out += (left_out.empty() ? "" : ", ") + printable(e.name);
      } else if (e.name.ends_with(kAverage) || !averaged.contains(name)) {
        file.tensors.push_back(tensor(e, name, *type, index.shards));
        spans.push_back({e.shard, e.offset, e.size, &e});
      }
    }
    check_spans(spans);
    for (std::size_t i = 0; i < spans.size(); ++i) check_crc(file.tensors[i], *spans[i].entry);
    for (StoredTensor& t : file.tensors) to_torch_order(t);
    if (!left_out.empty()) file.metadata["left_out"] = left_out;
    if (!averaged.empty()) {
      file.metadata["averages"] = std::to_string(averaged.size());
      file.remarks.push_back(text("the moving averages of ", averaged.size(), " variables were read in their place"));
    }
    return file;
  }

 private:
  struct Span {
    std::int64_t shard = 0, offset = 0, size = 0;
    const TensorflowEntry* entry = nullptr;
  };

  [[noreturn]] void refuse(const TensorflowEntry& e, const std::string& flaw) const {
    throw WeightsError(text(path_, ": the variable '", printable(e.name), "' is refused: ", flaw));
  }

  // Each byte of a shard belongs to one variable, and each shard is a file of its own: so much work, and no more.
  void check_spans(std::vector<Span> spans) const {
    std::ranges::sort(spans, {}, [](const Span& s) { return std::tuple(s.shard, s.offset, s.size); });
    const Span* before = nullptr;  // the last one that has bytes
    for (const Span& s : spans) {
      if (s.size == 0) continue;
      if (before != nullptr && s.shard == before->shard && s.offset < before->offset + before->size)
        refuse(*s.entry, text("its bytes overlap those of '", printable(before->entry->name, 40), "'"));
      before = &s;
    }
  }

  const ByteSource& shard(std::int64_t number, std::int64_t shards) {
    const auto found = shards_.find(number);
    if (found != shards_.end()) return found->second;
    char suffix[64];
    std::snprintf(suffix, sizeof suffix, ".data-%05d-of-%05d", static_cast<int>(number), static_cast<int>(shards));
    const std::filesystem::path file = prefix_ + suffix;
    const ByteSource source = ByteSource::file(file);
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0 && !files_.emplace(info.st_dev, info.st_ino).second)
      throw WeightsError(text(path_, ": two of its shards are one file, ", file));
    return shards_.emplace(number, source).first->second;
  }

  StoredTensor tensor(const TensorflowEntry& e, const std::string& name, DType type, std::int64_t shards) {
    std::uint64_t bytes = 0;
    if (!byte_count(e.shape, dtype_bytes(type), bytes) || bytes != static_cast<std::uint64_t>(e.size))
      refuse(e, text("it has ", e.size, " bytes, its type and shape ", Shape(e.shape).text(), " need another number"));
    if (e.shard >= shards) refuse(e, text("it lies in shard ", e.shard, " of ", shards));
    StoredTensor t{.name = name, .type = type, .shape = Shape(e.shape), .source = shard(e.shard, shards), .strides = {}};
    t.offset = static_cast<std::uint64_t>(e.offset);
    if (t.offset > t.source.size() || bytes > t.source.size() - t.offset)
      refuse(e, text("its data end at ", t.offset + bytes, ", the shard has only ", t.source.size(),
                     " bytes; it was probably cut off"));
    return t;
  }

  void check_crc(const StoredTensor& t, const TensorflowEntry& e) const {
    if (masked_crc32c(crc_of(t.source, t.offset, t.size_in_bytes())) != e.crc)
      refuse(e, "its CRC-32C is wrong; the shard is damaged, fetch it again");
  }

  static std::uint32_t crc_of(const ByteSource& source, std::uint64_t offset, std::uint64_t bytes) {
    constexpr std::uint64_t kPiece = 256u << 10;
    std::uint32_t crc = 0;
    for (std::uint64_t at = 0; at < bytes; at += kPiece)
      crc = crc32c(source.read(offset + at, std::min(kPiece, bytes - at)), crc);
    return crc;
  }

  std::filesystem::path path_;
  std::string prefix_;
  std::map<std::int64_t, ByteSource> shards_;
  std::set<std::pair<dev_t, ino_t>> files_;  // of the shards
};

}  // namespace

TensorFile read_tensorflow(const std::filesystem::path& index) { return BundleReader(index).read(); }

}  // namespace vitrine
