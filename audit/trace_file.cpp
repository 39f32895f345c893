#include "audit/trace_file.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/sha256.h"

namespace vitrine::audit {
namespace {

constexpr std::string_view kFileMagic = "VTRACE01", kBlockMagic = "VTRB";
constexpr std::size_t kHeaderBytes = 32, kSealBytes = 32, kCrcBytes = 4;
constexpr std::uint32_t kRecords = 1, kNames = 2;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

template <class T>
T get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string bytes_of_seal(std::string_view hexadecimal) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    bytes += static_cast<char>(digit(hexadecimal[i]) * 16 + digit(hexadecimal[i + 1]));
  return bytes;
}

std::string seal_of(const std::string& before, std::string_view block) {
  Sha256 sum;
  sum.update(bytes_of_seal(before));
  sum.update(block);
  return sum.hex();
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] >> 1) ^ ((t[i] & 1) != 0 ? 0x82F63B78u : 0u);
    }
    return t;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

TraceReader::TraceReader(const std::filesystem::path& file, const std::string& seal) : file_(file, kMostBytes) {
  head_.seal = seal;
  if (file_.size() < kFileMagic.size()) refuse("is too short for a trace");
  const std::string magic = read(0, kFileMagic.size());
  if (magic.substr(0, 6) != kFileMagic.substr(0, 6)) refuse("is no trace of an audit");
  if (magic != kFileMagic)
    throw DataError(text(path(), ": is a trace of format ", printable(magic.substr(6), 8), ", this program reads format ",
                         kFileMagic.substr(6), "; use the program that wrote it"));
  head_.bytes = kFileMagic.size();
}

void TraceReader::refuse(const std::string& what) const {
  throw DataError(text(path(), ": ", what, ", at byte ", head_.bytes, ", block ", head_.blocks,
                       "; the trace was changed, damaged or cut off after it was written"));
}

std::string TraceReader::read(std::uint64_t offset, std::size_t count) const {
  std::string bytes(count, '\0');
  file_.read(offset, bytes);
  return bytes;
}

std::uint64_t TraceReader::Header::whole() const { return kHeaderBytes + size + kCrcBytes + kSealBytes; }

TraceReader::Header TraceReader::next_header() const {
  const std::uint64_t left = file_.size() - head_.bytes;
  if (left < kHeaderBytes + kCrcBytes + kSealBytes) refuse("ends within a block");
  Header h;
  h.bytes = read(head_.bytes, kHeaderBytes);
  if (h.bytes.substr(0, 4) != kBlockMagic) refuse("has no block where one must begin");
  h.kind = get<std::uint32_t>(h.bytes, 4);
  h.number = get<std::uint64_t>(h.bytes, 8);
  h.step = get<std::uint64_t>(h.bytes, 16);
  h.count = get<std::uint32_t>(h.bytes, 24);
  h.size = get<std::uint32_t>(h.bytes, 28);
  if (h.size > kMostPayload) refuse(text("has a block of ", h.size, " bytes, at most ", kMostPayload, " are allowed"));
  if (left < h.whole()) refuse("ends within a block");
  return h;
}

std::string TraceReader::body_of(const Header& header) const {
  std::string block = header.bytes + read(head_.bytes + kHeaderBytes, header.whole() - kHeaderBytes);
  const std::size_t body = kHeaderBytes + header.size;
  if (get<std::uint32_t>(block, body) != crc32c(std::string_view(block).substr(0, body)))
    refuse("has a block whose checksum is another");
  return block;
}

bool TraceReader::next(TraceBlock& block) {
  if (head_.bytes == file_.size()) return false;
  const Header header = next_header();
  const std::string bytes = body_of(header);
  const std::string_view body = std::string_view(bytes).substr(0, kHeaderBytes + header.size);
  const std::string seal = seal_of(head_.seal, body);
  if (std::string_view(bytes).substr(body.size() + kCrcBytes) != bytes_of_seal(seal))
    refuse("has a block whose seal does not follow from the one before");
  if (header.number != head_.blocks) refuse(text("has block ", header.number, " out of its order"));
  block = {head_.blocks, header.step, head_.bytes, {}};
  take(block, header.kind, header.count, body.substr(kHeaderBytes));
  head_ = {head_.blocks + 1, head_.bytes + header.whole(), seal};
  return true;
}

