// trace.vtr: records in checked blocks, each sealed with the hash of the one before (docs/audit-format.md).
//
// File    "VTRACE01", then blocks
// Block   "VTRB", kind (1 records, 2 names; 4 bytes), number from 0 (8), step (8), count (4), bytes of the payload (4, at most 1 MiB); the payload;
//         CRC-32C of all of it (4); SHA-256 over the seal before (32 bytes; for the first block that of run.json) and all of it (32). Little-endian.
// Names   a block of kind 2: names that records of later blocks use, one to a line, numbered on from those before
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "audit/record.h"
#include "base/file.h"
#include "base/growing_file.h"

namespace vitrine::audit {

inline constexpr std::size_t kMostPayload = std::size_t{1} << 20;
inline constexpr std::size_t kMostNames = 100'000;

// Where a trace stands: what a line of the chain says of it.
struct TraceHead {
  std::uint64_t blocks = 0, bytes = 0;
  std::string seal;  // 64 hexadecimal digits: of the last block, or of run.json before the first
};

struct TraceBlock {
  std::uint64_t number = 0, step = 0, offset = 0;
  std::vector<OpRecord> records;  // none of a block of names
};

// Reads a trace from its beginning, block by block; what does not fit is a DataError with the block and its offset.
class TraceReader {
 public:
  // `seal`: SHA-256 of the run.json that it belongs to.
  TraceReader(const std::filesystem::path& file, const std::string& seal);

  bool next(TraceBlock& block);  // false at the end
  // Goes on behind `to`, where a line of the chain says that the trace stood. Of the blocks before, only those of names are read, and of these
  // only the checksum is compared: whether they hold together is verify's to find.
  void pass_to(const TraceHead& to);
  const std::string& name(std::uint32_t number) const;  // of the names so far; DataError where there is none
  const std::vector<std::string>& names() const { return names_; }
  const TraceHead& head() const { return head_; }  // after the last block that was read
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  [[noreturn]] void refuse(const std::string& what) const;
  std::string read(std::uint64_t offset, std::size_t count) const;
  struct Header {
    std::string bytes;
    std::uint32_t kind = 0, count = 0, size = 0;
    std::uint64_t number = 0, step = 0;
    std::uint64_t whole() const;  // bytes of the block
  };
  Header next_header() const;
  std::string body_of(const Header& header) const;  // header, payload, checksum (compared) and seal
  void take(TraceBlock& block, std::uint32_t kind, std::uint32_t count, std::string_view payload);

  InputFile file_;
  TraceHead head_;
  std::vector<std::string> names_;
};

class TraceWriter {
 public:
  TraceWriter(const std::filesystem::path& file, const std::string& seal);  // a new trace
  explicit TraceWriter(const TraceReader& before);                          // behind what was read, where the file is cut

  std::uint32_t name(const std::string& text);  // its number; a new one goes into a block of names before the next records
  void add(const std::vector<OpRecord>& records, std::uint64_t step);
  void sync() { file_.sync(); }
  const TraceHead& head() const { return head_; }

 private:
  void append(std::uint32_t kind, std::uint64_t step, std::size_t count, std::string_view payload);
  void append_names(std::uint64_t step);

  GrowingFile file_;
  TraceHead head_;
  std::map<std::string, std::uint32_t> names_;
  std::vector<std::string> pending_;
};

std::uint32_t crc32c(std::string_view bytes);  // Castagnoli's polynomial, as in RFC 3720

}  // namespace vitrine::audit
