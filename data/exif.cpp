#include "data/exif.h"

#include <cstdint>

namespace vitrine {
namespace {

constexpr std::uint16_t kOrientation = 0x0112;

// Numbers of a block, in its byte order; nothing is read beyond its end.
class Block {
 public:
  explicit Block(std::string_view bytes) : bytes_(bytes), little_(bytes.starts_with("II")) {}

  bool is_tiff() const { return (little_ || bytes_.starts_with("MM")) && bytes_.size() >= 8 && number(2, 2) == 42; }
  bool holds(std::uint64_t at, std::uint64_t count) const { return at <= bytes_.size() && count <= bytes_.size() - at; }
  std::uint32_t number(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value = value << 8 | static_cast<unsigned char>(bytes_[little_ ? at + count - 1 - i : at + i]);
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool little_;
};

// Bytes of a whole number by TIFF's type: SHORT, which the tag must be, LONG and the signed ones; 0 for others.
std::size_t bytes_of_type(std::uint32_t type) {
  switch (type) {
    case 6: return 1;
    case 3:
    case 8: return 2;
    case 4:
    case 9: return 4;
    default: return 0;
  }
}

int sensible(std::uint32_t value) { return value >= 1 && value <= 8 ? static_cast<int>(value) : 1; }

}  // namespace

std::optional<int> exif_orientation(std::string_view bytes) {
  constexpr std::string_view kHead("Exif\0\0", 6);
  if (bytes.starts_with(kHead)) bytes.remove_prefix(kHead.size());
  const Block block(bytes);
  if (!block.is_tiff()) return {};
  const std::uint64_t directory = block.number(4, 4);
  if (!block.holds(directory, 2)) return {};
  const std::uint32_t entries = block.number(static_cast<std::size_t>(directory), 2);
  std::optional<int> found;
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + std::uint64_t{12} * i;
    if (!block.holds(entry, 12)) break;
    const auto at = static_cast<std::size_t>(entry);
    if (block.number(at, 2) != kOrientation) continue;
    // Of several values the first one; more than four bytes of them lie elsewhere.
    const std::uint64_t size = bytes_of_type(block.number(at + 2, 2)), count = block.number(at + 4, 4);
    const std::uint64_t place = size * count > 4 ? block.number(at + 8, 4) : entry + 8;
    const bool good = size > 0 && count > 0 && block.holds(place, size * count);
    found = good ? sensible(block.number(static_cast<std::size_t>(place), size)) : 1;
  }
  return found;
}

std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (std::size_t at = xmp.find(kName); at != std::string_view::npos; at = xmp.find(kName, at + 1)) {
    std::string_view rest = xmp.substr(at + kName.size());
    if (rest.starts_with("=\"")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with(">")) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') return sensible(static_cast<std::uint32_t>(rest[0] - '0'));
  }
  return {};
}

Turn turn_of(int orientation) {
  switch (orientation) {
    case 2: return {false, false, true};
    case 3: return {false, true, true};
    case 4: return {false, true, false};
    case 5: return {true, false, false};
    case 6: return {true, true, false};
    case 7: return {true, true, true};
    case 8: return {true, false, true};
    default: return {};
  }
}

}  // namespace vitrine
