#include "weights/zip_archive.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
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
constexpr std::uint16_t kHasDescriptor = 1u << 3, kUtf8Name = 1u << 11;

struct Directory {
  std::uint64_t entries = 0, offset = 0, size = 0;
};

struct Central {
  std::string name;
  std::uint16_t flags = 0;
  std::uint32_t crc = 0;
  std::uint64_t size = 0, header = 0;
};

class ZipReader {
 public:
  ZipReader(const ByteSource& archive, std::string_view file) : archive_(archive), file_(file) {}

  std::vector<ZipEntry> read() {
    const Directory directory = find_directory();
    std::vector<ZipEntry> entries;
    entries.reserve(static_cast<std::size_t>(directory.entries));
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    std::uint64_t at = directory.offset;
    for (std::uint64_t i = 0; i < directory.entries; ++i) {
      const Central central = read_central(at, directory.offset + directory.size);
      std::uint64_t end = 0;
      entries.push_back({central.name, read_local(central, directory.offset, end), central.size});
      spans.emplace_back(central.header, end);
    }
    if (at != directory.offset + directory.size) refuse(at, "the central directory has more bytes than its entries");
    check_spans(spans);
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

  void check_name(std::uint64_t at, std::string_view name) {
    const std::string_view flaw = tensor_name_flaw(name);
    if (!flaw.empty()) refuse(at, text("an entry's name ", flaw));
    const bool climbs = name == ".." || name.starts_with("../") || name.ends_with("/..") || name.find("/../") != name.npos;
    if (climbs || name.front() == '/' || name.find('\\') != name.npos || (name.size() > 1 && name[1] == ':')) {
      refuse(at, text("the entry name '", name, "' leaves the archive"));
    }
    if (!names_.insert(std::string(name)).second) refuse(at, text("two entries are called '", name, "'"));
  }

  // The record at `at`, which moves behind it.
  Central read_central(std::uint64_t& at, std::uint64_t end) {
    if (end - at < 46 || u32(at) != kCentralHeader) refuse(at, "a central directory record is expected here");
    const std::uint64_t bytes = std::uint64_t{46} + u16(at + 28) + u16(at + 30) + u16(at + 32);
    if (bytes > end - at) refuse(at, "a central directory record is longer than the directory");
    const Central c{.name = data(at + 46, u16(at + 28)),
                    .flags = u16(at + 8),
                    .crc = u32(at + 16),
                    .size = u32(at + 24),
                    .header = u32(at + 42)};
    check_name(at + 46, c.name);
    if ((c.flags & 1u) != 0) refuse(at + 8, text("the entry '", c.name, "' is encrypted"));
    if ((c.flags & ~(kHasDescriptor | kUtf8Name)) != 0)
      refuse(at + 8, text("the entry '", c.name, "' has the flags ", c.flags, ", only 8 and 2048 are allowed"));
    if (u16(at + 10) != 0) {
      refuse(at + 10, text("the entry '", c.name, "' is compressed (method ", u16(at + 10),
                           "), torch.save stores them; save it again with torch.save"));
    }
    if (u32(at + 20) != c.size)
      refuse(at + 20, text("the entry '", c.name, "' has two sizes, ", u32(at + 20), " and ", c.size));
    if (c.size == 0xffffffff || c.header == 0xffffffff) refuse(at, text("the entry '", c.name, "' is larger than 4 GiB"));
    if (u16(at + 34) != 0) refuse(at + 34, "the archive spans several disks");
    if ((u32(at + 38) >> 28) == 0xa) refuse(at + 38, text("the entry '", c.name, "' is a symbolic link"));
    at += bytes;
    return c;
  }

  // Where the bytes of an entry begin, after its local header was compared with the central record and its bytes with their
  // CRC-32; `end` is the first byte behind the entry.
  std::uint64_t read_local(const Central& c, std::uint64_t directory, std::uint64_t& end) const {
    const std::uint64_t at = c.header;
    const auto differs = [&](std::uint64_t where, const char* what) {
      refuse(where, text("the local header of '", c.name, "' has another ", what, " than the central directory"));
    };
    if (u32(at) != kLocalHeader) refuse(at, text("the local header of '", c.name, "' is expected here"));
    if (u16(at + 6) != c.flags) differs(at + 6, "set of flags");
    if (u16(at + 8) != 0) differs(at + 8, "compression method");
    const std::uint16_t name_bytes = u16(at + 26);
    if (data(at + 30, name_bytes) != c.name) differs(at + 30, "name");
    const bool described = (c.flags & kHasDescriptor) != 0;
    const auto matches = [&](std::uint32_t local, std::uint64_t central) {
      return local == central || (described && local == 0);
    };
    if (!matches(u32(at + 14), c.crc)) differs(at + 14, "CRC-32");
    if (!matches(u32(at + 18), c.size) || !matches(u32(at + 22), c.size)) differs(at + 18, "size");
    const std::uint64_t begin = at + 30 + name_bytes + u16(at + 28);
    check_inside(begin, c.size);
    end = begin + c.size;
    if (described) end += descriptor_bytes(c, end);
    if (end > directory) refuse(at, text("the entry '", c.name, "' reaches into the central directory"));
    if (const std::uint32_t crc = crc_of(begin, c.size); crc != c.crc) {
      refuse(begin, text("the entry '", c.name, "' has the CRC-32 ", crc, ", the archive says ", c.crc,
                         "; the file is damaged, fetch it again"));
    }
    return begin;
  }

  std::uint32_t crc_of(std::uint64_t begin, std::uint64_t size) const {
    constexpr std::uint64_t kPiece = 256u << 10;
    std::uint32_t crc = 0;
    std::string piece;
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
      piece.resize(static_cast<std::size_t>(std::min(kPiece, size - at)));
      archive_.read(begin + at, std::span<char>(piece));
      crc = crc32(piece, crc);
    }
    return crc;
  }

  // The data descriptor repeats CRC and sizes; the sizes have 4 or 8 bytes, and only comparing tells which.
  std::uint64_t descriptor_bytes(const Central& c, std::uint64_t at) const {
    if (u32(at) != kDescriptor || u32(at + 4) != c.crc)
      refuse(at, text("the data descriptor of '", c.name, "' disagrees with the central directory"));
    if (u32(at + 8) == c.size && u32(at + 12) == c.size) return 16;
    if (u64(at + 8) == c.size && u64(at + 16) == c.size) return 24;
    refuse(at, text("the data descriptor of '", c.name, "' has another size than the central directory"));
  }

  void check_spans(std::vector<std::pair<std::uint64_t, std::uint64_t>>& spans) const {
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
  std::set<std::string> names_;
};

}  // namespace

std::vector<ZipEntry> read_stored_zip(const ByteSource& archive, std::string_view file_name) {
  return ZipReader(archive, file_name).read();
}

}  // namespace vitrine
