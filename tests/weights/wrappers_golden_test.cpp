// Checkpoints as training scripts leave them, written by torch.save itself (tests/peers/wrappers_fixture.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "weights/checkpoint_file.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const fs::path kFolder = fs::path(VITRINE_SOURCE_DIR) / "tests/golden/wrappers";

// The three tensors of every file; `sign` -1 for an average.
void expect_network(const TensorFile& file, double sign = 1) {
  EXPECT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.at("conv_stem.weight").shape, (Shape{2, 3, 1, 1}));
  EXPECT_EQ(file.at("conv_stem.weight").to_double(),
            (std::vector<double>{sign * 1, sign * 2, sign * 3, sign * 4, sign * 5, sign * 6}));
  EXPECT_EQ(file.at("blocks.0.0.conv_dw.weight").to_double(), (std::vector<double>{sign * 101, sign * 102}));
  EXPECT_EQ(file.at("classifier.bias").to_double(), (std::vector<double>{sign * 201, sign * 202, sign * 203}));
}

std::string refusal(const std::string& name, WeightSet wanted = WeightSet::plain) {
  try {
    read_checkpoint(kFolder / name, wanted);
  } catch (const WeightsError& error) {
    return error.what();
  }
  return "nothing was refused";
}

// Fifty kinds of objects beside the network, in every protocol and container: none is built, all are passed over.
TEST(WrappersGolden, InertObjectsArePassedOver) {
  for (const char* protocol : {"2", "3", "4", "5"}) {
    for (const char* container : {"zip", "legacy"}) {
      const std::string name = std::string("inert-") + protocol + "-" + container + ".pth";
      SCOPED_TRACE(name);
      const TensorFile file = read_checkpoint(kFolder / name);
      expect_network(file);
      EXPECT_EQ(file.metadata.at("unwrapped"), "net");
      EXPECT_THAT(file.metadata.at("skipped"), HasSubstr("Colour"));
      EXPECT_THAT(file.remarks, IsEmpty());
    }
  }
}

TEST(WrappersGolden, PrefixesAreDroppedAndSaid) {
  const TensorFile nested = read_checkpoint(kFolder / "nested.pth");
  expect_network(nested);
  EXPECT_EQ(nested.metadata.at("unwrapped"), "model.state_dict");
  EXPECT_THAT(nested.remarks, ElementsAre("the prefix 'module._orig_mod.' was dropped"));
  const TensorFile lightning = read_checkpoint(kFolder / "lightning.pth");
  expect_network(lightning);
  EXPECT_THAT(lightning.remarks, ElementsAre("the prefix 'model.' was dropped", "1 tensor was left out: criterion.weight"));
}

TEST(WrappersGolden, OfTwoSetsOfWeightsThePlainOneIsReadUnlessAsked) {
  for (const auto& [name, plain, average] :
       std::vector<std::array<const char*, 3>>{{"timm-ema.pth", "'state_dict'", "'state_dict_ema'"},
                                               {"torchvision-ema.pth", "'model'", "'model_ema/module.'"},
                                               {"student.pth", "'student.'", "'teacher.'"}}) {
    SCOPED_TRACE(name);
    const TensorFile file = read_checkpoint(kFolder / name), averaged = read_checkpoint(kFolder / name, WeightSet::averaged);
    expect_network(file);
    EXPECT_EQ(file.remarks.at(0), text(plain, " was read, not the averaged weights ", average, ", which --ema takes"));
    expect_network(averaged, -1);
    EXPECT_EQ(averaged.remarks.at(0), text("the averaged weights ", average, " were read, not ", plain));
  }
  EXPECT_THAT(refusal("nested.pth", WeightSet::averaged),
              HasSubstr("the file has none beside 'model.state_dict/module._orig_mod.'; leave --ema out"));
  EXPECT_THAT(refusal("two.pth"), HasSubstr("it holds two networks, 'first' and 'second'"));
}

TEST(WrappersGolden, TensorsWithAttributesAreRead) { expect_network(read_checkpoint(kFolder / "attributes.pth")); }

TEST(WrappersGolden, WhatCannotBeReadIsNamed) {
  EXPECT_THAT(refusal("unreadable.pth"), HasSubstr("the tensor 'classifier.bias' cannot be read: it is made by "
                                                   "'torch._utils._rebuild_sparse_tensor'; nothing was executed"));
  EXPECT_THAT(refusal("arrays.pth"), HasSubstr("the tensor 'conv_stem.weight' cannot be read: it is made by 'numpy._core"));
  EXPECT_THAT(refusal("whole.pth"),
              HasSubstr("model of the class torch.nn.modules.linear.Linear, epoch); nothing was executed; "
                        "save model.state_dict()"));
}

TEST(WrappersGolden, SizesOf64BitsAreRead) {
  for (const char* name : {"zip64.pth", "zip64-descriptors.pth"}) expect_network(read_checkpoint(kFolder / name));
}

TEST(WrappersGolden, AnyChangedByteIsReadOrRefused) {
  for (const char* name : {"inert-2-zip.pth", "inert-5-legacy.pth", "zip64.pth", "zip64-descriptors.pth"}) {
    const std::string bytes = read_file(kFolder / name, 1u << 20);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const int change : {0x01, 0xff}) {
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
