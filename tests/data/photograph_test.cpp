// Photographs as Pillow reads them, and what is done with those that are not whole.
#include "data/photograph.h"

#include <sys/stat.h>

#include "tests/data/pictures.h"

namespace vitrine::testing {
namespace {

using namespace std::string_literals;

class PhotographGolden : public Pictures {};

TEST_F(PhotographGolden, EveryKindHasPillowsPixels) {
  EXPECT_GE(golden_pictures().size(), 60u);
  for (const auto& [name, picture] : golden_pictures()) {
    const std::int64_t side = std::min(picture.height, picture.width);
    const Photograph whole = read(picture.bytes, side, side);
    EXPECT_EQ(whole.height, picture.height) << name;
    EXPECT_EQ(whole.width, picture.width) << name;
    EXPECT_EQ(hash_of(whole.image), picture.whole) << name;
    EXPECT_EQ(hash_of(read(picture.bytes).image), picture.cut) << name;
  }
}

TEST_F(PhotographGolden, TheSameInAProcessApart) {
  if (!sandbox_flaw().empty()) GTEST_SKIP() << sandbox_flaw();
  PhotographReader reader(true);
  for (const auto& [name, picture] : golden_pictures())
    EXPECT_EQ(hash_of(reader.read(file(picture.bytes), {28, 24, Filter::bicubic, true}).image), picture.cut) << name;
}

using Photographs = Pictures;

TEST_F(Photographs, ATurnIsSaid) {
  EXPECT_EQ(read(golden("exif_1.jpg")).note, "");
  EXPECT_EQ(read(golden("exif_9.jpg")).note, "");
  EXPECT_EQ(read(golden("exif_6.jpg")).note, "turned as its EXIF orientation 6 says");
  EXPECT_EQ(read(golden("exif_8_interlaced.png")).note, "turned as its EXIF orientation 8 says");
  EXPECT_EQ(read(golden("xmp_alone.jpg")).note, "turned as its XMP orientation 6 says");
  EXPECT_EQ(read(golden("exif_6.jpg")).height, golden_pictures().at("exif_1.jpg").width);
}

// Sixteen bits become eight by rounding; Pillow cuts colours to their high byte and takes grey for something else.
TEST_F(Photographs, SixteenBitsAreRounded) {
  std::string rgb, grey, alpha;
  for (int i = 0; i < 16; ++i) {
    const std::uint32_t v = static_cast<std::uint32_t>(i * 4369 - (i % 3 == 1 ? 128 : 0));
    rgb += i % 4 == 0 ? "\0"s : ""s;
    grey += i % 4 == 0 ? "\0"s : ""s;
    alpha += i % 4 == 0 ? "\0"s : ""s;
    rgb += big_endian(v, 2) + big_endian(65535 - v, 2) + big_endian(129, 2);
    grey += big_endian(v, 2);
    alpha += big_endian(v, 2) + "\0\0"s;
  }
  const ByteImage a = read(png_of(4, 4, 16, 2, png_chunk("IDAT", stored(rgb))), 4, 4).image;
  const ByteImage b = read(png_of(4, 4, 16, 0, png_chunk("IDAT", stored(grey))), 4, 4).image;
  const ByteImage c = read(png_of(4, 4, 16, 4, png_chunk("IDAT", stored(alpha))), 4, 4).image;
  for (int i = 0; i < 16; ++i) {
    const double v = i * 4369 - (i % 3 == 1 ? 128 : 0);
    const auto at = static_cast<std::size_t>(3 * i);
    const int expected = static_cast<int>(v * 255 / 65535 + 0.5), inverse = static_cast<int>((65535 - v) * 255 / 65535 + 0.5);
    EXPECT_EQ(a.rgb[at], expected) << i;
    EXPECT_EQ(a.rgb[at + 1], inverse) << i;
    EXPECT_EQ(a.rgb[at + 2], 1) << i;  // 129 / 257 is a half and more
    for (std::size_t channel = 0; channel < 3; ++channel) {
      EXPECT_EQ(b.rgb[at + channel], expected) << i;
      EXPECT_EQ(c.rgb[at + channel], expected) << i;
    }
  }
}

// What cameras leave around the end mark, and what Pillow does with each.
TEST_F(Photographs, BytesWithoutMeaningInAJpegChangeNothing) {
  for (const std::string name : {"baseline.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "restarts.jpg"}) {
    const std::string whole = golden(name), body = whole.substr(0, whole.size() - 2), end = "\xff\xd9";
    const std::size_t table = whole.find("\xff\xdb"), scan = whole.find("\xff\xda");
    std::string ff00, ffd1;
    for (int i = 0; i < 16; ++i) {
      ff00 += "\xff\0"s;
      ffd1 += "\xff\xd1";
    }
    const std::map<std::string, std::string> variants = {
        {"zeros", body + std::string(64, '\0') + end},
        {"ff", body + std::string(16, '\xff') + end},
        {"ff00", body + ff00 + end},
        {"ffd1", body + ffd1 + end},
        {"text", body + "padding by the camera" + end},
        {"comment", body + "\xff\xfe\x00\x05xyz"s + end},
        {"application data", body + "\xff\xe5\x00\x05xyz"s + end},
        {"trailing", whole + std::string(512, '\0')},
        {"another picture behind", whole + golden("grey.jpg")},
        {"fill bytes", whole.substr(0, table) + "\xff\xff\xff" + whole.substr(table)},
        {"junk between segments", whole.substr(0, scan) + "\0\1\2"s + whole.substr(scan)}};
    for (const auto& [what, bytes] : variants) {
      const Photograph photograph = read(bytes);
      EXPECT_EQ(hash_of(photograph.image), golden_pictures().at(name).cut) << name << ": " << what;
      EXPECT_EQ(photograph.note, "") << name << ": " << what;
    }
  }
}

TEST_F(Photographs, AMissingEndMarkIsAsPillowTakesIt) {
  const std::string whole = golden("baseline.jpg"), body = whole.substr(0, whole.size() - 2);
  expect_refused(body, {"truncated"});
  expect_refused(body + "\xff", {"truncated"});
  const Photograph padded = read(body + std::string(100, '\0'));
  EXPECT_EQ(hash_of(padded.image), golden_pictures().at("baseline.jpg").cut);
  EXPECT_EQ(padded.note, "its end mark is missing, all of its rows are there");
  const Photograph damaged = read(body + "\xff\xdb\x00\x03\x09\xff\xd9"s);
  EXPECT_EQ(hash_of(damaged.image), golden_pictures().at("baseline.jpg").cut);
  EXPECT_NE(damaged.note.find("behind its rows is damaged"), std::string::npos) << damaged.note;
  const std::string progressive = golden("progressive.jpg"), scans = progressive.substr(0, progressive.size() - 2);
  expect_refused(scans, {"truncated"});
  expect_refused(scans + std::string(100, '\0'), {"truncated"});
}

TEST_F(Photographs, CutFilesAreTruncated) {
  for (const auto& [name, picture] : golden_pictures()) {
    for (const double share : {0.3, 0.5, 0.9, 0.97}) {
      const auto size = static_cast<std::size_t>(share * static_cast<double>(picture.bytes.size()));
      if (size > 40) expect_refused(picture.bytes.substr(0, size), {"truncated"}, name);
    }
  }
  for (std::size_t cut = 9; cut < golden("one_pixel.png").size(); ++cut)
    expect_refused(golden("one_pixel.png").substr(0, cut), {"truncated"}, std::to_string(cut));
}

// A tool that repairs such a file puts an end mark behind what there is.
TEST_F(Photographs, AnEndMarkBehindACutScanDoesNotHideIt) {
  for (const std::string name : {"baseline.jpg", "progressive.jpg", "restarts.jpg", "cmyk.jpg", "grey.jpg"}) {
    const std::string& whole = golden(name);
    for (const std::size_t size : {whole.size() / 2, whole.size() * 9 / 10, whole.size() - 20})
      expect_refused(whole.substr(0, size) + "\xff\xd9", {"truncated"}, name);
  }
}

TEST_F(Photographs, AProgressivePictureWithoutItsLastScansSaysSo) {
  const std::string& whole = golden("progressive.jpg");
  std::vector<std::size_t> scans;
  for (std::size_t at = whole.find("\xff\xda"); at != std::string::npos; at = whole.find("\xff\xda", at + 2))
    scans.push_back(at);
  ASSERT_GE(scans.size(), 8u);
  const Photograph coarse = read(whole.substr(0, scans.back()) + "\xff\xd9");
  EXPECT_NE(coarse.note.find("last scans are missing"), std::string::npos) << coarse.note;
  EXPECT_EQ(read(whole).note, "");
}

TEST_F(Photographs, DamagedDataOfAJpegAreRefusedWithLibjpegsWords) {
  const std::string& restarts = golden("restarts.jpg");
  const std::size_t mark = restarts.find("\xff\xd2", restarts.find("\xff\xda"));
  ASSERT_NE(mark, std::string::npos);
  std::string wrong = restarts;
  wrong[mark + 1] = '\xd5';
  expect_refused(wrong, {"damaged", "0xd5", "RST2"});
  expect_refused(restarts.substr(0, mark) + restarts.substr(mark + 2), {"damaged"}, "a restart mark is missing");
  // Codes that are in no table, early in a picture: libjpeg-turbo's quick way takes them for zeros.
  for (const std::string name : {"tall.jpg", "baseline_444.jpg", "cmyk.jpg"}) {
    std::string ones = golden(name);
    const std::size_t scan = ones.find("\xff\xda") + 40;
    for (std::size_t i = scan; i < scan + 40; i += 2) ones.replace(i, 2, "\xff\0"s);
    expect_refused(ones, {"damaged", "Huffman"}, name);
  }
  std::string precision = golden("baseline.jpg");
  precision[precision.find("\xff\xc0") + 4] = 12;
  expect_refused(precision, {"12"}, "twelve bits");
  std::string lossless = golden("baseline.jpg");
  lossless[lossless.find("\xff\xc0") + 1] = '\xc3';
  expect_refused(lossless, {"not read"}, "lossless");
}

TEST_F(Photographs, AChecksumThatDoesNotFitIsNamed) {
  for (const std::string name : {"colour_2_8.png", "colour_3_4_interlaced.png", "colour_0_1.png", "exif_6.png"}) {
    const std::string& whole = golden(name);
    // Every byte of every chunk's data, pixels and metadata: the checksum is what finds it.
    for (std::size_t at = 8; at + 12 <= whole.size();) {
      std::size_t length = 0;
      for (int i = 0; i < 4; ++i) length = length * 256 + static_cast<unsigned char>(whole[at + static_cast<std::size_t>(i)]);
      const std::string type = whole.substr(at + 4, 4);
      for (std::size_t i = 0; i < length + 4; i += 7) {
        std::string flipped = whole;
        flipped[at + 8 + i] ^= 0x10;
        expect_refused(flipped, {"checksum (CRC-32)", type}, name);
      }
      at += length + 12;
    }
  }
}

TEST_F(Photographs, PixelsWithAnotherAdler32AreRefused) {
  std::string pixels = stored("\0\1\2\3\0\4\5\6"s);
  EXPECT_EQ(read(png_of(3, 2, 8, 0, png_chunk("IDAT", pixels)), 2, 2).image.rgb[0], 1);
  for (std::size_t i = 1; i <= 4; ++i) {
    std::string wrong = pixels;
    wrong[wrong.size() - i] ^= 1;
    expect_refused(png_of(3, 2, 8, 0, png_chunk("IDAT", wrong)), {"checksum (Adler-32)"});
    expect_refused(png_of(3, 2, 8, 0, png_chunk("IDAT", wrong.substr(0, 5)) + png_chunk("IDAT", wrong.substr(5))),
                   {"Adler-32"});
  }
  std::string changed = pixels;
  changed[9] ^= 0x40;  // a pixel, with a fitting CRC
  expect_refused(png_of(3, 2, 8, 0, png_chunk("IDAT", changed)), {"checksum (Adler-32)"});
  expect_refused(png_of(3, 2, 8, 0, png_chunk("IDAT", pixels.substr(0, pixels.size() - 2))), {"damaged"}, "no Adler-32");
  expect_refused(png_of(3, 3, 8, 0, png_chunk("IDAT", pixels)), {"fewer pixels"});
  expect_refused(png_of(3, 1, 8, 0, png_chunk("IDAT", pixels)), {"more pixels"});
  expect_refused(png_of(3, 2, 8, 3, png_chunk("IDAT", pixels)), {"damaged"}, "no palette");
  expect_refused(png_of(3, 2, 8, 3, png_chunk("PLTE", "abcdef") + png_chunk("IDAT", pixels)), {"colour 3", "palette of 2"});
  expect_refused(png_of(3, 2, 3, 0, png_chunk("IDAT", pixels)), {"damaged"}, "a depth of 3");
  expect_refused(png_of(3, 2, 8, 5, png_chunk("IDAT", pixels)), {"libpng"}, "colour type 5");
}

TEST_F(Photographs, OtherFilesAreCalledByTheirName) {
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"GIF89a\1\0\1\0"s, "GIF"},
      {"RIFF\x24\0\0\0WEBPVP8 "s, "WebP"},
      {"\0\0\0\x18"s + "ftypheic", "HEIC"},
      {"\0\0\0\x18"s + "ftypavif", "AVIF"},
      {"II*\0\x08\0\0\0"s, "TIFF"},
      {"MM\0*\0\0\0\x08"s, "TIFF"},
      {"BM\x36\0\0\0"s, "BMP"},
      {"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"},
      {"%PDF-1.7\n", "PDF"},
      {"<!DOCTYPE html><html><body>404</body></html>", "HTML"},
      {"a text about a cat", "text"},
      {"\xef\xbb\xbfgr\xc3\xbc\xc3\x9f"
       "e",
       "text"},
      {"P6\n2 2\n255\n\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c", "Netpbm"},
      {"", "empty"},
      {std::string(4096, '\0'), "zeros"},
      {"PK\3\4abc", "zip"},
      {"\x1f\x8b\x08\0\0\0\0\0"s, "gzip"},
      {std::string(128, '\0') + "DICM", "DICOM"},
      {"\x89PNG\n\x1a\n\0\0\0"s, "line ends"},
      {"\xff\xd8\0\0\0\0\xff\xe0"s, "beginning of a JPEG"},
      {"\xff\x0a\1\2", "JPEG XL"},
      {"\0\0\0\x0cjP  \r\n"s, "JPEG 2000"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"},
      {"\1\2\3\4\5", "neither"}};
  for (const auto& [bytes, name] : kinds) expect_refused(bytes, {name}, name);
}

TEST_F(Photographs, WhatIsNoFileIsCalledWhatItIs) {
  const auto reason = [&](const std::filesystem::path& path) {
    try {
      read_photograph(path, {28, 24, Filter::bicubic, false});
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(reason(folder).find("folder"), std::string::npos);
  EXPECT_NE(reason(folder / "none.png").find("does not exist"), std::string::npos);
  ASSERT_EQ(::mkfifo((folder / "pipe.png").c_str(), 0600), 0);
  EXPECT_NE(reason(folder / "pipe.png").find("pipe"), std::string::npos);
  std::filesystem::create_symlink("nowhere", folder / "link.png");
  EXPECT_NE(reason(folder / "link.png").find("link to 'nowhere'"), std::string::npos);
  EXPECT_NE(reason("/dev/null").find("device"), std::string::npos);
  EXPECT_THROW(read_photograph(file(golden("grey.jpg")), {24, 28, Filter::bicubic, false}), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
