#include "imaging/palette_png.h"

#include <zlib.h>

#include <array>
#include <cstdlib>
#include <new>

#include "base/error.h"

namespace vitrine::imaging {
namespace {

constexpr int kColourPalette = 3, kFilters = 5;
constexpr int kLevel = 6;  // of zlib's 9: more takes five times as long for 4 % less

void put_u32(std::string& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 0xff);
}

void put_chunk(std::string& out, const char* type, const std::string& content) {
  put_u32(out, static_cast<std::uint32_t>(content.size()));
  const std::string body = type + content;
  out += body;
  put_u32(out,
          static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
}

// Section 9.4 of the specification: of left, above and above left, the one nearest to left + above - above left.
int paeth(int left, int above, int corner) {
  const int guess = left + above - corner;
  const int a = std::abs(guess - left), b = std::abs(guess - above), c = std::abs(guess - corner);
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

int predicted(int filter, int left, int above, int corner) {
  switch (filter) {
    case 1: return left;
    case 2: return above;
    case 3: return (left + above) / 2;
    case 4: return paeth(left, above, corner);
    default: return 0;
  }
}

// The row's filter type and its filtered bytes.
std::string filtered_row(const std::vector<std::uint8_t>& pixels, std::size_t width, std::size_t y, int filter) {
  std::string row(1, static_cast<char>(filter));
  row.reserve(width + 1);
  const std::size_t at = y * width;
  for (std::size_t x = 0; x < width; ++x) {
    const int left = x > 0 ? pixels[at + x - 1] : 0, above = y > 0 ? pixels[at + x - width] : 0;
    const int corner = x > 0 && y > 0 ? pixels[at + x - width - 1] : 0;
    row += static_cast<char>((pixels[at + x] - predicted(filter, left, above, corner)) & 0xff);
  }
  return row;
}

int cost(const std::string& row) {
  int sum = 0;
  for (std::size_t x = 1; x < row.size(); ++x) sum += std::abs(static_cast<int>(static_cast<signed char>(row[x])));
  return sum;
}

std::string filtered(const std::vector<std::uint8_t>& pixels, std::size_t width, std::size_t height, bool adaptive) {
  std::string out;
  out.reserve((width + 1) * height);
  for (std::size_t y = 0; y < height; ++y) {
    std::string best = filtered_row(pixels, width, y, 0);
    for (int filter = 1; adaptive && filter < kFilters; ++filter) {
      std::string other = filtered_row(pixels, width, y, filter);
      if (cost(other) < cost(best)) best = std::move(other);
    }
    out += best;
  }
  return out;
}

std::string deflated(const std::string& bytes) {
  uLongf size = ::compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  const int code = ::compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                               static_cast<uLong>(bytes.size()), kLevel);
  if (code == Z_MEM_ERROR) throw std::bad_alloc();
  if (code != Z_OK) throw InternalError(text("png: zlib gave ", code));
  out.resize(size);
  return out;
}

// Only the colours that are used.
void compact(PalettePicture& picture) {
  std::array<bool, 256> used{};
  for (const std::uint8_t p : picture.pixels) used[p] = true;
  std::array<std::uint8_t, 256> place{};
  std::vector<Colour> palette;
  for (std::size_t c = 0; c < picture.palette.size(); ++c) {
    if (!used[c]) continue;
    place[c] = static_cast<std::uint8_t>(palette.size());
    palette.push_back(picture.palette[c]);
  }
  for (std::uint8_t& p : picture.pixels) p = place[p];
  picture.palette = std::move(palette);
}

}  // namespace

std::string palette_png(const PalettePicture& given) {
  const auto width = static_cast<std::size_t>(given.width), height = static_cast<std::size_t>(given.height);
  bool sound = given.width > 0 && given.height > 0 && given.width <= 16384 && given.height <= 16384 && !given.palette.empty() &&
               given.palette.size() <= 256 && given.pixels.size() == width * height;
  for (const std::uint8_t p : given.pixels) sound = sound && p < given.palette.size();
  if (!sound)
    throw InternalError(text("png: a picture of ", given.width, " x ", given.height, " with ", given.palette.size(),
                             " colours and ", given.pixels.size(), " pixels"));
  PalettePicture picture = given;
  compact(picture);
  std::string out("\x89PNG\r\n\x1a\n", 8), header, colours;
  put_u32(header, static_cast<std::uint32_t>(width));
  put_u32(header, static_cast<std::uint32_t>(height));
  header += {8, kColourPalette, 0, 0, 0};
  for (const Colour& c : picture.palette)
    colours += {static_cast<char>(c.red), static_cast<char>(c.green), static_cast<char>(c.blue)};
  std::string content = deflated(filtered(picture.pixels, width, height, false));
  std::string other = deflated(filtered(picture.pixels, width, height, true));
  if (other.size() < content.size()) content = std::move(other);
  put_chunk(out, "IHDR", header);
  put_chunk(out, "PLTE", colours);
  put_chunk(out, "IDAT", content);
  put_chunk(out, "IEND", "");
  return out;
}

}  // namespace vitrine::imaging
