// Pictures of tests/golden/photographs.json, and a folder to write them to: the base of the tests of photographs.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sandbox.h"
#include "base/sha256.h"
#include "data/photograph.h"
#include "weights/crc32.h"

namespace vitrine::testing {

struct GoldenPicture {
  std::string bytes, whole, cut;  // hashes of the pixels
  std::int64_t height = 0, width = 0;
};

inline std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(c));
    count += 6;
    if (count >= 8) out += static_cast<char>(bits >> (count -= 8));
  }
  return out;
}

inline const std::map<std::string, GoldenPicture>& golden_pictures() {
  static const std::map<std::string, GoldenPicture> pictures = [] {
    std::map<std::string, GoldenPicture> all;
    const std::filesystem::path path = std::filesystem::path(VITRINE_SOURCE_DIR) / "tests/golden/photographs.json";
    for (const Json& row : parse_json(read_file(path, 1u << 20))) {
      all[text_in(row, "name")] = {from_base64(text_in(row, "bytes")), text_in(row, "whole"), text_in(row, "cut"),
                                   integer_in(row, "height", 1, 1000), integer_in(row, "width", 1, 1000)};
    }
    return all;
  }();
  return pictures;
}

inline const std::string& golden(const std::string& name) { return golden_pictures().at(name).bytes; }

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  return big_endian(data.size(), 4) + type + data + big_endian(crc32(type + data), 4);
}

inline std::string png_of(std::uint32_t width, std::uint32_t height, int depth, int colour, const std::string& chunks,
                          bool interlaced = false) {
  const std::string head = big_endian(width, 4) + big_endian(height, 4) + static_cast<char>(depth) + static_cast<char>(colour) +
                           std::string(2, '\0') + static_cast<char>(interlaced);
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", head) + chunks + png_chunk("IEND", "");
}

// Pixels in zlib's form without compression: blocks of at most 65,535 bytes.
inline std::string stored(const std::string& raw) {
  std::string out = "\x78\x01";
  std::uint32_t a = 1, b = 0;
  for (std::size_t at = 0; at == 0 || at < raw.size(); at += 65535) {
    const std::string part = raw.substr(at, 65535);
    const auto n = static_cast<std::uint32_t>(part.size());
    out += at + n >= raw.size() ? '\1' : '\0';
    for (const std::uint32_t size : {n, n ^ 0xffffu}) out += {static_cast<char>(size), static_cast<char>(size >> 8)};
    out += part;
  }
  for (const char c : raw) b = (b + (a = (a + static_cast<unsigned char>(c)) % 65521)) % 65521;
  return out + big_endian(b << 16 | a, 4);
}

// `count` zeros as a zlib stream of 13 bits for 258 of them: fixed Huffman codes, a zero, then copies of it.
inline std::string zeros(std::uint64_t count) {
  std::string out = "\x78\x9c";
  std::uint32_t held = 0;
  int bits = 0;
  const auto put = [&](std::uint32_t code, int length, bool reversed) {  // Huffman codes begin with their highest bit
    for (int i = 0; i < length; ++i) {
      held |= (code >> (reversed ? length - 1 - i : i) & 1u) << bits;
      if (++bits == 8) {
        out += static_cast<char>(held);
        held = 0;
        bits = 0;
      }
    }
  };
  put(1, 1, false);  // the last block
  put(1, 2, false);  // of fixed codes
  std::uint64_t left = count;
  for (; left % 258 != 0; --left) put(0x30, 8, true);
  if (left == count && left > 0) {  // something to copy
    for (int i = 0; i < 258; ++i, --left) put(0x30, 8, true);
  }
  for (; left > 0; left -= 258) {
    put(0xc5, 8, true);  // 258 bytes
    put(0, 5, true);     // from one byte back
  }
  put(0, 7, true);
  if (bits > 0) out += static_cast<char>(held);
  return out + big_endian((count % 65521) << 16 | 1, 4);
}

inline std::string black(std::uint32_t width, std::uint32_t height) {
  return png_of(width, height, 8, 2, png_chunk("IDAT", zeros(std::uint64_t{height} * (1 + 3 * std::uint64_t{width}))));
}

class Pictures : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!can_read_photographs()) GTEST_SKIP() << "built without libjpeg-turbo and libpng";
    folder = std::filesystem::temp_directory_path() / ("vitrine-pictures-" + std::to_string(::getpid()) + "-" +
                                                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::filesystem::path file(const std::string& bytes, const std::string& name = "picture") const {
    std::ofstream(folder / name, std::ios::binary) << bytes;  // not write_file, which waits for the disk
    return folder / name;
  }

  Photograph read(const std::string& bytes, std::int64_t resize = 28, std::int64_t crop = 24) const {
    return read_photograph(file(bytes), {resize, crop, Filter::bicubic, false});
  }

  // One sentence in one line that names the file and holds every one of `parts`.
  void expect_refused(const std::string& bytes, const std::vector<std::string>& parts, const std::string& what = "") const {
    try {
      read(bytes);
      FAIL() << what << " was read";
    } catch (const DataError& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("picture: "), std::string::npos) << message;
      EXPECT_LE(message.size(), 290u) << message;
      for (const std::string& part : parts)
        EXPECT_NE(message.find(part), std::string::npos) << what << ": '" << part << "' is not in: " << message;
    }
  }

  std::filesystem::path folder;
};

inline std::string hash_of(const ByteImage& image) {
  return sha256(std::string_view(reinterpret_cast<const char*>(image.rgb.data()), image.rgb.size()));
}

}  // namespace vitrine::testing
