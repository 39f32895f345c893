#include "data/exif.h"

#include <gtest/gtest.h>

#include <string>

namespace vitrine::testing {
namespace {

using namespace std::string_literals;

std::string number(std::uint32_t value, int bytes, bool little) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * (little ? i : bytes - 1 - i)));
  return out;
}

struct Tag {
  std::uint32_t name = 0x0112, type = 3, count = 1, value = 6;
};

// A directory of tags at `place`, values of two bytes in front of their four.
std::string block(const std::vector<Tag>& tags, bool little = true, std::uint32_t place = 8) {
  std::string out = (little ? "II" : "MM") + number(42, 2, little) + number(place, 4, little);
  out.resize(std::max<std::size_t>(out.size(), std::min<std::size_t>(place, 1000)));
  out += number(static_cast<std::uint32_t>(tags.size()), 2, little);
  for (const Tag& tag : tags) {
    std::string value = number(tag.value, tag.type == 3 || tag.type == 8 ? 2 : 4, little);
    value.resize(4);
    out += number(tag.name, 2, little) + number(tag.type, 2, little) + number(tag.count, 4, little) + value;
  }
  return out;
}

TEST(Exif, ReadsTheTagInBothByteOrdersAndTypes) {
  for (const bool little : {true, false}) {
    for (std::uint32_t o = 1; o <= 8; ++o) {
      EXPECT_EQ(exif_orientation(block({{0x0100, 3, 1, 9}, {0x0112, 3, 1, o}}, little)), static_cast<int>(o));
      EXPECT_EQ(exif_orientation("Exif\0\0"s + block({{0x0112, 4, 1, o}}, little, 60)), static_cast<int>(o));
    }
  }
}

TEST(Exif, SenselessValuesCountAsUpright) {
  for (const std::uint32_t value : {0u, 9u, 255u, 65535u}) EXPECT_EQ(exif_orientation(block({{0x0112, 3, 1, value}})), 1);
  EXPECT_EQ(exif_orientation(block({{0x0112, 1, 1, 6}})), 1);    // a BYTE, which Pillow does not take for a number either
  EXPECT_EQ(exif_orientation(block({{0x0112, 2, 1, '6'}})), 1);  // a text
  EXPECT_EQ(exif_orientation(block({{0x0112, 3, 0, 6}})), 1);
  EXPECT_EQ(exif_orientation(block({{0x0112, 99, 1, 6}})), 1);
  EXPECT_EQ(exif_orientation(block({{0x0112, 3, 2, 6}})), 6);  // the first of two
  EXPECT_EQ(exif_orientation(block({{0x0112, 3, 1, 6}, {0x0112, 3, 1, 3}})), 3);
}

TEST(Exif, HostileBlocksLeadNowhere) {
  EXPECT_EQ(exif_orientation(""), std::nullopt);
  EXPECT_EQ(exif_orientation("II*\0"s), std::nullopt);
  EXPECT_EQ(exif_orientation("IX*\0\x08\0\0\0"s), std::nullopt);
  EXPECT_EQ(exif_orientation("II+\0\x08\0\0\0"s + std::string(64, '\0')), std::nullopt);  // BigTIFF
  EXPECT_EQ(exif_orientation("II*\0\xff\xff\xff\xff"s), std::nullopt);
  EXPECT_EQ(exif_orientation("MM\0*\x7f\xff\xff\xff"s + std::string(100, 'x')), std::nullopt);
  EXPECT_EQ(exif_orientation(block({{0x0100}})), std::nullopt);
  std::string many = block({{0x0112, 3, 1, 5}});
  many[8] = many[9] = '\xff';  // 65,535 entries announced
  EXPECT_EQ(exif_orientation(many), 5);
  EXPECT_EQ(exif_orientation(block({{0x0112, 3, 100, 0xfffffff0}})), 1);         // values elsewhere, out of the block
  EXPECT_EQ(exif_orientation(block({{0x0112, 4, 0xffffffff, 0x7fffffff}})), 1);  // and their number overflows
  const std::string whole = block({{0x0100}, {0x0112, 3, 1, 8}});
  for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_EQ(exif_orientation(whole.substr(0, cut)), std::nullopt) << cut;
}

TEST(Exif, XmpIsReadAsAttributeAndAsElement) {
  EXPECT_EQ(xmp_orientation(R"(<rdf:Description tiff:Orientation="8"/>)"), 8);
  EXPECT_EQ(xmp_orientation("<tiff:Orientation>3</tiff:Orientation>"), 3);
  EXPECT_EQ(xmp_orientation("tiff:OrientationX tiff:Orientation=\"2\""), 2);
  EXPECT_EQ(xmp_orientation("tiff:Orientation=\"9\""), 1);
  EXPECT_EQ(xmp_orientation("tiff:Orientation"), std::nullopt);
  EXPECT_EQ(xmp_orientation("tiff:Orientation=\""), std::nullopt);
  EXPECT_EQ(xmp_orientation("tiff:Orientation='6'"), std::nullopt);
  EXPECT_EQ(xmp_orientation(""), std::nullopt);
}

}  // namespace
}  // namespace vitrine::testing
