#include "weights/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/output.h"
#include "weights/checked.h"
#include "weights/checksum.h"
#include "weights/file_kind.h"
#include "weights/safetensors_header.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference reader's limit
constexpr std::uint64_t kWindow = std::uint64_t{64} << 10;
constexpr std::size_t kAlignment = 64;

// Where the header ends, its padding left out; checks everything about it that can be checked before it is parsed.
std::uint64_t header_end(const ByteSource& source, std::string_view file) {
  const auto kind = [&] {
    const std::string head = source.head(512);
    const std::string_view other = other_kind_of_file(head);
    return other.empty() ? std::string("; it is not a safetensors file, or it is damaged") : text("; it looks like ", other);
  };
  if (source.size() < 8) {
    throw WeightsError(text(file, ": it has ", source.size(), " bytes, a safetensors file has at least 10", kind()));
  }
  const auto length = load_little_endian<std::uint64_t>(source.read(0, 8).data());
  if (length < 2 || length > kMaxHeaderBytes) {
    throw WeightsError(
        text(file, ": bytes 0 to 7 announce a header of ", length, " bytes, 2 to ", kMaxHeaderBytes, " are allowed", kind()));
  }
  if (length > source.size() - 8) {
    throw WeightsError(text(file, ": bytes 0 to 7 announce a header of ", length, " bytes, the file has only ",
                            source.size() - 8, " after them", kind()));
  }
  const std::string first = source.read(8, 1);
  if (first != "{") {
    throw WeightsError(text(file, ": byte 8 has the value ", static_cast<int>(static_cast<unsigned char>(first.front())),
                            ", a header starts with '{'", kind()));
  }
  std::uint64_t end = 8 + length;
  std::string window;
  while (end > 8) {
    window = source.read(end - std::min(kWindow, end - 8), std::min(kWindow, end - 8));
    const std::size_t last = window.find_last_not_of(' ');
    end -= window.size() - (last == std::string::npos ? 0 : last + 1);
    if (last != std::string::npos) {
      if (window[last] == '}') return end;
      break;
    }
  }
  throw WeightsError(text(file, ": the header ends at byte ", end - 1, " without '}'; the file is damaged, fetch it again"));
}

// The entries in file order: contiguous from 0 to `data_bytes`, each as long as its dtype and shape say.
void check_layout(std::vector<SafetensorsEntry>& entries, std::uint64_t data_bytes, std::string_view file) {
  std::ranges::stable_sort(entries, {}, [](const SafetensorsEntry& e) { return std::pair(e.begin, e.end); });
  std::uint64_t expected_begin = 0;
  for (const SafetensorsEntry& e : entries) {
    const auto refuse = [&](const std::string& flaw) {
      throw WeightsError(text(file, ": the tensor '", printable(e.name), "' is refused: ", flaw));
    };
    if (e.begin > e.end) refuse(text("its data begin at ", e.begin, " and end before that, at ", e.end));
    if (e.begin != expected_begin) {
      refuse(text("its data begin at ", e.begin, ", ", e.begin < expected_begin ? "inside" : "not right behind",
                  " the tensor before it, which ends at ", expected_begin));
    }
    std::uint64_t bytes = 0;
    if (!byte_count(e.shape(), dtype_bytes(e.type), bytes)) refuse("its shape has more bytes than 64 bits can count");
    if (bytes != e.end - e.begin) {
      refuse(text("its data have ", e.end - e.begin, " bytes, ", dtype_name(e.type), " ", Shape(e.shape()).text(), " needs ",
                  bytes));
    }
    if (e.end > data_bytes) {
      refuse(text("its data end at ", e.end, ", the file has only ", data_bytes,
                  " bytes of data; it was probably cut off, fetch it again"));
    }
    expected_begin = e.end;
  }
  if (expected_begin != data_bytes) {
    throw WeightsError(text(file, ": the tensors end at byte ", expected_begin, " of the data, the file has ", data_bytes,
                            "; nothing may follow the last tensor"));
  }
}

constexpr std::size_t kChecksumDigits = 24;

// Of everything in the header but the checksums themselves.
std::string header_checksum(const TensorFile& file) {
  Checksum all;
  for (const auto& [key, value] : file.metadata) {
    if (key == kChecksums) continue;
    all.update(text(key.size(), ' ', key, ' ', value.size(), ' '));
    all.update(value);
    all.update("\n");
  }
  for (const StoredTensor& t : file.tensors)
    all.update(text(t.name.size(), ' ', t.name, ' ', dtype_name(t.type), ' ', t.shape.text(), '\n'));
  return all.hex();
}

[[noreturn]] void refuse_header(std::string_view name) {
  throw WeightsError(text(name,
                          ": its header was changed or damaged since it was written: its checksum is another one; restore it, "
                          "or drop the metadata 'vitrine.checksums' if that was meant"));
}

