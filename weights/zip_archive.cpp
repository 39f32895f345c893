#include "weights/zip_archive.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "weights/checked.h"
#include "weights/crc32.h"
#include "weights/tensor_name.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxEntries = 65'536;
constexpr std::uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50, kDescriptor = 0x08074b50;
constexpr std::uint16_t kHasDescriptor = 1u << 3, kUtf8Name = 1u << 11, kZip64Field = 1;
constexpr std::uint32_t kInZip64 = 0xffffffff;               // a size or place that only the zip64 field holds
constexpr std::size_t kCentralBytes = 46, kLocalBytes = 30;  // without names and extra fields

struct Directory {
  std::uint64_t entries = 0, offset = 0, size = 0;
};

struct Central {
  std::string name;
  std::uint16_t flags = 0;
  std::uint32_t crc = 0;
  std::uint64_t size = 0, header = 0;
  std::uint64_t data = 0, end = 0;  // of its bytes, by the local header; behind its descriptor
};

// The fields of a record that was read whole.
class Record {
 public:
  explicit Record(std::string bytes) : bytes_(std::move(bytes)) {}
  std::size_t size() const { return bytes_.size(); }
  std::uint16_t u16(std::size_t at) const { return load_little_endian<std::uint16_t>(bytes_.data() + at); }
  std::uint32_t u32(std::size_t at) const { return load_little_endian<std::uint32_t>(bytes_.data() + at); }
  std::uint64_t u64(std::size_t at) const { return load_little_endian<std::uint64_t>(bytes_.data() + at); }
  std::string_view bytes(std::size_t at, std::size_t count) const { return std::string_view(bytes_).substr(at, count); }

 private:
  std::string bytes_;
};

class ZipReader {
 public:
  ZipReader(const ByteSource& archive, std::string_view file) : archive_(archive), file_(file) {}

  // All headers first, then the spans, and only then the bytes: the work on checksums cannot exceed the archive.
  std::vector<ZipEntry> read() {
    const Directory directory = find_directory();
    std::vector<Central> records;
    records.reserve(static_cast<std::size_t>(directory.entries));
    std::uint64_t at = directory.offset;
    for (std::uint64_t i = 0; i < directory.entries; ++i) {
      records.push_back(read_central(at, directory.offset + directory.size));
      read_local(records.back(), directory.offset);
    }
    if (at != directory.offset + directory.size) refuse(at, "the central directory has more bytes than its entries");
    check_names(records, directory.offset);
    check_spans(records);
    std::vector<ZipEntry> entries;
    entries.reserve(records.size());
    for (Central& c : records) {
      check_crc(c);
      entries.push_back({std::move(c.name), c.data, c.size});
    }
    return entries;
  }

 private:
  [[noreturn]] void refuse(std::uint64_t at, const std::string& flaw) const {
    throw WeightsError(text(file_, ": zip archive refused at byte ", at, ": ", flaw));
  }

  // `bytes` bytes at `at` must lie inside the archive.
  void check_inside(std::uint64_t at, std::uint64_t bytes) const {
    if (at > archive_.size() || bytes > archive_.size() - at) {
      refuse(at, text(bytes, " more bytes are expected, the file has ", archive_.size(),
                      "; it was probably cut off, fetch it again"));
    }
  }
  std::string data(std::uint64_t at, std::uint64_t bytes) const {
    check_inside(at, bytes);
    return archive_.read(at, bytes);
  }
  template <class T>
  T number(std::uint64_t at) const {
    std::array<char, sizeof(T)> bytes{};
    check_inside(at, bytes.size());
    archive_.read(at, bytes);
    return load_little_endian<T>(bytes.data());
  }
  std::uint16_t u16(std::uint64_t at) const { return number<std::uint16_t>(at); }
  std::uint32_t u32(std::uint64_t at) const { return number<std::uint32_t>(at); }
  std::uint64_t u64(std::uint64_t at) const { return number<std::uint64_t>(at); }

  Directory find_directory() const {
    if (archive_.size() < 22 || u32(archive_.size() - 22) != kEnd) {
      refuse(
          archive_.size(),
          "the file does not end with the end record of a zip archive; it was cut off, or it has a comment or bytes behind it");
    }
    const std::uint64_t end = archive_.size() - 22;
    if (u16(end + 4) != 0 || u16(end + 6) != 0) refuse(end + 4, "the archive spans several disks");
    if (u16(end + 8) != u16(end + 10)) refuse(end + 8, "the two entry counts differ");
    if (u16(end + 20) != 0) refuse(end + 20, "the end record announces a comment");
    Directory directory{u16(end + 10), u32(end + 16), u32(end + 12)};
    std::uint64_t behind = end;
    if (end >= 20 && u32(end - 20) == kEnd64Locator) {
      const Directory large = read_end64(end - 20);
      const auto agrees = [](std::uint64_t small, std::uint64_t unset, std::uint64_t exact) {
        return small == unset || small == exact;
      };
      if (!agrees(directory.entries, 0xffff, large.entries) || !agrees(directory.offset, 0xffffffff, large.offset) ||
          !agrees(directory.size, 0xffffffff, large.size)) {
        refuse(end, "the end record and the zip64 end record disagree");
      }
      directory = large;
      behind = end - 20 - 56;
    }
    if (directory.entries > kMaxEntries)
      refuse(end, text("it has ", directory.entries, " entries, at most ", kMaxEntries, " are allowed"));
    if (directory.offset > behind || directory.size != behind - directory.offset) {
      refuse(end, text("the central directory (", directory.size, " bytes at ", directory.offset,
                       ") does not end where the end record begins"));
    }
    if (directory.entries > directory.size / 46)
      refuse(end, text("the central directory is too small for ", directory.entries, " entries"));
    return directory;
  }

