#include "weights/tensorflow_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "tests/weights/torch_bytes.h"
#include "weights/checkpoint_file.h"
#include "weights/crc32.h"
#include "weights/tensorflow_index.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::little_endian;

const fs::path kGolden = fs::path(VITRINE_SOURCE_DIR) / "tests/golden/tensorflow";  // written by TensorFlow itself

// A varint of one byte, length-delimited and table pieces, for indices that are wrong in one place.
std::string counted(char tag, const std::string& bytes) {
  return tag + std::string(1, static_cast<char>(bytes.size())) + bytes;
}
std::string entry(const std::string& key, const std::string& value, char shared = 0) {
  return std::string{shared, static_cast<char>(key.size()), static_cast<char>(value.size())} + key + value;
}
std::string block(const std::string& entries, char compression = 0, std::uint32_t wrong = 0) {
  const std::string body = entries + little_endian(0, 4) + little_endian(1, 4) + compression;
  return body + little_endian(masked_crc32c(crc32c(body)) + wrong, 4);
}
std::string handle(std::size_t offset, std::size_t size) {
  std::string out;
  for (std::size_t v : {offset, size}) {
    for (; v >= 0x80; v >>= 7) out += static_cast<char>((v & 0x7f) | 0x80);
    out += static_cast<char>(v);
  }
  return out;
}
std::string table(const std::string& data) {
  const std::string index = block(entry("z", handle(0, data.size() - 5)));
  std::string footer = handle(0, 0) + handle(data.size(), index.size() - 5);
  footer.resize(40, '\0');
  return data + index + footer + little_endian(0xdb4775248b80fb57, 8);
}
const std::string kHeader = entry("", std::string("\x08\x01", 2));

std::string refusal(const std::string& bytes) {
  try {
    parse_tensorflow_index(ByteSource(bytes), "x.index");
  } catch (const WeightsError& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.index"));
    return error.what();
  }
  return "nothing was refused";
}

TEST(Crc32c, MatchesThePublishedCheckValue) { EXPECT_EQ(crc32c("123456789"), 0xe3069283u); }

TEST(TensorflowGolden, AveragesArePreferredAndAxesArePyTorchs) {
  const TensorFile file = read_checkpoint(kGolden / "model.ckpt.index");
  const StoredTensor& stem = file.at("stem/conv2d/kernel");
  EXPECT_EQ(stem.shape, (Shape{4, 2, 3, 3}));
  // Element (k, c, r, s) is element (r, s, c, k) of the variable's average.
  const std::vector<double> values = stem.to_double();
  for (int k = 0, at = 0; k < 4; ++k)
    for (int c = 0; c < 2; ++c)
      for (int r = 0; r < 3; ++r)
        for (int s = 0; s < 3; ++s, ++at) EXPECT_EQ(values[static_cast<std::size_t>(at)], -(((r * 3 + s) * 2 + c) * 4 + k));
  const StoredTensor& depthwise = file.at("blocks_0/depthwise_conv2d/depthwise_kernel");
  EXPECT_EQ(depthwise.shape, (Shape{4, 1, 3, 3}));
  EXPECT_EQ(depthwise.to_double()[1], 104);  // (c 0, r 0, s 1)
  EXPECT_EQ(file.at("head/dense/kernel").to_double(),
            (std::vector<double>{200, 203, 206, 209, 212, 201, 204, 207, 210, 213, 202, 205, 208, 211, 214}));
  EXPECT_EQ(file.at("head/dense/bias").to_double(), (std::vector<double>{300, 301, 302}));
  EXPECT_EQ(file.at("stem/tpu_batch_normalization/moving_mean").to_double(), (std::vector<double>{400, 401, 402, 403}));
  EXPECT_EQ(file.tensors.size(), 5u);
  for (const char* name : {"RMSProp", "global_step", "note"}) EXPECT_THAT(file.metadata.at("left_out"), HasSubstr(name));
}

