#include "weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "tests/reference_files.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;

// A safetensors file with this header text and these data bytes.
std::string container(const std::string& header, const std::string& data = "") {
  std::string out;
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(header.size() >> shift & 0xff);
  return out + header + data;
}

std::string refusal(const std::string& bytes) {
  try {
    parse_safetensors(bytes, "x.safetensors");
  } catch (const WeightsError& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.safetensors"));
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

TensorFile small_file() {
  TensorFile file;
  file.metadata["format"] = "vitrine.1";
  file.metadata["note"] = "quotes \" and é";
  file.tensors.push_back(StoredTensor::from("weight", Tensor::from({2, 3}, std::vector<float>{1, -2, 3.5f, 0, 1e-40f, 6})));
  file.tensors.push_back(StoredTensor::from("steps", Shape{}, std::vector<std::int64_t>{-7}));
  file.tensors.push_back(StoredTensor::from("empty", Shape{0, 3}, std::vector<double>{}));
  file.tensors.push_back(StoredTensor::from("name with spaces/é", Shape{2}, std::vector<double>{0.1, -1e300}));
  return file;
}

TEST(Safetensors, WhatIsWrittenReadsBackInOrder) {
  const TensorFile written = small_file();
  const std::string bytes = safetensors_bytes(written);
  const TensorFile read = parse_safetensors(bytes, "x");
  EXPECT_EQ(read.metadata, written.metadata);
  ASSERT_EQ(read.tensors.size(), written.tensors.size());
  for (std::size_t i = 0; i < read.tensors.size(); ++i) {
    EXPECT_EQ(read.tensors[i].name, written.tensors[i].name);
    EXPECT_EQ(read.tensors[i].type, written.tensors[i].type);
    EXPECT_EQ(read.tensors[i].shape.text(), written.tensors[i].shape.text());
    EXPECT_EQ(read.tensors[i].bytes(), written.tensors[i].bytes());
  }
  EXPECT_EQ(safetensors_bytes(read), bytes);
}

TEST(Safetensors, DataStartAlignedTo64Bytes) {
  for (std::size_t length = 1; length < 130; ++length) {
    TensorFile file;
    file.tensors.push_back(StoredTensor::from(std::string(length, 'n'), Tensor::full({1}, 2.0f)));
    const std::string bytes = safetensors_bytes(file);
    EXPECT_EQ((bytes.size() - 4) % 64, 0u);
    EXPECT_EQ(parse_safetensors(bytes, "x").tensors[0].name.size(), length);
  }
}

TEST(Safetensors, AnEmptyFileOfNoTensorsIsFine) {
  EXPECT_TRUE(parse_safetensors(container("{}"), "x").tensors.empty());
  EXPECT_TRUE(parse_safetensors(safetensors_bytes({}), "x").tensors.empty());
}

TEST(Safetensors, TheWriterRefusesDuplicateNames) {
  TensorFile file = small_file();
  file.tensors.push_back(file.tensors[0]);
  EXPECT_THROW(safetensors_bytes(file), WeightsError);
}

TEST(Safetensors, FilesGoThroughTheDiskUnchanged) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "vitrine_safetensors_test.safetensors";
  write_safetensors(path, small_file());
  EXPECT_EQ(read_file(path, 1 << 20), safetensors_bytes(small_file()));
  EXPECT_EQ(safetensors_bytes(read_safetensors(path)), safetensors_bytes(small_file()));
  std::filesystem::remove(path);
  EXPECT_THROW(read_safetensors(path), WeightsError);
  EXPECT_THROW(read_safetensors(::testing::TempDir()), WeightsError);
  EXPECT_THROW(read_safetensors("/dev/zero"), WeightsError);
  EXPECT_THROW(write_safetensors("/nowhere/at/all.safetensors", small_file()), FileError);
}

TEST(Safetensors, EntriesAreSortedByTheirOffset) {
  const TensorFile file = parse_safetensors(
      container(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}})",
                "\x01\x02"),
      "x");
  EXPECT_EQ(file.tensors[0].name, "a");
  EXPECT_EQ(file.at("b").bytes(), "\x02");
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_THROW(file.at("c"), WeightsError);
}

