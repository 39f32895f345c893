#include "weights/key_tables.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "weights/checkpoint_file.h"

namespace vitrine {
namespace {

constexpr Family kAll[] = {Family::torchvision, Family::timm, Family::timm_tf, Family::efficientnet_pytorch};

// Blocks of a network with these repeats per stage; every block of stage 0 is without an expansion.
std::vector<BlockNames> blocks(const std::vector<int>& repeats, bool has_se = true) {
  std::vector<BlockNames> out;
  for (int stage = 0; stage < static_cast<int>(repeats.size()); ++stage) {
    for (int repeat = 0; repeat < repeats[static_cast<std::size_t>(stage)]; ++repeat)
      out.push_back({stage, repeat, stage > 0, has_se});
  }
  return out;
}

const std::vector<int> kB0{1, 2, 2, 3, 3, 4, 1}, kB7{4, 7, 7, 10, 10, 13, 4};

std::map<std::string, std::string> as_map(Family family, const std::vector<BlockNames>& network) {
  std::map<std::string, std::string> out;
  for (const KeyPair& pair : key_table(family, network)) out.emplace(pair.vitrine, pair.file);
  return out;
}

TensorFile file_with(const std::vector<std::string>& names) {
  TensorFile file;
  for (const std::string& name : names) file.tensors.push_back(StoredTensor::from(name, Tensor::full({1}, 0.0f)));
  return file;
}

TEST(KeyTables, CountsMatchThePublishedStateDicts) {
  // The published files have one num_batches_tracked more per batch norm: 360 = 311 + 49 for b0, 1200 = 1037 + 163 for b7.
  for (const Family family : kAll) {
    EXPECT_EQ(key_table(family, blocks(kB0)).size(), 360u - 49u);
    EXPECT_EQ(key_table(family, blocks(kB7)).size(), 1200u - 163u);
    EXPECT_EQ(key_table(family, blocks(kB0, false)).size(), 360u - 49u - 16u * 4u);
  }
}

TEST(KeyTables, EveryKeyIsUnique) {
  for (const Family family : kAll) {
    for (const bool has_se : {true, false}) {
      const auto table = key_table(family, blocks(kB7, has_se));
      std::set<std::string> ours, theirs;
      for (const KeyPair& pair : table) {
        ours.insert(pair.vitrine);
        theirs.insert(pair.file);
      }
      EXPECT_EQ(ours.size(), table.size());
      EXPECT_EQ(theirs.size(), table.size());
    }
  }
}

TEST(KeyTables, TimmKeysAreOurOwn) {
  for (const Family family : {Family::timm, Family::timm_tf}) {
    for (const KeyPair& pair : key_table(family, blocks(kB7))) EXPECT_EQ(pair.vitrine, pair.file);
  }
}

TEST(KeyTables, TheProjectionOfAnUnexpandedBlockIsConvPw) {
  const auto torchvision = as_map(Family::torchvision, blocks(kB7));
  EXPECT_EQ(torchvision.at("blocks.0.3.conv_dw.weight"), "features.1.3.block.0.0.weight");
  EXPECT_EQ(torchvision.at("blocks.0.3.bn1.running_var"), "features.1.3.block.0.1.running_var");
  EXPECT_EQ(torchvision.at("blocks.0.3.se.conv_reduce.bias"), "features.1.3.block.1.fc1.bias");
  EXPECT_EQ(torchvision.at("blocks.0.3.conv_pw.weight"), "features.1.3.block.2.0.weight");
  EXPECT_EQ(torchvision.at("blocks.0.3.bn2.bias"), "features.1.3.block.2.1.bias");
  EXPECT_EQ(torchvision.at("blocks.1.0.conv_pw.weight"), "features.2.0.block.0.0.weight");
  EXPECT_EQ(torchvision.at("blocks.1.0.bn1.weight"), "features.2.0.block.0.1.weight");
  EXPECT_EQ(torchvision.at("blocks.1.0.conv_dw.weight"), "features.2.0.block.1.0.weight");
  EXPECT_EQ(torchvision.at("blocks.1.0.se.conv_expand.weight"), "features.2.0.block.2.fc2.weight");
  EXPECT_EQ(torchvision.at("blocks.1.0.conv_pwl.weight"), "features.2.0.block.3.0.weight");
  EXPECT_EQ(torchvision.at("blocks.1.0.bn3.running_mean"), "features.2.0.block.3.1.running_mean");
  EXPECT_EQ(torchvision.at("conv_stem.weight"), "features.0.0.weight");
  EXPECT_EQ(torchvision.at("bn2.bias"), "features.8.1.bias");
  EXPECT_EQ(torchvision.at("classifier.weight"), "classifier.1.weight");

  const auto lukemelas = as_map(Family::efficientnet_pytorch, blocks(kB0));
  EXPECT_EQ(lukemelas.at("blocks.0.0.conv_pw.weight"), "_blocks.0._project_conv.weight");
  EXPECT_EQ(lukemelas.at("blocks.0.0.bn1.weight"), "_blocks.0._bn1.weight");
  EXPECT_EQ(lukemelas.at("blocks.6.0.conv_pw.weight"), "_blocks.15._expand_conv.weight");
  EXPECT_EQ(lukemelas.at("blocks.6.0.bn1.bias"), "_blocks.15._bn0.bias");
  EXPECT_EQ(lukemelas.at("blocks.6.0.bn3.bias"), "_blocks.15._bn2.bias");
  EXPECT_EQ(lukemelas.at("blocks.5.3.se.conv_reduce.weight"), "_blocks.14._se_reduce.weight");
  EXPECT_EQ(lukemelas.at("bn1.weight"), "_bn0.weight");
  EXPECT_EQ(lukemelas.at("classifier.bias"), "_fc.bias");
}

TEST(KeyTables, TheFamilyFollowsFromTwoKeys) {
  EXPECT_EQ(family_of(file_with({"features.0.0.weight", "features.1.0.block.0.0.weight"})), Family::torchvision);
  EXPECT_EQ(family_of(file_with({"conv_stem.weight", "blocks.0.0.conv_dw.weight"})), Family::timm);
  EXPECT_EQ(family_of(file_with({"_blocks.0._depthwise_conv.weight", "_conv_stem.weight"})), Family::efficientnet_pytorch);
  EXPECT_EQ(family_of(file_with({"features.0.0.weight", "features.1.conv.0.0.weight"})), std::nullopt);  // MobileNetV2
  EXPECT_EQ(family_of(file_with({"conv_stem.weight"})), std::nullopt);
  EXPECT_EQ(family_of({}), std::nullopt);
}

TEST(KeyTables, NamesGoBothWays) {
  for (const Family family : kAll) EXPECT_EQ(family_from_name(family_name(family)), family);
  EXPECT_EQ(family_name(Family::timm_tf), "timm-tf");
  EXPECT_EQ(family_from_name("keras"), std::nullopt);
}

// The real ImageNet weights, when scripts/fetch-weights lite0 has brought them.
TEST(KeyTablesGolden, ThePublishedLite0FitsEfficientnetPytorch) {
  const auto path = std::filesystem::path(VITRINE_SOURCE_DIR) / "weights" / "files" / "efficientnet_lite0.pth";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "run scripts/fetch-weights lite0 first";
  const TensorFile file = read_checkpoint(path);
  EXPECT_EQ(family_of(file), Family::efficientnet_pytorch);
  const auto table = key_table(Family::efficientnet_pytorch, blocks(kB0, false));
  for (const KeyPair& pair : table) EXPECT_NE(file.find(pair.file), nullptr) << pair.file;
  std::size_t counters = 0;
  for (const StoredTensor& t : file.tensors) counters += t.name.ends_with("num_batches_tracked") ? 1 : 0;
  EXPECT_EQ(table.size() + counters, file.tensors.size());
  EXPECT_EQ(file.at("_fc.weight").shape.text(), "[1000, 1280]");
}

}  // namespace
}  // namespace vitrine
