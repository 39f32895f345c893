#include "imaging/formats/text_header.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/sha256.h"
#include "imaging/formats/header_check.h"

namespace vitrine::imaging {
namespace {

template <class T>
std::vector<T> parsed(std::string_view value, std::size_t count, const std::string& name, const std::string& file) {
  std::vector<T> out;
  for (const std::string_view word : words_of(value)) {
    T number{};
    if (!parse_number(word, number) || !std::isfinite(static_cast<double>(number)))
      refuse_header(file, "field ", name, " holds '", printable(word), "', expected ", count,
                    " numbers; the header is damaged");
    out.push_back(number);
  }
  if (out.size() != count)
    refuse_header(file, "field ", name, " holds ", out.size(), " numbers, expected ", count, "; the header is damaged");
  return out;
}

}  // namespace

std::string beginning_of(const std::filesystem::path& path) {
  const InputFile file = as<DataError>([&] { return InputFile(path, kMaxVolumeFileBytes); });
  std::string head(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), kMaxTextHeader)), '\0');
  as<DataError>([&] { file.read(0, std::span<char>(head)); });
  return head;
}

std::optional<std::string_view> next_line(std::string_view text, std::size_t& at, bool may_end) {
  if (at >= text.size()) return std::nullopt;
  const std::size_t end = text.find('\n', at);
  if (end == text.npos && !may_end) return std::nullopt;
  std::string_view line = text.substr(at, end == text.npos ? text.npos : end - at);
  at = end == text.npos ? text.size() : end + 1;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(" \t"); at != text.npos; at = text.find_first_not_of(" \t", at)) {
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

void TextFields::add(std::string name, std::string_view value) {
  if (!values_.emplace(name, value).second)
    refuse_header(file_, "field ", printable(name), " is there twice, expected once; the header is damaged");
}

const std::string* TextFields::find(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

const std::string& TextFields::need(const std::string& name) const {
  const std::string* value = find(name);
  if (value == nullptr) refuse_header(file_, "lacks the field ", name, "; the header is damaged, export the image again");
  return *value;
}

std::vector<double> TextFields::numbers(const std::string& name, std::size_t count) const {
  return parsed<double>(need(name), count, name, file_);
}

std::vector<std::int64_t> TextFields::integers(const std::string& name, std::size_t count) const {
  return parsed<std::int64_t>(need(name), count, name, file_);
}

std::filesystem::path voxel_file(const std::filesystem::path& header, const std::string& name, const std::string& field) {
  const std::filesystem::path relative(name);
  const bool escapes = std::any_of(relative.begin(), relative.end(), [](const auto& part) { return part == ".."; });
  if (name.empty() || name.find('\0') != name.npos || relative.is_absolute() || escapes) {
    throw DataError(text(header, ": field ", field, " names '", printable(name),
                         "', expected a file beside the header; put both into one folder and write the name alone"));
  }
  return header.parent_path() / relative;
}

void read_voxels_at(const VoxelPlace& place, const VoxelEncoding& encoding, const std::filesystem::path& header,
                    const ClaimCheck& check, VolumeFile& result) {
  const Geometry& geometry = result.volume.geometry;
  const std::uint64_t wanted = static_cast<std::uint64_t>(geometry.voxels()) * encoding.voxel_bytes();
  std::uint64_t offset = place.offset;
  if (place.at_end) {
    const std::uint64_t size = as<DataError>([&] { return InputFile(place.path, kMaxVolumeFileBytes).size(); });
    if (size < offset + wanted) refuse_byte_count(place.path, encoding, geometry, "fewer");
    offset = size - wanted;
  }
  InflatingFile file(place.path, kMaxVolumeFileBytes, offset, place.compression);
  if (file.most_bytes() < wanted) refuse_byte_count(place.path, encoding, geometry, "fewer");
  if (check) check({geometry, static_cast<double>(wanted) / static_cast<double>(file.file_bytes())});
  if (!skip_bytes(file, place.skip)) refuse_byte_count(place.path, encoding, geometry, "fewer");
  result.volume.data = read_voxels(file, encoding, geometry, place.path, result.notes);
  result.sha256 = file.sha256();
  if (place.detached) {
    const std::string own = as<DataError>([&] { return sha256_of_file(header, kMaxVolumeFileBytes); });
    result.sha256 = sha256(own + "\n" + result.sha256 + "\n");
  }
}

}  // namespace vitrine::imaging
