// Pictures that announce more than they hold, or ask for more work than they are worth: bounded memory and time.
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>

#include "base/confinement.h"
#include "data/resize.h"
#include "tests/data/pictures.h"

namespace vitrine::testing {
namespace {

using namespace std::string_literals;

std::string jpeg_announcing(const std::string& name, std::uint32_t width, std::uint32_t height) {
  std::string bytes = golden(name);
  std::size_t frame = bytes.find("\xff\xc0");
  if (frame == std::string::npos) frame = bytes.find("\xff\xc2");
  return bytes.replace(frame + 5, 4, big_endian(height, 2) + big_endian(width, 2));
}

std::string segment(char marker, const std::string& data) { return "\xff"s + marker + big_endian(data.size() + 2, 2) + data; }

// A flat progressive picture of side x side grey pixels: the DC coefficients, then each of the 63 others in fourteen scans of nothing.
std::string many_scans(std::uint32_t side) {
  const std::size_t blocks = std::size_t{(side + 7) / 8} * ((side + 7) / 8);
  const auto table = [](char kind, char symbol) { return segment('\xc4', kind + "\1"s + std::string(15, '\0') + symbol); };
  std::string out = "\xff\xd8" + segment('\xdb', "\0"s + std::string(64, '\1')) +
                    segment('\xc2', "\x08"s + big_endian(side, 2) + big_endian(side, 2) + "\1\1\x11\0"s) + table('\0', '\0') +
                    segment('\xda', "\1\1\0\0\0\0"s) + std::string((blocks + 7) / 8, '\0') + table('\x10', '\xe0');
  std::string run;  // "all blocks from here on", 2^14 + 2^14 - 1 at a time: a bit for the symbol, fourteen ones
  std::uint32_t held = 0;
  int bits = 0;
  for (std::size_t done = 0; done < blocks; done += 32767) {
    for (int i = 0; i < 15; ++i) {
      held = held << 1 | (i > 0 ? 1u : 0u);
      if (++bits < 8) continue;
      run += static_cast<char>(held);
      if ((held & 0xffu) == 0xffu) run += '\0';
      bits = 0;
    }
  }
  while (bits > 0 && bits++ < 8) held = held << 1 | 1u;
  if (bits > 0) run += static_cast<char>(held) + ((held & 0xffu) == 0xffu ? "\0"s : ""s);
  for (char band = 1; band < 64; ++band) {
    for (int low = 13; low >= 0; --low) {
      const char position = static_cast<char>((low == 13 ? 0 : low + 1) << 4 | low);
      out += segment('\xda', "\1\1\0"s + band + band + position) + run;
    }
  }
  return out + "\xff\xd9";
}

// A flat grey picture of one block in three channels, each in a scan of its own; the first `channels` of them are there.
std::string separate_scans(int channels) {
  const auto table = [](char kind) { return segment('\xc4', kind + "\1"s + std::string(16, '\0')); };
  std::string out = "\xff\xd8" + segment('\xdb', "\0"s + std::string(64, '\1')) +
                    segment('\xc0', "\x08\0\x08\0\x08\3\1\x11\0\2\x11\0\3\x11\0"s) + table('\0') + table('\x10');
  for (char c = 1; c <= channels; ++c) out += segment('\xda', "\1"s + c + "\0\0\x3f\0"s) + '\x3f';
  return out + "\xff\xd9";
}

class HostilePictures : public Pictures {
 protected:
  struct Measured {
    std::string refusal;  // empty: it was read
    double seconds = 0;
    long kib = 0;
  };

  // In a process of its own, so that its memory can be told from ours.
  Measured measured(const std::string& bytes) const {
    const std::filesystem::path path = file(bytes), answer = folder / "answer";
    std::filesystem::remove(answer);
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        read_photograph(path, {256, 224, Filter::bicubic, false});
      } catch (const std::exception& error) {
        std::ofstream(answer) << error.what();
        ::_exit(3);
      }
      ::_exit(0);
    }
    int status = 0;
    rusage usage{};
    ::wait4(child, &status, 0, &usage);
    Measured run{"", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), usage.ru_maxrss};
    EXPECT_TRUE(WIFEXITED(status)) << status;
    if (WEXITSTATUS(status) != 0) run.refusal = read_file(answer, 10'000);
    return run;
  }

  void expect_bounded(const Measured& run, std::size_t file_bytes, const std::string& what) const {
    EXPECT_LT(run.seconds, 1.0) << what;
    EXPECT_TRUE(kAddressSanitizer || run.kib < 64 * 1024 + static_cast<long>(2 * file_bytes / 1024))
        << run.kib << " KiB: " << what;
  }
};

