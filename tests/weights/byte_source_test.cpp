#include "weights/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/output.h"
#include "base/sha256.h"
#include "weights/checkpoint_file.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ByteSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("vitrine-bytes-" + std::to_string(::getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  template <class Call>
  std::string refusal(const Call& call) {
    try {
      call();
    } catch (const WeightsError& error) {
      return error.what();
    }
    return "nothing was refused";
  }
  fs::path folder;
};

TEST_F(ByteSourceTest, FilesAndMemoryReadTheSame) {
  const std::string bytes = "0123456789";
  write_file(folder / "f", bytes);
  for (const ByteSource& source : {ByteSource(bytes), ByteSource::file(folder / "f")}) {
    EXPECT_EQ(source.size(), 10u);
    EXPECT_EQ(source.read(3, 4), "3456");
    EXPECT_EQ(source.read(10, 0), "");
    EXPECT_EQ(source.head(99), bytes);
    EXPECT_EQ(source.sha256(), sha256(bytes));
    EXPECT_THROW(source.read(8, 3), InternalError);
    EXPECT_THROW(source.read(std::uint64_t{1} << 63, 1), InternalError);
  }
  EXPECT_EQ(ByteSource().size(), 0u);
}

TEST_F(ByteSourceTest, OnlyRegularFilesAreOpened) {
  EXPECT_THAT(refusal([&] { ByteSource::file(folder / "none"); }), HasSubstr("none does not exist"));
  EXPECT_THAT(refusal([&] { ByteSource::file(folder); }), HasSubstr("is a folder"));
  EXPECT_THAT(refusal([&] { ByteSource::file("/dev/zero"); }), HasSubstr("is a device"));
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(refusal([&] { ByteSource::file(folder / "fifo"); }), HasSubstr("is a pipe"));
  write_file(folder / "huge", "");
  fs::resize_file(folder / "huge", kMaxCheckpointBytes + 1);  // sparse
  EXPECT_THAT(refusal([&] { ByteSource::file(folder / "huge"); }), HasSubstr("more than the 4294967296 allowed"));
}

// A tensor is read when it is asked for: by then the file may have grown, shrunk or been rewritten in place.
TEST_F(ByteSourceTest, AFileThatChangesWhileItIsReadIsRefused) {
  const fs::path path = folder / "w.safetensors";
  const TensorFile content{{StoredTensor::from("w", Shape{2}, std::vector<double>{1, 2})}, {}};
  const auto changed = [&](const auto& change) {
    write_safetensors(path, content);
    const TensorFile file = read_checkpoint(path);
    EXPECT_EQ(file.at("w").to_double(), (std::vector<double>{1, 2}));
    change();
    return refusal([&] { file.at("w").to_double(); });
  };
  EXPECT_THAT(changed([&] { std::ofstream(path, std::ios::app) << "x"; }), HasSubstr("changed while it was read"));
  EXPECT_THAT(changed([&] { fs::resize_file(path, 20); }), HasSubstr("changed while it was read"));
  EXPECT_THAT(changed([&] { fs::last_write_time(path, fs::file_time_type::min() + std::chrono::hours(1)); }),
              HasSubstr("changed while it was read"));
  // Replaced by renaming another file over it: the opened one is still whole.
  EXPECT_EQ(changed([&] { write_file(path, "other"); }), "nothing was refused");
}

}  // namespace
}  // namespace vitrine
