#include "weights/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/number.h"
#include "weights/header_text.h"
#include "weights/tensor_name.h"

namespace vitrine {
namespace {

constexpr std::size_t kMaxTensors = 65'536;
constexpr std::size_t kMaxNameBytes = 512;
constexpr std::size_t kMaxMetadataBytes = std::size_t{16} << 20;
constexpr std::string_view kMetadata = "__metadata__";
constexpr std::array<std::string_view, 3> kFields{"dtype", "shape", "data_offsets"};

// The grammar is fixed: an object of objects, each either the metadata or a tensor of three fields.
class HeaderReader {
 public:
  HeaderReader(HeaderText& in, std::string_view file) : in_(in), file_(file) {}

  SafetensorsHeader read() {
    if (in_.peek() != '{') unexpected_top();
    each_key([&](const std::string& name) {
      if (name == kMetadata) {
        read_metadata();
      } else {
        read_tensor(name);
      }
    });
    if (in_.peek() != 0) in_.malformed();
    refuse_duplicates();
    return std::move(header_);
  }

 private:
  // An object: visit(key) reads the value.
  template <class Visit>
  void each_key(const Visit& visit) {
    in_.expect('{');
    if (in_.take_if('}')) return;
    std::string key;
    do {
      if (in_.peek() != '"') in_.malformed();
      if (!in_.string(key, kMaxNameBytes)) refuse_at(key, "its name is longer than 512 bytes");
      in_.expect(':');
      visit(key);
    } while (in_.take_if(','));
    in_.expect('}');
  }

  [[noreturn]] void refuse_at(std::string_view name, const std::string& flaw) const {
    throw WeightsError(text(file_, ": the header entry of the tensor '", printable(name), "' is refused: ", flaw));
  }
  [[noreturn]] void refuse(const std::string& flaw) const { refuse_at(header_.entries.back().name, flaw); }
  [[noreturn]] void refuse_metadata(const std::string& flaw) const {
    throw WeightsError(text(file_, ": the header entry of ", kMetadata, " is refused: ", flaw));
  }
  [[noreturn]] void unexpected_top() const {
    throw WeightsError(text(file_, ": the header has ", in_.described(), " where an object is expected"));
  }

  void expect_object(std::string_view key) {
    if (in_.peek() != '{')
      throw WeightsError(
          text(file_, ": the header has ", in_.described(), " at '", printable(key), "' where an object is expected"));
  }

  void read_metadata() {
    if (has_metadata_) throw WeightsError(text(file_, ": the header has the duplicate key '", kMetadata, "'"));
    has_metadata_ = true;
    expect_object(kMetadata);
    std::size_t bytes = 0;
    std::string value;
    each_key([&](const std::string& key) {
      if (in_.peek() != '"') refuse_metadata(text("'", printable(key), "' is ", in_.described(), ", a string is expected"));
      if (!in_.string(value, kMaxMetadataBytes - std::min(bytes, kMaxMetadataBytes)) ||
          (bytes += key.size() + value.size()) > kMaxMetadataBytes)
        refuse_metadata(text("it holds more than ", kMaxMetadataBytes, " bytes"));
      if (header_.metadata.size() == kMaxTensors) refuse_metadata(text("more than ", kMaxTensors, " keys"));
      if (!header_.metadata.emplace(key, value).second) refuse_metadata(text("the key '", printable(key), "' is a duplicate"));
    });
  }

  void read_tensor(const std::string& name) {
    if (header_.entries.size() == kMaxTensors)
      throw WeightsError(text(file_, ": the header lists more than ", kMaxTensors, " tensors"));
    if (const std::string_view flaw = tensor_name_flaw(name); !flaw.empty()) refuse_at(name, text("its name ", flaw));
    expect_object(name);
    header_.entries.emplace_back().name = name;
    std::array<bool, kFields.size()> seen{};
    each_key([&](const std::string& key) {
      const auto field = static_cast<std::size_t>(std::ranges::find(kFields, key) - kFields.begin());
      if (field == kFields.size()) refuse(text("its field '", printable(key), "' is not one of dtype, shape, data_offsets"));
      if (seen[field]) refuse(text("the key '", key, "' is a duplicate"));
      seen[field] = true;
      read_field(key);
    });
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      if (!seen[i]) refuse(text("its ", kFields[i], " is missing"));
    }
  }

  void read_field(const std::string& field) {
    SafetensorsEntry& e = header_.entries.back();
    if (field == "dtype") {
      read_type();
    } else if (field == "shape") {
      const auto add = [&](std::uint64_t value) {
        if (e.rank == Shape::kMaxRank) refuse(text("its shape has more than ", Shape::kMaxRank, " axes"));
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
          refuse(text("its shape has the size ", value));
        e.sizes[e.rank++] = static_cast<std::int64_t>(value);
      };
      each_number(field, add);
    } else {
      int count = 0;
      each_number(field, [&](std::uint64_t value) {
        if (count == 2) refuse("its data_offsets have more than two numbers");
        (count++ == 0 ? e.begin : e.end) = value;
      });
      if (count != 2) refuse(text("its data_offsets have ", count, " numbers, two are needed"));
    }
  }

  void read_type() {
    if (in_.peek() != '"') refuse(text("its dtype has ", in_.described(), ", a string is expected"));
    std::string name;
    const bool whole = in_.string(name, 16);
    const auto type = whole ? dtype_from_name(name) : std::nullopt;
    if (!type)
      refuse(text("its dtype '", printable(name, 16), "' is not supported, one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL is"));
    header_.entries.back().type = *type;
  }

  template <class Visit>
  void each_number(const std::string& field, const Visit& visit) {
    const auto refuse_value = [&] {
      refuse(text("its ", field, " has ", in_.described(), ", a list of non-negative integers is expected"));
    };
    if (in_.peek() != '[') refuse_value();
    in_.expect('[');
    if (in_.take_if(']')) return;
    do {
      const char first = in_.peek();
      if (first != '-' && (first < '0' || first > '9')) refuse_value();
      const std::string digits = in_.number();
      std::uint64_t value = 0;
      if (!parse_number(digits, value))
        refuse(text("its ", field, " has the number ", printable(digits), ", a list of non-negative integers is expected"));
      visit(value);
    } while (in_.take_if(','));
    in_.expect(']');
  }

  // By sorting, so that no second copy of the names is held.
  void refuse_duplicates() const {
    const auto& all = header_.entries;
    std::vector<std::uint32_t> order(all.size());
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    std::ranges::sort(order, {}, [&](std::uint32_t i) -> std::string_view { return all[i].name; });
    const auto same = [&](std::uint32_t a, std::uint32_t b) { return all[a].name == all[b].name; };
    if (const auto twice = std::ranges::adjacent_find(order, same); twice != order.end())
      throw WeightsError(text(file_, ": the header has the duplicate key '", printable(all[*twice].name), "'"));
  }

  HeaderText& in_;
  std::string_view file_;
  SafetensorsHeader header_;
  bool has_metadata_ = false;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(const ByteSource& source, std::uint64_t begin, std::uint64_t end,
                                           std::string_view file_name) {
  HeaderText in(source, begin, end, file_name);
  return HeaderReader(in, file_name).read();
}

}  // namespace vitrine