  Directory read_end64(std::uint64_t locator) const {
    if (u32(locator + 4) != 0 || u32(locator + 16) != 1) refuse(locator, "the archive spans several disks");
    const std::uint64_t at = u64(locator + 8);
    if (locator < 56 || at != locator - 56) refuse(locator, "the zip64 end record is not right before its locator");
    if (u32(at) != kEnd64 || u64(at + 4) != 44) refuse(at, "the zip64 end record is malformed");
    if (u32(at + 16) != 0 || u32(at + 20) != 0) refuse(at, "the archive spans several disks");
    if (u64(at + 24) != u64(at + 32)) refuse(at, "the two entry counts of the zip64 end record differ");
    return {u64(at + 32), u64(at + 48), u64(at + 40)};
  }

  void check_name(std::uint64_t at, std::string_view name) const {
    const std::string_view flaw = tensor_name_flaw(name);
    if (!flaw.empty()) refuse(at, text("an entry's name ", flaw));
    const bool climbs = name == ".." || name.starts_with("../") || name.ends_with("/..") || name.find("/../") != name.npos;
    if (climbs || name.front() == '/' || name.find('\\') != name.npos || (name.size() > 1 && name[1] == ':')) {
      refuse(at, text("the entry name '", printable(name), "' leaves the archive"));
    }
  }

  void check_names(const std::vector<Central>& records, std::uint64_t directory) const {
    std::vector<std::string_view> names;
    for (const Central& c : records) names.push_back(c.name);
    std::ranges::sort(names);
    if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
      refuse(directory, text("two entries are called '", printable(*twice), "'"));
  }

  // The values of the zip64 field (id 1) among the extra fields of a header: eight bytes each, `most` at most; none without one.
  std::vector<std::uint64_t> zip64_values(const Record& r, std::size_t begin, std::size_t end, std::uint64_t at,
                                          std::size_t most) const {
    std::vector<std::uint64_t> values;
    bool found = false;
    for (std::size_t i = begin; i + 4 <= end;) {
      const std::size_t size = r.u16(i + 2), data = i + 4;
      if (size > end - data) refuse(at, "an extra field is longer than the room for it");
      if (r.u16(i) == kZip64Field) {
        if (found || size % 8 != 0 || size / 8 > most) refuse(at, "its zip64 field is malformed or there twice");
        found = true;
        for (std::size_t k = 0; k < size; k += 8) values.push_back(r.u64(data + k));
      }
      i = data + size;
    }
    return values;
  }

  // The record at `at`, which moves behind it.
  Central read_central(std::uint64_t& at, std::uint64_t end) const {
    if (end - at < kCentralBytes || u32(at) != kCentralHeader) refuse(at, "a central directory record is expected here");
    Record r(data(at, kCentralBytes));
    const std::size_t name_bytes = r.u16(28), extra_bytes = r.u16(30);
    const std::uint64_t bytes = kCentralBytes + name_bytes + extra_bytes + r.u16(32);
    if (bytes > end - at) refuse(at, "a central directory record is longer than the directory");
    r = Record(data(at, kCentralBytes + name_bytes + extra_bytes));
    Central c{.name = std::string(r.bytes(kCentralBytes, name_bytes)), .flags = r.u16(8), .crc = r.u32(16)};
    check_name(at + kCentralBytes, c.name);
    const auto refuse_entry = [&](std::size_t field, const auto&... what) {
      refuse(at + field, text("the entry '", printable(c.name), "' ", what...));
    };
    if ((c.flags & 1u) != 0) refuse_entry(8, "is encrypted");
    if ((c.flags & ~(kHasDescriptor | kUtf8Name)) != 0)
      refuse_entry(8, "has the flags ", c.flags, ", only 8 and 2048 are allowed");
    if (r.u16(10) != 0)
      refuse_entry(
          10, "is compressed (method ", r.u16(10),
          "), torch.save stores them; TorchScript, which compresses, is not read: save model.state_dict() with torch.save");
    const std::vector<std::uint64_t> large =
        zip64_values(r, kCentralBytes + name_bytes, kCentralBytes + name_bytes + extra_bytes, at, 3);
    std::size_t used = 0;  // the zip64 field holds those alone that do not fit, in this order
    const auto exact = [&](std::size_t field) -> std::uint64_t {
      if (r.u32(field) != kInZip64) return r.u32(field);
      if (used == large.size()) refuse_entry(field, "has a size or place of 4 GiB and no zip64 field that says which");
      return large[used++];
    };
    c.size = exact(24);
    const std::uint64_t stored = exact(20);
    c.header = exact(42);
    if (used != large.size()) refuse_entry(30, "has a zip64 field with more numbers than it needs");
    if (stored != c.size) refuse_entry(20, "has two sizes, ", stored, " and ", c.size);
    if (r.u16(34) != 0) refuse(at + 34, "the archive spans several disks");
    if ((r.u32(38) >> 28) == 0xa) refuse_entry(38, "is a symbolic link");
    at += bytes;
    return c;
  }