void TraceReader::pass_to(const TraceHead& to) {
  while (head_.blocks < to.blocks && head_.bytes < file_.size()) {
    const Header header = next_header();
    if (header.number != head_.blocks) refuse(text("has block ", header.number, " out of its order"));
    if (header.kind == kNames) {
      TraceBlock block{head_.blocks, header.step, head_.bytes, {}};
      const std::string bytes = body_of(header);
      take(block, header.kind, header.count, std::string_view(bytes).substr(kHeaderBytes, header.size));
    }
    head_ = {head_.blocks + 1, head_.bytes + header.whole(), ""};
  }
  if (head_.blocks != to.blocks || head_.bytes != to.bytes) refuse("does not stand where the chain says that it stood");
  head_.seal = to.seal;
}

void TraceReader::take(TraceBlock& block, std::uint32_t kind, std::uint32_t count, std::string_view payload) {
  if (kind == kNames) {
    std::size_t at = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::size_t end = payload.find('\n', at);
      if (end == std::string_view::npos || names_.size() >= kMostNames)
        refuse("has a table of names that does not hold as many as it says");
      names_.emplace_back(payload.substr(at, end - at));
      at = end + 1;
    }
    if (at != payload.size()) refuse("has a table of names with something behind the last");
    return;
  }
  if (kind != kRecords) refuse(text("has a block of kind ", kind, ", which this program does not know"));
  if (payload.size() != std::size_t{count} * kRecordBytes) refuse("has a block whose records do not fill it");
  for (std::uint32_t i = 0; i < count; ++i) {
    const OpRecord record = read_record(payload.data() + i * kRecordBytes);
    if (record.step != block.step || record.node >= names_.size() || record.tensor >= names_.size() || record.rank > 8 ||
        record.phase > Phase::data)
      refuse(text("has a record that contradicts its block, number ", i));
    block.records.push_back(record);
  }
}

const std::string& TraceReader::name(std::uint32_t number) const {
  if (number >= names_.size()) throw DataError(text(path(), ": has no name number ", number));
  return names_[number];
}

TraceWriter::TraceWriter(const std::filesystem::path& file, const std::string& seal) : file_(file, kFileMagic) {
  head_ = {0, kFileMagic.size(), seal};
}

TraceWriter::TraceWriter(const TraceReader& before) : file_(before.path(), before.head().bytes), head_(before.head()) {
  for (const std::string& name : before.names()) names_.emplace(name, static_cast<std::uint32_t>(names_.size()));
}

std::uint32_t TraceWriter::name(const std::string& text) {
  const auto [place, is_new] = names_.emplace(text, static_cast<std::uint32_t>(names_.size()));
  if (is_new) pending_.push_back(text);
  return place->second;
}

void TraceWriter::append(std::uint32_t kind, std::uint64_t step, std::size_t count, std::string_view payload) {
  std::string block(kBlockMagic);
  put(block, kind);
  put(block, head_.blocks);
  put(block, step);
  put(block, static_cast<std::uint32_t>(count));
  put(block, static_cast<std::uint32_t>(payload.size()));
  block += payload;
  const std::string seal = seal_of(head_.seal, block);
  put(block, crc32c(block));
  block += bytes_of_seal(seal);
  file_.append(block);
  head_ = {head_.blocks + 1, head_.bytes + block.size(), seal};
}

void TraceWriter::append_names(std::uint64_t step) {
  std::string lines;
  for (const std::string& name : pending_) lines += name + "\n";
  append(kNames, step, pending_.size(), lines);
  pending_.clear();
}

void TraceWriter::add(const std::vector<OpRecord>& records, std::uint64_t step) {
  if (!pending_.empty()) append_names(step);
  constexpr std::size_t kMost = kMostPayload / kRecordBytes;
  for (std::size_t first = 0; first < records.size(); first += kMost) {
    const std::size_t count = std::min(kMost, records.size() - first);
    std::string payload(count * kRecordBytes, '\0');
    for (std::size_t i = 0; i < count; ++i) write_record(records[first + i], payload.data() + i * kRecordBytes);
    append(kRecords, step, count, payload);
  }
}

}  // namespace vitrine::audit