TEST(TensorflowGolden, TheIndexOrTheCommonNameOpensIt) {
  EXPECT_EQ(read_checkpoint(kGolden / "model.ckpt.index").tensors.size(), 5u);
  EXPECT_EQ(read_checkpoint(kGolden / "model.ckpt").tensors.size(), 5u);
}

TEST(TensorflowGolden, DamagedFilesAreRefused) {
  const std::string index = read_file(kGolden / "model.ckpt.index", 1u << 20);
  for (std::size_t n = 0; n < index.size(); ++n) EXPECT_THAT(refusal(index.substr(0, n)), HasSubstr("refused at byte")) << n;
  const fs::path folder = fs::temp_directory_path() / ("vitrine-tensorflow-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::string data = read_file(kGolden / "model.ckpt.data-00000-of-00001", 1u << 20);
  const auto refused_with = [&](const std::string& shard) {
    write_file(folder / "m.index", index);
    write_file(folder / "m.data-00000-of-00001", shard);
    try {
      read_tensorflow(folder / "m.index");
    } catch (const WeightsError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  EXPECT_EQ(refused_with(data), "nothing was refused");
  EXPECT_THAT(refused_with(data.substr(0, data.size() / 2)), HasSubstr("cut off"));
  data[40] = static_cast<char>(data[40] ^ 1);
  EXPECT_THAT(refused_with(data), HasSubstr("CRC-32C is wrong"));
  fs::remove(folder / "m.data-00000-of-00001");
  EXPECT_THROW(read_tensorflow(folder / "m.index"), WeightsError);
  fs::remove_all(folder);
}

TEST(TensorflowHostile, EachFlawIsNamed) {
  EXPECT_EQ(refusal(table(block(kHeader))), "nothing was refused");
  EXPECT_THAT(refusal(table(block(""))), HasSubstr("no header"));
  EXPECT_THAT(refusal(table(block(kHeader, 1))), HasSubstr("compressed"));
  EXPECT_THAT(refusal(table(block(kHeader, 0, 1))), HasSubstr("CRC-32C is wrong"));
  EXPECT_THAT(refusal(table(block(entry("", std::string("\x10\x01", 2))))), HasSubstr("big-endian"));
  EXPECT_THAT(refusal(table(block(entry("", std::string("\x08\x00", 2))))), HasSubstr("0 shards"));
  EXPECT_THAT(refusal(table(block(kHeader + entry("a", "", 5)))), HasSubstr("shares more bytes"));
  EXPECT_THAT(refusal(table(block(kHeader + entry("a", counted('\x3a', ""))))), HasSubstr("partitioned"));
  EXPECT_THAT(refusal(table(block(kHeader + entry("a", std::string(11, '\xff'))))), HasSubstr("64 bits"));
  EXPECT_THAT(refusal(table(block(kHeader + entry("a", "\x4b")))), HasSubstr("wire type"));
  EXPECT_THAT(refusal(table(block(kHeader + entry(std::string("a\0", 2), "")))), HasSubstr("control character"));
  std::string axes;
  for (int i = 0; i < 9; ++i) axes += counted('\x12', std::string("\x08\x01", 2));
  EXPECT_THAT(refusal(table(block(kHeader + entry("a", counted('\x12', axes))))), HasSubstr("8 axes"));
}

// An index and its shards, of float variables: name, shard, offset, number of elements, and a wrong checksum each.
class TensorflowShards : public ::testing::Test {
 protected:
  struct Variable {
    std::string name;
    int shard = 0, offset = 0, count = 1;
  };

  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("vitrine-shards-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string number(char tag, int value) {
    std::string out(1, tag);
    for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
    return out + static_cast<char>(value);
  }
  void write(const std::vector<Variable>& variables, int shards = 1) {
    std::string entries = entry("", number('\x08', shards));
    for (const Variable& v : variables) {
      const std::string shape = counted('\x12', counted('\x12', number('\x08', v.count)));
      entries += entry(v.name, number('\x08', 1) + shape + number('\x18', v.shard) + number('\x20', v.offset) +
                                   number('\x28', 4 * v.count) + "\x35" + little_endian(1, 4));
    }
    write_file(folder_ / "m.index", table(block(entries)));
  }
  std::string refusal_of_files() const {
    try {
      read_tensorflow(folder_ / "m.index");
    } catch (const WeightsError& error) {
      return error.what();
    }
    return "nothing was refused";
  }
  fs::path folder_;
};

// The checksums are all wrong; what is refused is the overlap, before any is computed.
TEST_F(TensorflowShards, EveryByteBelongsToOneVariable) {
  write_file(folder_ / "m.data-00000-of-00001", std::string(4096, '\0'));
  write({{"a", 0, 0, 1}, {"b", 0, 4, 1}});
  EXPECT_THAT(refusal_of_files(), HasSubstr("'a' is refused: its CRC-32C is wrong"));
  write({{"a", 0, 0, 4}, {"b", 0, 12, 1}});
  EXPECT_THAT(refusal_of_files(), HasSubstr("'b' is refused: its bytes overlap those of 'a'"));
  write({{"a", 0, 0, 4}, {"b", 0, 8, 0}, {"c", 0, 12, 1}});
  EXPECT_THAT(refusal_of_files(), HasSubstr("'c' is refused: its bytes overlap those of 'a'"));
  write({{"a", 0, 16, 1}, {"b", 0, 0, 100}});
  EXPECT_THAT(refusal_of_files(), HasSubstr("overlap"));
  std::vector<Variable> many;
  for (int i = 0; i < 1000; ++i) many.push_back({"v" + std::to_string(1000 + i), 0, 0, 1024});
  write(many);
  EXPECT_THAT(refusal_of_files(), HasSubstr("overlap"));
}

TEST_F(TensorflowShards, EveryShardIsAFileOfItsOwn) {
  write_file(folder_ / "m.data-00000-of-00002", std::string(64, '\0'));
  fs::create_symlink("m.data-00000-of-00002", folder_ / "m.data-00001-of-00002");
  write({{"a", 0, 0, 1}, {"b", 1, 0, 1}}, 2);
  EXPECT_THAT(refusal_of_files(), HasSubstr("two of its shards are one file"));
  fs::remove(folder_ / "m.data-00001-of-00002");
  fs::create_hard_link(folder_ / "m.data-00000-of-00002", folder_ / "m.data-00001-of-00002");
  EXPECT_THAT(refusal_of_files(), HasSubstr("two of its shards are one file"));
  fs::remove(folder_ / "m.data-00001-of-00002");
  write_file(folder_ / "m.data-00001-of-00002", std::string(64, '\0'));
  EXPECT_THAT(refusal_of_files(), HasSubstr("CRC-32C"));
}

TEST_F(TensorflowShards, NamesComeInOrderAndOnce) {
  write_file(folder_ / "m.data-00000-of-00001", std::string(64, '\0'));
  write({{"a", 0, 0, 1}, {"a", 0, 4, 1}});
  EXPECT_THAT(refusal_of_files(), HasSubstr("'a' is there twice or out of order"));
  write({{"b", 0, 0, 1}, {"a", 0, 4, 1}});
  EXPECT_THAT(refusal_of_files(), HasSubstr("'a' is there twice or out of order"));
}

TEST(TensorflowGolden, WithoutAveragesNoneCanBeTaken) {
  EXPECT_EQ(read_checkpoint(kGolden / "model.ckpt", WeightSet::averaged).tensors.size(), 5u);
  const TensorFile file = read_checkpoint(kGolden / "model.ckpt");
  EXPECT_THAT(file.remarks,
              ::testing::ElementsAre("the moving averages of 1 variables were read in their place",
                                     "the prefix 'efficientnet-b0/' was dropped", "1 tensor was left out: global_step"));
  EXPECT_EQ(file.metadata.at("stripped"), "efficientnet-b0/");
}

}  // namespace
}  // namespace vitrine