TEST(Safetensors, EveryTypeConvertsExactly) {
  const auto values = [](const std::string& dtype, std::string bytes, std::size_t item) {
    const std::string count = std::to_string(bytes.size() / item), end = std::to_string(bytes.size());
    const std::string header =
        R"({"t":{"dtype":")" + dtype + R"(","shape":[)" + count + R"(],"data_offsets":[0,)" + end + "]}}";
    const StoredTensor t = parse_safetensors(container(header, bytes), "x").at("t");
    const Tensor as_float = t.to_float();
    std::vector<double> out = t.to_double();
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(as_float.host()[i], static_cast<float>(out[i]));
    return out;
  };
  const auto list = [](std::initializer_list<double> v) { return std::vector<double>(v); };
  // 1, -2, 65504 (largest), 2^-24 (smallest subnormal), infinity.
  EXPECT_EQ(values("F16", std::string("\x00\x3c\x00\xc0\xff\x7b\x01\x00\x00\x7c", 10), 2),
            list({1, -2, 65504, 0x1p-24, std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(values("BF16", std::string("\x80\x3f\x49\xc0", 4), 2), list({1, -3.140625}));
  EXPECT_EQ(values("I16", std::string("\xfe\xff", 2), 2), list({-2}));
  EXPECT_EQ(values("I8", "\xfe", 1), list({-2}));
  EXPECT_EQ(values("U8", "\xfe", 1), list({254}));
  EXPECT_EQ(values("I32", std::string("\x00\x00\x00\x80", 4), 4), list({-2147483648.0}));
  EXPECT_EQ(values("BOOL", std::string("\x00\x01", 2), 1), list({0, 1}));
}

TEST(SafetensorsHostile, LengthsAreCheckedBeforeAnythingElse) {
  EXPECT_THAT(refusal(""), HasSubstr("empty file"));
  EXPECT_THAT(refusal("1234567"), HasSubstr("7 bytes"));
  for (const std::uint64_t length : {0ull, 1ull, 100'000'001ull, 1ull << 63, ~0ull}) {
    std::string bytes;
    for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(length >> shift & 0xff);
    EXPECT_THAT(refusal(bytes + "{}"), HasSubstr(std::to_string(length)));
  }
  EXPECT_THAT(refusal(container("{}").substr(0, 9)), HasSubstr("only 1"));
}

TEST(SafetensorsHostile, OtherFilesAreCalledByTheirName) {
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:0"), HasSubstr("Git LFS pointer"));
  EXPECT_THAT(refusal("<!DOCTYPE html><html></html>"), HasSubstr("HTML page"));
  EXPECT_THAT(refusal("\x1f\x8b 0123456789"), HasSubstr("gzip"));
  EXPECT_THAT(refusal(std::string("PK\x03\x04 0123456789")), HasSubstr("zip"));
  EXPECT_THAT(refusal("\x80\x02}q 0123456789"), HasSubstr("pickle"));
}

TEST(SafetensorsHostile, EachFlawOfTheHeaderIsNamed) {
  const std::string good = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  const auto entry = [](const std::string& e) { return container("{\"t\":" + e + "}", "1234"); };
  EXPECT_EQ(parse_safetensors(entry(good), "x").tensors.size(), 1u);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {container(" {}"), "starts with '{'"},
      {container("\xef\xbb\xbf{}"), "starts with '{'"},
      {container("{}\n"), "without '}'"},
      {container("{} {}"), "not valid JSON"},
      {container("{\"a"), "without '}'"},
      {container("{\"\xff\":1}"), "not valid JSON"},
      {container("{\"\\ud800\":1}"), "not valid JSON"},
      {container("{\"a\":1e999}"), "an object is expected"},
      {container("{\"t\\u0000\":" + good + "}", "1234"), "control character"},
      {container("{\"t\":" + good + ",\"t\":" + good + "}", "1234"), "duplicate key 't'"},
      {container("{\"a\":" + good + ",\"\\u0061\":" + good + "}", "1234"), "duplicate key 'a'"},
      {container("{\"__metadata__\":{},\"__metadata__\":{}}"), "duplicate key '__metadata__'"},
      {container("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}"), "'a' is a duplicate"},
      {container("{\"__metadata__\":{\"a\":1}}"), "a string is expected"},
      {container("{\"__metadata__\":{\"a\":[\"b\"]}}"), "a string is expected"},
      {container("{\"__metadata__\":{\"a\":{}}}"), "a string is expected"},
      {container("{\"__metadata__\":\"a\"}"), "an object is expected"},
      {container("{\"" + std::string(513, 'n') + "\":" + good + "}", "1234"), "longer than 512 bytes"},
      {container("{\"\":" + good + "}", "1234"), "name is empty"},
      {entry("[]"), "an object is expected"},
      {entry("{}"), "dtype is missing"},
      {entry(R"({"dtype":"F32","shape":[1]})"), "data_offsets is missing"},
      {entry(R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]})"), "duplicate"},
      {entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":0})"), "'x' is not one of"},
      {entry(R"({"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,4]})"), "'F8_E4M3' is not supported"},
      {entry(R"({"dtype":"C64","shape":[1],"data_offsets":[0,8]})"), "'C64' is not supported"},
      {entry(R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})"), "dtype has the number 4"},
      {entry(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"), "-1"},
      {entry(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})"), "1.0"},
      {entry(R"({"dtype":"F32","shape":[1e0],"data_offsets":[0,4]})"), "1e0"},
      {entry(R"({"dtype":"F32","shape":[01],"data_offsets":[0,4]})"), "not valid JSON"},
      {entry(R"({"dtype":"F32","shape":[0x1],"data_offsets":[0,4]})"), "not valid JSON"},
      {entry(R"({"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]})"), "18446744073709551616"},
      {entry(R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]})"), "9223372036854775808"},
      {entry(R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})"), "a list"},
      {entry(R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})"), "a string"},
      {entry(R"({"dtype":"F32","shape":[null],"data_offsets":[0,4]})"), "null"},
      {entry(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})"), "more than 8 axes"},
      {entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})"), "1 numbers"},
      {entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})"), "more than two"},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_THAT(refusal(bytes), HasSubstr(expected)) << bytes.substr(8, 100);
}

