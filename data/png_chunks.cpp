#include "data/png_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/interrupt.h"
#include "data/photograph_header.h"
#include "weights/crc32.h"

namespace vitrine {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kSignature = 8, kAround = 12;  // bytes of the file's head; of a chunk without its data
constexpr std::uint32_t kMostOfAChunk = 0x7fffffff;
constexpr std::uint64_t kMaxChunks = 200'000;
constexpr std::size_t kMostOfMetadata = std::size_t{256} << 10;
constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr std::int64_t kMaxSide = 1'000'000;
constexpr std::uint64_t kMostExpansion = 1032;

std::uint32_t number(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// What a zlib stream holds, if that is little; empty when it is damaged: it is metadata.
std::string inflated(std::string_view stream) {
  std::string out(kMostOfMetadata, '\0');
  z_stream z{};
  if (const int made = inflateInit(&z); made == Z_MEM_ERROR) throw std::bad_alloc();
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stream.data()));
  z.avail_in = static_cast<uInt>(stream.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int end = inflate(&z, Z_FINISH);
  const std::size_t count = z.total_out;
  inflateEnd(&z);
  if (end == Z_MEM_ERROR) throw std::bad_alloc();
  out.resize(end == Z_STREAM_END ? count : 0);
  return out;
}

// Bytes written as hexadecimal digits behind three lines: an empty one, the profile's name and its length.
std::string raw_profile(std::string_view lines) {
  for (int line = 0; line < 3; ++line) lines.remove_prefix(std::min(lines.size(), lines.find('\n') + 1));
  std::string bytes;
  int high = -1;
  for (const char c : lines) {
    const std::size_t digit = "0123456789abcdef"sv.find(c);
    if (digit == std::string_view::npos) continue;
    if (high >= 0) bytes += static_cast<char>(high * 16 + static_cast<int>(digit));
    high = high >= 0 ? -1 : static_cast<int>(digit);
  }
  return bytes;
}

class ChunkReader {
 public:
  explicit ChunkReader(const PhotographBytes& bytes)
      : bytes_(bytes), piece_(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, bytes.size())), '\0') {}

  PngChunks read() {
    std::uint64_t count = 0;
    while (!ended_) {
      if (++count > kMaxChunks)
        throw DataError(text("it has more than ", kMaxChunks, " chunks; it is damaged or made to mislead"));
      next();
    }
    if (pixels_ == 0) throw DataError("it holds no pixels (no IDAT chunk); it is damaged");
    check_expansion();
    if (result_.exif.empty()) result_.exif = raw_exif_;
    return std::move(result_);
  }

 private:
  std::string place() const { return text("its ", type_, " chunk at byte ", at_); }

  void next() {
    char head[8];
    if (bytes_.read(at_, head) < sizeof head)
      throw DataError(text("it is truncated: it ends at byte ", bytes_.size(), ", before its IEND chunk; copy it again"));
    const std::string_view words(head, sizeof head);
    const std::uint32_t length = number(words, 0);
    if (!std::all_of(head + 4, head + 8, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }) ||
        length > kMostOfAChunk)
      throw DataError(text("it is damaged: no chunk of a PNG begins at byte ", at_));
    type_ = words.substr(4);
    if (length + kAround > bytes_.size() - at_)
      throw DataError(text("it is truncated: ", place(), " has ", length, " bytes, and the file ends after ",
                           bytes_.size() - at_ - 8, " of them; copy it again"));
    if ((at_ == kSignature) != (type_ == "IHDR")) throw DataError(text(place(), " is not where a PNG has it; it is damaged"));
    const std::string data = checked_data(length);
    use(data, length);
    at_ += length + kAround;
  }

  // Compares the checksum; the bytes of what is looked at, nothing of the rest.
  std::string checked_data(std::uint32_t length) {
    const bool metadata = type_ == "eXIf" || type_ == "iTXt" || type_ == "tEXt" || type_ == "zTXt";
    const bool keep = type_ == "IHDR" || (metadata && length <= kMostOfMetadata);
    std::string data;
    std::uint32_t sum = crc32(type_);
    const std::uint64_t begin = at_ + 8;
    for (std::uint64_t done = 0; done < length;) {
      check_interrupt("reading a picture");
      const std::size_t n = bytes_.read(
          begin + done, {piece_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(piece_.size(), length - done))});
      sum = crc32({piece_.data(), n}, sum);
      if (keep) data.append(piece_.data(), n);
      done += n;
    }
    char end[4];
    bytes_.read(begin + length, end);
    if (number({end, 4}, 0) != sum)
      throw DataError(text("the checksum (CRC-32) of ", place(), " does not fit: it is damaged; copy it again"));
    return data;
  }

  void use(const std::string& data, std::uint32_t length) {
    if (type_ == "IHDR") return use_header(data);
    if (type_ == "IDAT") pixels_ += length;
    if (type_ == "IEND") ended_ = true;
    if (type_ == "eXIf") result_.exif = data;
    const std::size_t name = data.find('\0');
    if (name == std::string::npos) return;
    const std::string_view rest = std::string_view(data).substr(name + 1), keyword = std::string_view(data).substr(0, name);
    if (type_ == "iTXt" && keyword == "XML:com.adobe.xmp") use_xmp(rest);
    if (keyword != "Raw profile type exif") return;
    if (type_ == "tEXt") raw_exif_ = raw_profile(rest);
    if (type_ == "zTXt" && rest.starts_with('\0')) raw_exif_ = raw_profile(inflated(rest.substr(1)));
  }

  // Flag and method of compression, language, translated keyword, text.
  void use_xmp(std::string_view rest) {
    if (rest.size() < 2) return;
    const bool compressed = rest[0] != 0;
    rest.remove_prefix(2);
    for (int name = 0; name < 2; ++name) rest.remove_prefix(std::min(rest.size(), rest.find('\0') + 1));
    result_.xmp = compressed ? inflated(rest) : std::string(rest);
  }

  void use_header(const std::string& data) {
    if (data.size() != 13) throw DataError(text(place(), " has ", data.size(), " bytes, expected 13"));
    const std::uint32_t width = number(data, 0), height = number(data, 4);
    result_.depth = static_cast<unsigned char>(data[8]);
    result_.colour = static_cast<unsigned char>(data[9]);
    result_.interlaced = data[12] != 0;
    if (width < 1 || height < 1) throw DataError(text("it announces ", width, " x ", height, " pixels; it is damaged"));
    if (std::uint64_t{width} * height > kMaxPixels)
      throw DataError(text("it has ", width, " x ", height, " pixels, at most ", kMaxPixels, " are allowed"));
    if (std::max(width, height) > kMaxSide)
      throw DataError(text("it has ", width, " x ", height, " pixels, at most ", kMaxSide, " in a row or column are allowed"));
    result_.width = width;
    result_.height = height;
  }

  // Rows as they are stored: a byte for the filter, then the pixels, whole bytes; an interlaced picture has about as many bytes.
  void check_expansion() const {
    constexpr std::array<std::uint64_t, 7> kChannels = {1, 0, 3, 1, 2, 0, 4};  // by colour type
    const std::uint64_t channels = result_.colour < 7 ? kChannels[static_cast<std::size_t>(result_.colour)] : 0;
    const std::uint64_t row =
        (static_cast<std::uint64_t>(result_.width) * channels * static_cast<std::uint64_t>(result_.depth)) / 8;
    if (static_cast<std::uint64_t>(result_.height) * row <= pixels_ * kMostExpansion) return;
    throw DataError(text("it announces ", result_.width, " x ", result_.height, " pixels, more than its ", pixels_,
                         " bytes of IDAT chunks can hold; it is truncated or made to mislead"));
  }

  const PhotographBytes& bytes_;
  PngChunks result_;
  std::string type_, raw_exif_, piece_;
  std::uint64_t at_ = kSignature, pixels_ = 0;  // pixels_: compressed bytes
  bool ended_ = false;
};

}  // namespace

PngChunks read_png_chunks(const PhotographBytes& bytes) { return ChunkReader(bytes).read(); }

}  // namespace vitrine
