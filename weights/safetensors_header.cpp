#include "weights/safetensors_header.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "weights/tensor_name.h"

namespace vitrine {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxTensors = 65'536;
constexpr std::size_t kMaxMetadataBytes = std::size_t{16} << 20;
constexpr std::string_view kMetadata = "__metadata__";

// Receives the header event by event. The grammar is fixed, so `level_` and the field that is open say all about the state:
// level 0 outside, 1 among the tensor names, 2 among the fields of one tensor (or the metadata), 3 inside a list of numbers.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(std::string_view file, SafetensorsHeader& header) : file_(file), header_(header) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return unexpected(text("the number ", value)); }
  bool number_float(number_float_t, const string_t& digits) override { return unexpected(text("the number ", digits)); }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (level_ != 3) return unexpected(text("the number ", value));
    if (field_ == "shape") {
      if (entry().shape.size() == Shape::kMaxRank) refuse(text("its shape has more than ", Shape::kMaxRank, " axes"));
      if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
        refuse(text("its shape has the size ", value));
      entry().shape.push_back(static_cast<std::int64_t>(value));
    } else {
      if (offsets_ == 2) refuse("its data_offsets have more than two numbers");
      (offsets_ == 0 ? entry().begin : entry().end) = value;
      ++offsets_;
    }
    return true;
  }

  bool string(string_t& value) override {
    if (level_ == 2 && in_metadata_) return metadata_value(value);
    if (level_ != 2 || field_ != "dtype") return unexpected("a string");
    const auto type = dtype_from_name(value);
    if (!type)
      refuse(text("its dtype '", value.substr(0, 16), "' is not supported, one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL is"));
    entry().type = *type;
    return true;
  }

  bool start_object(std::size_t) override {
    if (level_ >= 2) return unexpected("an object");
    if (level_ == 1) fields_.clear();
    ++level_;
    return true;
  }

  bool end_object() override {
    if (level_ == 2 && !in_metadata_) {
      for (const std::string_view field : {"dtype", "shape", "data_offsets"}) {
        if (!fields_.contains(std::string(field))) refuse(text("its ", field, " is missing"));
      }
    }
    in_metadata_ = false;
    --level_;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != 2 || in_metadata_ || (field_ != "shape" && field_ != "data_offsets")) return unexpected("a list");
    offsets_ = 0;
    level_ = 3;
    return true;
  }

  bool end_array() override {
    if (field_ == "data_offsets" && offsets_ != 2) refuse(text("its data_offsets have ", offsets_, " numbers, two are needed"));
    level_ = 2;
    return true;
  }

  bool key(string_t& name) override {
    if (level_ == 1) {
      open_tensor(name);
    } else if (!fields_.insert(name).second) {
      refuse(text("the key '", printable(name), "' is a duplicate"));
    } else if (!in_metadata_ && name != "dtype" && name != "shape" && name != "data_offsets") {
      refuse(text("its field '", printable(name), "' is not one of dtype, shape, data_offsets"));
    } else if (in_metadata_ && header_.metadata.size() == kMaxTensors) {
      refuse(text("more than ", kMaxTensors, " keys"));
    }
    field_ = name;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    // The header starts at byte 8 and the parser counts from 1.
    throw WeightsError(
        text(file_, ": the header is not valid JSON at byte ", position + 7, "; the file is damaged, fetch it again"));
  }

 private:
  SafetensorsEntry& entry() { return header_.entries.back(); }

  [[noreturn]] void refuse(const std::string& flaw) const {
    const std::string where =
        in_metadata_ || tensor_.empty() ? std::string(kMetadata) : text("the tensor '", printable(tensor_), "'");
    throw WeightsError(text(file_, ": the header entry of ", where, " is refused: ", flaw));
  }

  bool unexpected(const std::string& what) const {
    if (level_ < 2)
      throw WeightsError(text(file_, ": the header has ", what, level_ == 0 ? "" : text(" at '", printable(tensor_), "'"),
                              " where an object is expected"));
    if (in_metadata_) refuse(text("'", printable(field_), "' is ", what, ", a string is expected"));
    refuse(text("its ", printable(field_), " has ", what,
                field_ == "dtype" ? ", a string" : ", a list of non-negative integers", " is expected"));
  }

  void open_tensor(const std::string& name) {
    in_metadata_ = name == kMetadata;
    if (!names_.insert(name).second)
      throw WeightsError(text(file_, ": the header has the duplicate key '", printable(name), "'"));
    tensor_ = name;
    if (in_metadata_) return;
    if (header_.entries.size() == kMaxTensors)
      throw WeightsError(text(file_, ": the header lists more than ", kMaxTensors, " tensors"));
    if (const std::string_view flaw = tensor_name_flaw(name); !flaw.empty()) refuse(text("its name ", flaw));
    header_.entries.push_back({.name = name, .type = DType::f32, .shape = {}, .begin = 0, .end = 0});
  }

  bool metadata_value(const std::string& value) {
    metadata_bytes_ += field_.size() + value.size();
    if (metadata_bytes_ > kMaxMetadataBytes) refuse(text("it holds more than ", kMaxMetadataBytes, " bytes"));
    header_.metadata.emplace(field_, value);
    return true;
  }

  std::string_view file_;
  SafetensorsHeader& header_;
  int level_ = 0;
  int offsets_ = 0;
  bool in_metadata_ = false;
  std::size_t metadata_bytes_ = 0;
  std::string tensor_, field_;
  std::set<std::string> names_, fields_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::string_view file_name) {
  SafetensorsHeader header;
  HeaderReader reader(file_name, header);
  Json::sax_parse(json.begin(), json.end(), &reader);
  return header;
}

}  // namespace vitrine
