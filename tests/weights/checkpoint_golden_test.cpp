// The small state dict that torch.save and safetensors wrote into seven containers, against its values.
#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/reference_files.h"
#include "weights/checkpoint_file.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

const std::map<std::string, DType> kTorchNames{{"float32", DType::f32}, {"float16", DType::f16}, {"bfloat16", DType::bf16},
                                               {"float64", DType::f64}, {"int64", DType::i64},   {"int32", DType::i32},
                                               {"uint8", DType::u8},    {"bool", DType::boolean}};

void expect_equal(const StoredTensor& t, const Json& expected) {
  EXPECT_EQ(t.type, kTorchNames.at(expected["dtype"])) << t.name;
  EXPECT_EQ(t.shape.text(), Shape(expected["shape"].get<std::vector<std::int64_t>>()).text()) << t.name;
  EXPECT_EQ(t.to_double(), expected["values"].get<std::vector<double>>()) << t.name;
}

Json expected_values(const std::filesystem::path& path) { return parse_json(read_file(path, 1 << 20)); }

TEST(CheckpointGolden, SixContainersHoldTheSameStateDict) {
  VITRINE_REFERENCE_FILE(values, "checkpoints/values.json");
  const Json expected = expected_values(values);
  for (const std::string name : {"state_dict-zip.pth", "state_dict-legacy.pth", "plain_dict-zip-protocol4.pth",
                                 "nested-zip.pth", "model_and_optimizer-legacy.pth", "state_dict.safetensors"}) {
    SCOPED_TRACE(name);
    VITRINE_REFERENCE_FILE(path, "checkpoints/" + name);
    const TensorFile file = read_checkpoint(path);
    ASSERT_EQ(file.tensors.size(), 14u);
    std::size_t at = 0;
    for (const auto& [key, value] : expected.items()) {
      if (key == "parameter-zip.pth:weight") continue;
      expect_equal(file.at(key), value);
      // torch.save keeps the order of the dict, safetensors sorts.
      if (name.ends_with(".pth")) {
        EXPECT_EQ(file.tensors[at].name, key);
      }
      ++at;
    }
    EXPECT_EQ(parse_safetensors(safetensors_bytes(file), "copy").tensors.size(), 14u);
  }
}

TEST(CheckpointGolden, AParameterIsReadAsItsTensor) {
  VITRINE_REFERENCE_FILE(values, "checkpoints/values.json");
  VITRINE_REFERENCE_FILE(path, "checkpoints/parameter-zip.pth");
  const TensorFile file = read_checkpoint(path);
  ASSERT_EQ(file.tensors.size(), 1u);
  expect_equal(file.at("weight"), expected_values(values)["parameter-zip.pth:weight"]);
  EXPECT_TRUE(file.metadata.empty());
}

TEST(CheckpointGolden, UnwrappingIsNoted) {
  VITRINE_REFERENCE_FILE(nested, "checkpoints/nested-zip.pth");
  VITRINE_REFERENCE_FILE(model, "checkpoints/model_and_optimizer-legacy.pth");
  EXPECT_EQ(read_checkpoint(nested).metadata.at("unwrapped"), "state_dict (state_dict_ema is there too and was not read)");
  EXPECT_EQ(read_checkpoint(model).metadata.at("unwrapped"), "model");
}

TEST(CheckpointGolden, EveryContainerIsRecognised) {
  VITRINE_REFERENCE_FILE(zip, "checkpoints/state_dict-zip.pth");
  VITRINE_REFERENCE_FILE(legacy, "checkpoints/state_dict-legacy.pth");
  VITRINE_REFERENCE_FILE(safe, "checkpoints/state_dict.safetensors");
  EXPECT_EQ(container_of(read_file(zip, 1 << 20)), Container::torch_zip);
  EXPECT_EQ(container_of(read_file(legacy, 1 << 20)), Container::torch_legacy);
  EXPECT_EQ(container_of(read_file(safe, 1 << 20)), Container::safetensors);
}

// Every prefix of every container is refused; no prefix crashes or is half read.
TEST(CheckpointGolden, TruncationIsRefusedAtEveryByte) {
  for (const std::string name :
       {"parameter-zip.pth", "plain_dict-zip-protocol4.pth", "state_dict-legacy.pth", "state_dict.safetensors"}) {
    SCOPED_TRACE(name);
    VITRINE_REFERENCE_FILE(path, "checkpoints/" + name);
    const std::string bytes = read_file(path, 1 << 20);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_THROW(parse_checkpoint(bytes.substr(0, length), "x"), WeightsError) << length;
    }
  }
}

// A changed byte may go unnoticed in a safetensors or legacy file (they have no checksum), but nothing except a refusal may
// follow.
TEST(CheckpointGolden, AnyChangedByteIsReadOrRefused) {
  for (const std::string name : {"parameter-zip.pth", "plain_dict-zip-protocol4.pth", "model_and_optimizer-legacy.pth"}) {
    SCOPED_TRACE(name);
    VITRINE_REFERENCE_FILE(path, "checkpoints/" + name);
    const std::string bytes = read_file(path, 1 << 20);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const int change : {0x01, 0x02, 0x10, 0x80, 0xff}) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ change);
        try {
          parse_checkpoint(damaged, "x");
        } catch (const WeightsError&) {
          continue;  // any other exception fails the test
        }
      }
    }
  }
}

}  // namespace
}  // namespace vitrine