TEST(SafetensorsHostile, TheDataMustBeCoveredExactly) {
  const auto two = [](const std::string& a, const std::string& b, const std::string& data) {
    return container(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
                         R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}",
                     data);
  };
  EXPECT_EQ(parse_safetensors(two("[0,2]", "[2,4]", "1234"), "x").at("b").bytes(), "34");
  EXPECT_THAT(refusal(two("[0,2]", "[3,5]", "12345")), HasSubstr("not right behind"));
  EXPECT_THAT(refusal(two("[0,2]", "[1,3]", "123")), HasSubstr("inside"));
  EXPECT_THAT(refusal(two("[1,3]", "[3,5]", "12345")), HasSubstr("not right behind"));
  EXPECT_THAT(refusal(two("[0,2]", "[4,2]", "1234")), HasSubstr("end before that"));
  EXPECT_THAT(refusal(two("[0,2]", "[2,4]", "123")), HasSubstr("cut off"));
  EXPECT_THAT(refusal(two("[0,2]", "[2,4]", "12345678")), HasSubstr("nothing may follow"));
  EXPECT_THAT(refusal(two("[0,2]", "[2,5]", "12345")), HasSubstr("needs 2"));
  EXPECT_THAT(refusal(container(R"({"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}})")),
              HasSubstr("64 bits"));
  EXPECT_THAT(refusal(container(R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})")),
              HasSubstr("64 bits"));
  EXPECT_THAT(
      refusal(container(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[18446744073709551600,18446744073709551615]}})")),
      HasSubstr("not right behind"));
  EXPECT_THAT(refusal(container(R"({"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}})")),
              HasSubstr("cut off"));
}

TEST(SafetensorsHostile, TruncationIsRefusedAtEveryByte) {
  const std::string bytes = safetensors_bytes(small_file());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW(parse_safetensors(bytes.substr(0, length), "x"), WeightsError);
}

TEST(SafetensorsHostile, AnyChangedByteIsReadOrRefusedButNeverCrashes) {
  const std::string bytes = safetensors_bytes(small_file());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int change : {0x01, 0x20, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ change);
      try {
        parse_safetensors(damaged, "x");
      } catch (const WeightsError&) {
        continue;  // any other exception fails the test
      }
    }
  }
}

TEST(SafetensorsHostile, TooManyTensorsAndTooMuchMetadataAreRefused) {
  std::string many = "{";
  for (int i = 0; i <= 65'536; ++i)
    many += (i > 0 ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_THAT(refusal(container(many + "}")), HasSubstr("more than 65536 tensors"));
  const std::string large = "{\"__metadata__\":{\"a\":\"" + std::string(std::size_t{17} << 20, 'x') + "\"}}";
  EXPECT_THAT(refusal(container(large)), HasSubstr("16777216"));
}

}  // namespace
}  // namespace vitrine