  // Where the bytes of an entry begin and where it ends, after its local header was compared with the central record.
  void read_local(Central& c, std::uint64_t directory) const {
    const std::uint64_t at = c.header;
    const auto differs = [&](std::uint64_t where, const char* what) {
      refuse(where, text("the local header of '", printable(c.name), "' has another ", what, " than the central directory"));
    };
    check_inside(at, kLocalBytes);
    Record r(data(at, std::min(kLocalBytes + c.name.size(), archive_.size() - at)));
    if (r.u32(0) != kLocalHeader) refuse(at, text("the local header of '", printable(c.name), "' is expected here"));
    if (r.u16(6) != c.flags) differs(at + 6, "set of flags");
    if (r.u16(8) != 0) differs(at + 8, "compression method");
    if (r.u16(26) != c.name.size() || r.bytes(kLocalBytes, c.name.size()) != c.name) differs(at + 30, "name");
    const bool described = (c.flags & kHasDescriptor) != 0;
    const std::size_t extra_bytes = r.u16(28), extra = kLocalBytes + c.name.size();
    check_inside(at + extra, extra_bytes);
    r = Record(data(at, extra + extra_bytes));
    const std::vector<std::uint64_t> large = zip64_values(r, extra, extra + extra_bytes, at, 2);
    if (large.size() == 1) differs(at + extra, "zip64 field");
    const auto matches = [&](std::uint64_t local, std::uint64_t central) {
      return local == central || (described && local == 0);
    };
    // Writers that cannot know the sizes yet leave room for eight bytes each, whether they turn out to be needed or not.
    const auto size_matches = [&](std::size_t field) {
      return matches(r.u32(field), c.size) || (r.u32(field) == kInZip64 && !large.empty());
    };
    if (!matches(r.u32(14), c.crc)) differs(at + 14, "CRC-32");
    if (!size_matches(18) || !size_matches(22)) differs(at + 18, "size");
    for (const std::uint64_t size : large) {
      if (!matches(size, c.size)) differs(at + extra, "zip64 size");
    }
    c.data = at + extra + extra_bytes;
    check_inside(c.data, c.size);
    c.end = c.data + c.size;
    if (described) c.end += descriptor_bytes(c, c.end);
    if (c.end > directory) refuse(at, text("the entry '", printable(c.name), "' reaches into the central directory"));
  }

  void check_crc(const Central& c) const {
    constexpr std::uint64_t kPiece = 256u << 10;
    std::uint32_t crc = 0;
    std::string piece;
    for (std::uint64_t at = 0; at < c.size; at += piece.size()) {
      piece.resize(static_cast<std::size_t>(std::min(kPiece, c.size - at)));
      archive_.read(c.data + at, std::span<char>(piece));
      crc = crc32(piece, crc);
    }
    if (crc != c.crc) {
      refuse(c.data, text("the entry '", printable(c.name), "' has the CRC-32 ", crc, ", the archive says ", c.crc,
                          "; the file is damaged, fetch it again"));
    }
  }

  // The data descriptor repeats CRC and sizes; the sizes have 4 or 8 bytes, and only comparing tells which.
  std::uint64_t descriptor_bytes(const Central& c, std::uint64_t at) const {
    check_inside(at, 16);
    const Record r(data(at, std::min<std::uint64_t>(24, archive_.size() - at)));
    if (r.u32(0) != kDescriptor || r.u32(4) != c.crc)
      refuse(at, text("the data descriptor of '", printable(c.name), "' disagrees with the central directory"));
    if (r.u32(8) == c.size && r.u32(12) == c.size) return 16;
    if (r.size() == 24 && r.u64(8) == c.size && r.u64(16) == c.size) return 24;
    refuse(at, text("the data descriptor of '", printable(c.name), "' has another size than the central directory"));
  }

  void check_spans(const std::vector<Central>& records) const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    spans.reserve(records.size());
    for (const Central& c : records) spans.emplace_back(c.header, c.end);
    std::ranges::sort(spans);
    std::uint64_t end = 0;
    for (const auto& [begin, next] : spans) {
      if (begin < end) refuse(begin, "two entries overlap");
      end = next;
    }
    if (!spans.empty() && spans.front().first != 0) refuse(0, "the first entry does not begin at byte 0");
  }

  const ByteSource& archive_;
  std::string_view file_;
};

}  // namespace

std::vector<ZipEntry> read_stored_zip(const ByteSource& archive, std::string_view file_name) {
  return ZipReader(archive, file_name).read();
}

}  // namespace vitrine