// The seal under a name that was damaged: as many digits as this file's checksums have.
bool looks_like_checksums(std::string_view value, std::size_t digits) {
  return value.size() == digits && value.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Gives each tensor its checksum; that of the header comes first.
void take_checksums(TensorFile& file, std::string_view name) {
  const std::size_t digits = kChecksumDigits * (file.tensors.size() + 1);
  const auto found = file.metadata.find(kChecksums);
  if (found == file.metadata.end()) {
    for (const auto& [key, value] : file.metadata) {
      if (looks_like_checksums(value, digits)) refuse_header(name);
    }
    return;
  }
  const std::string_view all = found->second;
  if (all.size() != digits || all.substr(0, kChecksumDigits) != header_checksum(file)) refuse_header(name);
  for (std::size_t i = 0; i < file.tensors.size(); ++i)
    file.tensors[i].checksum = all.substr(kChecksumDigits * (i + 1), kChecksumDigits);
}

std::string json_string(std::string_view s) {
  try {
    return nlohmann::json(s).dump();
  } catch (const nlohmann::json::exception&) {
    throw WeightsError("a tensor name or metadata text to be written is not valid UTF-8");
  }
}

std::string header_of(const TensorFile& file) {
  std::string header = "{";
  const auto separate = [&] {
    if (header.size() > 1) header += ',';
  };
  if (!file.metadata.empty()) {
    header += "\"__metadata__\":{";
    bool first = true;
    for (const auto& [key, value] : file.metadata) {
      header += text(first ? "" : ",", json_string(key), ':', json_string(value));
      first = false;
    }
    header += '}';
  }
  std::set<std::string_view> names{"__metadata__"};
  std::uint64_t begin = 0;
  for (const StoredTensor& t : file.tensors) {
    if (!names.insert(t.name).second)
      throw WeightsError(text("two tensors to be written are called '", printable(t.name), "'"));
    const std::uint64_t bytes = t.size_in_bytes();
    separate();
    header += text(json_string(t.name), ":{\"dtype\":\"", dtype_name(t.type), "\",\"shape\":[");
    for (int axis = 0; axis < t.shape.rank(); ++axis) header += text(axis > 0 ? "," : "", t.shape[axis]);
    header += text("],\"data_offsets\":[", begin, ',', begin + bytes, "]}");
    begin += bytes;
  }
  header += '}';
  // Spaces up to a multiple of 64, so that the data are aligned for a reader that maps the file.
  header.resize((8 + header.size() + kAlignment - 1) / kAlignment * kAlignment - 8, ' ');
  return header;
}

}  // namespace

TensorFile parse_safetensors(const ByteSource& source, std::string_view file_name) {
  SafetensorsHeader parsed = parse_safetensors_header(source, 8, header_end(source, file_name), file_name);
  const std::uint64_t data = 8 + load_little_endian<std::uint64_t>(source.read(0, 8).data());
  check_layout(parsed.entries, source.size() - data, file_name);
  TensorFile file;
  file.metadata = std::move(parsed.metadata);
  file.tensors.reserve(parsed.entries.size());
  for (SafetensorsEntry& e : parsed.entries) {
    file.tensors.push_back({.name = std::move(e.name),
                            .type = e.type,
                            .shape = Shape(e.shape()),
                            .source = source,
                            .offset = data + e.begin,
                            .strides = {}});
  }
  take_checksums(file, file_name);
  return file;
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(ByteSource::file(path), shown(path));
}

bool is_sealed(const TensorFile& file) { return file.metadata.contains(kChecksums); }

namespace {

// The length and the header, as they begin the file.
std::string head_of(const TensorFile& file) {
  const std::string header = header_of(file);
  std::string out;
  for (int shift = 0; shift < 64; shift += 8)
    out += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> shift & 0xff);
  return out + header;
}

std::uint64_t data_bytes(const TensorFile& file) {
  std::uint64_t total = 0;
  for (const StoredTensor& t : file.tensors) total += t.size_in_bytes();
  return total;
}

}  // namespace

std::string safetensors_bytes(const TensorFile& file) {
  std::string out = head_of(file);
  out.reserve(out.size() + static_cast<std::size_t>(data_bytes(file)));
  for (const StoredTensor& t : file.tensors) out += t.bytes();
  return out;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  const std::string head = head_of(file);
  OutputFile out(path, head.size() + data_bytes(file));
  out.write(head);
  for (const StoredTensor& t : file.tensors) out.write(t.bytes());
  out.commit();
}

TensorFile sealed(TensorFile file) {
  std::string all = header_checksum(file);
  for (const StoredTensor& t : file.tensors) all += checksum(t.bytes());
  file.metadata[kChecksums] = std::move(all);
  return file;
}

void write_sealed_safetensors(const std::filesystem::path& path, TensorFile file) {
  write_safetensors(path, sealed(std::move(file)));
}

}  // namespace vitrine
