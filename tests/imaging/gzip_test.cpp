// Streams of gzip: members, padding, garbage, cuts, and memory that follows what arrives.
#include "imaging/formats/gzip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "imaging/formats/nifti.h"
#include "imaging/formats/nifti_header.h"
#include "imaging/formats/read_volume.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

class Gzip : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) / ("gzip_" + std::to_string(::getpid()));
    fs::create_directories(folder);
    for (unsigned n = 0; n < 300'000; ++n) content += static_cast<char>((n * 7919u + n / 13) % 251);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string member(std::string_view bytes) const {
    {
      DeflatingFile file(folder / "m.gz");
      file.write(bytes);
      file.commit();
    }
    return read_file(folder / "m.gz", 1u << 30);
  }
  // All bytes, read in pieces of an odd size.
  std::string inflated(const std::string& bytes) const {
    write_file(folder / "x.gz", bytes);
    InflatingFile file(folder / "x.gz", 1u << 30);
    std::string all, piece(70'001, '\0');
    while (true) {
      const std::size_t n = file.read(std::span<char>(piece));
      all.append(piece, 0, n);
      if (n < piece.size()) break;
    }
    EXPECT_EQ(file.sha256(), sha256(bytes));
    return all;
  }
  std::string refusal(const std::string& bytes) const {
    try {
      inflated(bytes);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path folder;
  std::string content;
};

TEST_F(Gzip, OneMemberAndPlainBytesComeBack) {
  EXPECT_EQ(inflated(member(content)), content);
  EXPECT_EQ(inflated(content), content);
  EXPECT_EQ(inflated(""), "");
  EXPECT_EQ(inflated(member("")), "");
}

TEST_F(Gzip, SeveralMembersAreOneStream) {
  for (const std::size_t cut : {std::size_t{1}, std::size_t{1000}, std::size_t{150'000}, content.size() - 1}) {
    EXPECT_EQ(inflated(member(content.substr(0, cut)) + member(content.substr(cut))), content) << cut;
  }
  std::string many;
  for (std::size_t at = 0; at < content.size(); at += 20'000) many += member(content.substr(at, 20'000)) + member("");
  EXPECT_EQ(inflated(many), content);
}

TEST_F(Gzip, ZerosBehindTheLastMemberArePadding) {
  for (const std::size_t zeros : {1, 17, 512, 3'000'000})
    EXPECT_EQ(inflated(member(content) + std::string(zeros, '\0')), content);
  EXPECT_EQ(inflated(member(content) + member("x") + std::string(512, '\0')), content + "x");
}

TEST_F(Gzip, AnythingElseBehindItIsRefused) {
  const std::string good = member(content);
  EXPECT_THAT(refusal(good + "junk"), AllOf(HasSubstr(text("byte ", good.size())), HasSubstr("garbage")));
  EXPECT_THAT(refusal(good + std::string(100, '\0') + "j"),
              AllOf(HasSubstr(text("byte ", good.size() + 100)), HasSubstr("garbage")));
  EXPECT_THAT(refusal(good + std::string(512, '\0') + member("x")),
              HasSubstr("garbage"));  // gzip reads no member behind padding
  EXPECT_THAT(refusal(good + "\x1f"), HasSubstr("member 2 of the gzip stream ends too early"));
  EXPECT_THAT(refusal(good + "\x1f\x8c junk"), HasSubstr("member 2 of the gzip stream is damaged"));
}

TEST_F(Gzip, ACutOrChangedMemberIsRefusedWhereverItStands) {
  const std::string first = member(content), second = member(content.substr(0, 5000)), good = first + second;
  for (const std::size_t size : {first.size() - 1, first.size() - 8, first.size() / 2, std::size_t{12}}) {
    EXPECT_THAT(refusal(good.substr(0, size)), HasSubstr("ends too early")) << size;
  }
  for (std::size_t size = first.size() + 1; size < good.size(); size += 97) {
    EXPECT_THAT(refusal(good.substr(0, size)), HasSubstr("member 2 of the gzip stream ends too early")) << size;
  }
  for (const std::size_t at :
       {first.size() - 8, first.size() - 4, good.size() - 8, good.size() - 4}) {  // CRC and length of both
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_THAT(refusal(changed), AllOf(HasSubstr("damaged"), HasSubstr(at < first.size() ? "the gzip" : "member 2")));
  }
}

// Peak memory of `work` in a process of its own, in MiB, beyond that of a process that does nothing.
double peak_mib(const std::function<void()>& work) {
  const auto peak_of = [](const std::function<void()>& what) {
    const pid_t child = ::fork();
    if (child == 0) {
      what();
      ::_exit(0);
    }
    int status = 0;
    rusage usage{};
    ::wait4(child, &status, 0, &usage);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return static_cast<double>(usage.ru_maxrss) / 1024;
  };
  return peak_of(work) - peak_of([] {});
}

bool is_refused(const fs::path& path) {
  try {
    read_nifti(path);
  } catch (const DataError&) {
    return true;
  }
  return false;
}

TEST_F(Gzip, NothingIsReservedForWhatAHeaderAnnounces) {
  Geometry huge{{640, 640, 640}};
  std::string bytes = nifti_header_bytes(huge, NiftiType::f32);
  const std::int16_t f64 = 64, bits = 64;
  std::memcpy(bytes.data() + 70, &f64, 2);
  std::memcpy(bytes.data() + 72, &bits, 2);  // 2.1 GB announced
  std::string noise(2'100'000, '\0');
  std::uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  write_file(folder / "bomb.nii.gz", member(bytes + noise));
  EXPECT_LT(peak_mib([&] {
              if (!is_refused(folder / "bomb.nii.gz")) ::_exit(1);
            }),
            48);
}

TEST_F(Gzip, BytesBehindTheVolumeAreNotInflatedOnAndOn) {
  std::string bytes = nifti_header_bytes({{4, 4, 4}}, NiftiType::u8) + std::string(64, '\1') + std::string(50'000'000, '\0');
  write_file(folder / "long.nii.gz", member(bytes));
  EXPECT_LT(peak_mib([&] {
              if (!is_refused(folder / "long.nii.gz")) ::_exit(1);
            }),
            16);
}

TEST_F(Gzip, AVolumeTakesTwiceItsSizeAtMost) {
  Volume v{{{200, 200, 100}}, std::vector<float>(4'000'000)};
  for (std::size_t i = 0; i < v.data.size(); ++i) v.data[i] = static_cast<float>(i % 17);
  write_nifti(folder / "v.nii.gz", v);
  v = {};
  EXPECT_LT(peak_mib([&] { read_nifti(folder / "v.nii.gz"); }), 2 * 16 + 8);  // 16 MB of voxels
}

TEST_F(Gzip, ASeriesOfNearlyNothingIsRefusedBeforeItIsInflated) {
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string zeros = nifti_header_bytes({{256, 256, 64}}, NiftiType::u8) + std::string(256 * 256 * 64, '\0'),
              out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(zeros.data());
  stream.avail_in = static_cast<uInt>(zeros.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  write_file(folder / "zeros.nii.gz", out);
  try {
    read_series(folder / "zeros.nii.gz");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("bytes for each of its own, expected at most 256"));
  }
}

TEST_F(Gzip, AVolumeInMembersIsAVolume) {
  Volume v{{{20, 30, 10}}, std::vector<float>(6000)};
  for (std::size_t i = 0; i < v.data.size(); ++i) v.data[i] = static_cast<float>(i % 97);
  write_nifti(folder / "plain.nii", v);
  const std::string plain = read_file(folder / "plain.nii", 1u << 30);
  write_file(folder / "h.nii.gz", member(plain.substr(0, 352)) + member(plain.substr(352)) + std::string(512, '\0'));
  EXPECT_EQ(read_nifti(folder / "h.nii.gz").data, v.data);
  write_file(folder / "h.nii.gz", member(plain.substr(0, 352)) + member(plain.substr(352)) + "junk");
  EXPECT_TRUE(is_refused(folder / "h.nii.gz"));
}

}  // namespace
}  // namespace vitrine::imaging
