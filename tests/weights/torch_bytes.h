// Builds PyTorch checkpoints byte by byte, right or wrong in exactly one place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weights/crc32.h"

namespace vitrine::testing {

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

// Pickle opcodes.
inline std::string op(const std::string& opcode) { return opcode; }
inline std::string unicode(const std::string& s) { return "X" + little_endian(s.size(), 4) + s; }
inline std::string integer(std::int64_t value) { return "\x8a\x08" + little_endian(static_cast<std::uint64_t>(value), 8); }
inline std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
inline std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const std::string& item : items) out += item;
  return out + "t";
}
inline std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (const std::int64_t value : values) items.push_back(integer(value));
  return tuple(items);
}
inline std::string program(const std::string& body) { return "\x80\x02" + body + "."; }

struct TensorText {
  std::string key = "0";
  std::string storage = "FloatStorage";
  std::int64_t count = 6;
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes{2, 3}, strides{3, 1};
  bool legacy = false;
};

inline std::string storage_text(const TensorText& t) {
  std::vector<std::string> id{unicode("storage"), global("torch", t.storage), unicode(t.key), unicode("cpu"), integer(t.count)};
  if (t.legacy) id.push_back("N");
  return tuple(id) + "Q";
}

inline std::string tensor_text(const TensorText& t) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple({storage_text(t), integer(t.offset), integers(t.sizes), integers(t.strides), "\x89",
                global("collections", "OrderedDict") + ")R"}) +
         "R";
}

// A dict of one tensor named `w`.
inline std::string dict_text(const TensorText& t) { return "}" + unicode("w") + tensor_text(t) + "s"; }

// A zip entry whose every header field can be falsified.
struct ZipText {
  std::string name, bytes;
  std::uint16_t local_flags = 0, flags = 0, local_method = 0, method = 0;
  std::string local_name{};      // empty: the same as `name`
  std::uint32_t crc_error = 0;   // added to the CRC-32 of both headers
  std::uint32_t size_error = 0;  // added to the sizes of the central record
  std::uint32_t attributes = 0;
  std::int64_t moved_to = -1;               // the offset that the central record claims
  std::string local_extra{}, extra{};       // extra fields
  bool large_local = false, large = false;  // the sizes of 32 bits say that others follow in a zip64 field
};

// A zip64 extra field with these numbers.
inline std::string zip64_field(const std::vector<std::uint64_t>& numbers) {
  std::string out = little_endian(1, 2) + little_endian(8 * numbers.size(), 2);
  for (const std::uint64_t number : numbers) out += little_endian(number, 8);
  return out;
}

inline std::string zip_bytes(const std::vector<ZipText>& entries, const std::string& prefix = "",
                             const std::string& comment = "") {
  std::string out = prefix, directory;
  for (const ZipText& e : entries) {
    const std::size_t at = out.size();
    const std::uint32_t crc = crc32(e.bytes) + e.crc_error;
    const std::string& local_name = e.local_name.empty() ? e.name : e.local_name;
    out += "PK\x03\x04" + little_endian(20, 2) + little_endian(e.local_flags, 2) + little_endian(e.local_method, 2) +
           little_endian(0, 4);
    const std::uint64_t local_size = e.large_local ? 0xffffffff : e.bytes.size();
    const std::uint64_t size = e.large ? 0xffffffff : e.bytes.size() + e.size_error;
    out += little_endian(crc, 4) + little_endian(local_size, 4) + little_endian(local_size, 4);
    out += little_endian(local_name.size(), 2) + little_endian(e.local_extra.size(), 2) + local_name + e.local_extra + e.bytes;
    directory +=
        "PK\x01\x02" + little_endian(20, 2) + little_endian(20, 2) + little_endian(e.flags, 2) + little_endian(e.method, 2);
    directory += little_endian(0, 4) + little_endian(crc, 4);
    directory += little_endian(size, 4) + little_endian(size, 4);
    directory += little_endian(e.name.size(), 2) + little_endian(e.extra.size(), 2) + little_endian(0, 6);
    directory += little_endian(e.attributes, 4);
    directory += little_endian(e.moved_to >= 0 ? static_cast<std::uint64_t>(e.moved_to) : at, 4) + e.name + e.extra;
  }
  const std::size_t start = out.size();
  out += directory + "PK\x05\x06" + little_endian(0, 4) + little_endian(entries.size(), 2) + little_endian(entries.size(), 2);
  return out + little_endian(directory.size(), 4) + little_endian(start, 4) + little_endian(comment.size(), 2) + comment;
}

inline std::string floats(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    const float value = static_cast<float>(i);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return out;
}

inline std::vector<ZipText> zip_entries(const std::string& pickle, const std::string& data = floats(6)) {
  return {{.name = "x/data.pkl", .bytes = pickle}, {.name = "x/version", .bytes = "3\n"}, {.name = "x/data/0", .bytes = data}};
}

inline std::string zip_file(const std::string& body, const std::string& data = floats(6)) {
  return zip_bytes(zip_entries(program(body), data));
}

inline std::string legacy_head(bool little = true) {
  return std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15) + "\x80\x02M\xe9\x03." +
         program("}" + unicode("little_endian") + (little ? "\x88" : "\x89") + "s");
}

inline std::string legacy_file(const std::string& body, const std::string& keys = "]" + unicode("0") + "a",
                               std::uint64_t count = 6, const std::string& data = floats(6)) {
  return legacy_head() + program(body) + program(keys) + little_endian(count, 8) + data;
}

}  // namespace vitrine::testing