TEST_F(HostilePictures, ASmallFileThatAnnouncesALargePictureIsRefusedAtOnce) {
  const std::string few = png_chunk("IDAT", zeros(1000));
  const std::vector<std::pair<std::string, std::string>> rows = {
      {png_of(8000, 8000, 8, 2, few), "more than its"},
      {png_of(8000, 8000, 16, 6, few), "more than its"},
      {png_of(8000, 8000, 8, 0, few, true), "more than its"},
      {png_of(8001, 8001, 8, 0, few), "64000000"},
      {png_of(0xffffffff, 0xffffffff, 16, 6, few), "64000000"},
      {png_of(64'000'000, 1, 1, 0, few), "1000000"},
      {png_of(0, 5, 8, 0, few), "0 x 5"},
      {jpeg_announcing("baseline.jpg", 8000, 8000), "more than its"},
      {jpeg_announcing("progressive.jpg", 8000, 8000), "more than its"},
      {jpeg_announcing("cmyk.jpg", 8000, 8000), "more than its"},
      {jpeg_announcing("grey.jpg", 65500, 65500), "64000000"},
      {jpeg_announcing("grey.jpg", 0, 100), "it "},
      {jpeg_announcing("baseline.jpg", 52, 65535), "it "},
      // With bytes enough for all of its blocks, but without their codes.
      {jpeg_announcing("progressive.jpg", 8000, 8000) + std::string(600'000, '\0'), "end early"},
      {jpeg_announcing("baseline.jpg", 8000, 8000) + std::string(600'000, '\0'), "end early"}};
  for (const auto& [bytes, part] : rows) {
    const Measured run = measured(bytes);
    EXPECT_NE(run.refusal.find(part), std::string::npos) << part << " is not in: " << run.refusal;
    expect_bounded(run, bytes.size(), part);
  }
}

TEST_F(HostilePictures, StripsTakeAsLittleAsOnePixel) {
  const Photograph one = read(black(1, 1), 256, 224);
  for (const auto& [width, height] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
           {20'000, 1}, {100'000, 1}, {1'000'000, 1}, {1, 20'000}, {1, 1'000'000}, {2, 300'000}, {64'000, 64}}) {
    const std::string bytes = black(width, height), what = std::to_string(width) + " x " + std::to_string(height);
    const Measured run = measured(bytes);
    EXPECT_EQ(run.refusal, "") << what;
    expect_bounded(run, bytes.size(), what);
    EXPECT_EQ(read(bytes, 256, 224).image.rgb, one.image.rgb) << what;
  }
}

TEST_F(HostilePictures, TheNumberOfScansIsBounded) {
  const Measured small = measured(many_scans(64));
  EXPECT_NE(small.refusal.find("more scans than"), std::string::npos) << small.refusal;
  const std::string large = many_scans(4000);
  const Measured run = measured(large);
  EXPECT_NE(run.refusal.find("more scans than"), std::string::npos) << run.refusal;
  EXPECT_LT(run.seconds, 1.0);
  // What of it arrives: coefficients of two bytes.
  const long most = 64 * 1024 + static_cast<long>(2 * (large.size() + 4000 * 4000) / 1024);
  EXPECT_TRUE(kAddressSanitizer || run.kib < most) << run.kib;
}

TEST_F(HostilePictures, MetadataAreBounded) {
  std::string texts, profiles;
  for (int i = 0; i < 210'000; ++i) texts += png_chunk("tEXt", "a\0b"s);
  const std::string pixels = png_chunk("IDAT", stored("\0\1"s));
  const std::vector<std::pair<std::string, std::string>> rows = {
      {png_of(1, 1, 8, 0, texts + pixels), "200000 chunks"},
      {png_of(1, 1, 8, 0, png_chunk("zTXt", "Raw profile type exif\0\0"s + zeros(30'000'000)) + pixels), ""},
      {png_of(1, 1, 8, 0, png_chunk("iCCP", "p\0\0"s + zeros(30'000'000)) + pixels), ""},
      {png_of(1, 1, 8, 0, png_chunk("iTXt", "XML:com.adobe.xmp\0\1\0\0\0"s + zeros(30'000'000)) + pixels), ""},
      {png_of(1, 1, 8, 0, png_chunk("tEXt", std::string(20'000'000, 'x')) + pixels), ""},
      {png_of(1, 1, 8, 0, pixels + png_chunk("IDAT", "bytes without meaning")), ""},
      {png_of(1, 1, 8, 0, png_chunk("IDAT", stored("\0\1"s) + "more")), ""},
      {png_of(1, 1, 8, 0, png_chunk("CgBI", "abcd") + pixels), "libpng"},
      {png_of(1, 1, 8, 0, png_chunk("IHDR", std::string(13, '\0')) + pixels), "IHDR"},
      {png_of(1, 1, 8, 0, ""), "no pixels"}};
  for (const auto& [bytes, part] : rows) {
    const Measured run = measured(bytes);
    if (part.empty()) {
      EXPECT_EQ(run.refusal, "");
    } else {
      EXPECT_NE(run.refusal.find(part), std::string::npos) << part << " is not in: " << run.refusal;
    }
    expect_bounded(run, bytes.size(), part);
  }
  std::string markers;
  for (int i = 0; i < 200; ++i) markers += segment('\xe1', "Exif\0\0"s + std::string(60'000, 'x'));
  const std::string bytes = golden("grey.jpg").substr(0, 2) + markers + golden("grey.jpg").substr(2);
  const Measured run = measured(bytes);
  EXPECT_EQ(run.refusal, "");
  expect_bounded(run, bytes.size(), "APP1");
}

TEST_F(HostilePictures, AChannelThatNeverComesIsMissed) {
  for (const std::uint8_t v : read(separate_scans(3), 8, 8).image.rgb) EXPECT_EQ(v, 128);
  for (const int channels : {0, 1, 2}) expect_refused(separate_scans(channels), {"it is "}, std::to_string(channels));
  expect_refused(separate_scans(2), {"channel has no data"});
}

// Every byte of some pictures changed at a time: read or refused, never anything else, and soon.
TEST_F(HostilePictures, ChangedBytesAreReadOrRefused) {
  int refused = 0, read_all = 0;
  const auto start = std::chrono::steady_clock::now();
  for (const std::string name : {"progressive_grey.jpg", "exif_6.jpg", "restarts.jpg", "cmyk_progressive.jpg"}) {
    const std::string& whole = golden(name);
    for (std::size_t i = 2; i < whole.size(); i += 3) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
      try {
        read(changed);
        ++read_all;
      } catch (const DataError&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(read_all, 500);  // most bytes of a JPEG are its pixels, which have no checksum
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), kAddressSanitizer ? 120 : 20);
}

}  // namespace
}  // namespace vitrine::testing
