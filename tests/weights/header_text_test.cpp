// The reader of safetensors headers against a JSON library that is known to be strict: nlohmann-json.
#include "weights/header_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/weights/torch_bytes.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::little_endian;
using Json = nlohmann::json;

std::string container(const std::string& header, const std::string& data = "") {
  return little_endian(header.size(), 8) + header + data;
}

// What the library finds in a header that this reader accepted.
void expect_same(const TensorFile& file, const std::string& header) {
  const Json json = Json::parse(header, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << header;
  const Json none = Json::object(), &metadata = json.contains("__metadata__") ? json.at("__metadata__") : none;
  ASSERT_EQ(file.metadata.size(), metadata.size()) << header;
  for (const auto& [key, value] : file.metadata) EXPECT_EQ(metadata.at(key).get<std::string>(), value);
  ASSERT_EQ(file.tensors.size(), json.size() - (json.contains("__metadata__") ? 1 : 0)) << header;
  for (const StoredTensor& t : file.tensors) {
    const Json& entry = json.at(t.name);
    EXPECT_EQ(entry.at("dtype").get<std::string>(), dtype_name(t.type));
    EXPECT_EQ(Shape(entry.at("shape").get<std::vector<std::int64_t>>()), t.shape);
  }
}

const std::string kTensor = R"({"dtype":"U8","shape":[2,1],"data_offsets":[0,2]})";

TEST(HeaderText, WhatTheFormatAllowsIsRead) {
  const std::vector<std::string> headers{
      "{\"a\":" + kTensor + "}", "{ \"a\" : { \"shape\" : [ 2 , 1 ] , \"data_offsets\" : [ 0 , 2 ] , \"dtype\" : \"U8\" } }  ",
      R"({"\u0061\/\\\"é\u00e9\ud83d\ude00 😀":)" + kTensor + "}",
      R"({"__metadata__":{"\n\t":"\b\f\n\r\t\u0000\u001f","é":"","":"x"},"a":)" + kTensor + "}",
      R"({"a":)" + kTensor + R"(,"__metadata__":{}})"};
  for (const std::string& header : headers) expect_same(parse_safetensors(container(header, "12"), "x"), header);
  EXPECT_THROW(parse_safetensors(container(R"({"\U0061":)" + kTensor + "}", "12"), "x"), WeightsError);
}

// Where a window of 64 KiB ends must not matter.
TEST(HeaderText, WindowsDoNotShow) {
  for (std::size_t pad = (64u << 10) - 120; pad < (64u << 10) + 20; ++pad) {
    const std::string header = "{" + std::string(pad, ' ') + R"("\u00e9\ud83d\ude00":)" + kTensor + "}";
    expect_same(parse_safetensors(container(header, "12"), "x"), header);
  }
}

// A NUL, at which a reader of C strings would stop, and any other control character.
TEST(HeaderTextHostile, ControlCharactersAreRefusedWhereverTheyStand) {
  const std::string header = R"({"__metadata__":{"k":"v"},"a":)" + kTensor + "} ";
  for (std::size_t at = 1; at <= header.size(); ++at) {
    for (const char control : {'\0', '\1', '\t', '\n', '\r', '\x1f', '\x7f'}) {
      std::string damaged = header;
      damaged.insert(at, 1, control);
      std::string message = "nothing was refused";
      try {
        parse_safetensors(container(damaged, "12"), "x");
      } catch (const WeightsError& error) {
        message = error.what();
      }
      EXPECT_THAT(message, ::testing::AnyOf(HasSubstr("control character"), HasSubstr("without '}'"))) << at;
      EXPECT_EQ(message.find(control), std::string::npos);
    }
  }
}

TEST(HeaderTextHostile, LongTokensNeverReachAMessage) {
  const std::string digits(10'000'000, '1');
  for (const std::string& header : std::vector<std::string>{
           "{\"a\":" + digits + "}", R"({"a":{"shape":[)" + digits + "]}}", R"({"a":{"shape":)" + digits + "}}",
           "{\"" + digits + "\":1}", R"({"a":{")" + digits + "\":1}}", R"({"a":{"dtype":")" + digits + "\"}}",
           R"({"__metadata__":{"a":)" + digits + "}}", R"({"__metadata__":{")" + digits + "\":1}}",
           R"({"__metadata__":)" + digits + "}", "{\"a\":-" + digits + "e}"}) {
    std::string message;
    try {
      parse_safetensors(container(header), "x");
    } catch (const WeightsError& error) {
      message = error.what();
    }
    EXPECT_GT(message.size(), 10u) << header.substr(0, 30);
    EXPECT_LT(message.size(), 280u) << header.substr(0, 30);
  }
}

// Changed at random: what is accepted reads the same in both.
TEST(HeaderTextHostile, WhatIsAcceptedTheLibraryReadsTheSame) {
  const std::string good = R"({"__metadata__":{"k\u00e9":"v \ud83d\ude00"},"a":)" + kTensor +
                           R"(,"b c":{"dtype":"F16","shape":[],"data_offsets":[2,4]}})";
  constexpr std::string_view kBytes = "\"\\{}[]:, 0123456789eE+-.uabcdf_\x80\xc3\xff\x01";
  std::uint64_t state = 1;
  const auto draw = [&](std::size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % below;
  };
  int accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string header = good;
    for (std::size_t i = 0, changes = 1 + draw(3); i < changes; ++i) {
      const std::size_t at = draw(header.size());
      switch (draw(4)) {
        case 0: header[at] = kBytes[draw(kBytes.size())]; break;
        case 1: header.insert(at, 1, kBytes[draw(kBytes.size())]); break;
        case 2: header.erase(at, 1); break;
        default: header.insert(at, header.substr(draw(header.size()), draw(12)));
      }
    }
    try {
      const TensorFile file = parse_safetensors(container(header, "1234"), "x");
      expect_same(file, header);
      ++accepted;
    } catch (const WeightsError&) {
      continue;
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace vitrine
