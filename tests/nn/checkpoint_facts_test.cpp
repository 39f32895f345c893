// What one question to a checkpoint answers: every family, a file of Vitrine's own, what the user adds, and what is refused.
#include "nn/efficientnet/checkpoint_facts.h"
#include "base/version.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "nn/efficientnet/checkpoint.h"

namespace vitrine::testing {
namespace {

constexpr Family kFamilies[] = {Family::torchvision, Family::timm, Family::timm_tf, Family::efficientnet_pytorch,
                                Family::tensorflow};

// A checkpoint as the family names it.
TensorFile file_of(Family family, const std::string& arch, std::int64_t classes, std::int64_t channels = 3) {
  TensorFile file;
  for (const ListedTensor& t : tensor_list(family, architecture(arch), classes, channels))
    file.tensors.push_back(StoredTensor::from(t.key, Tensor::full(t.shape, 0.5f)));
  return file;
}

bool are_timms(Family family) { return family == Family::timm || family == Family::timm_tf; }

std::string refusal(const TensorFile& file, const CheckpointRequest& said) {
  try {
    checkpoint_facts(file, said, "a.pth");
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

void expect_refusal(const TensorFile& file, const CheckpointRequest& said, const std::string& part) {
  EXPECT_NE(refusal(file, said).find(part), std::string::npos) << part << " is not in: " << refusal(file, said);
}

TEST(CheckpointFacts, OfEveryFamily) {
  for (const Family family : kFamilies) {
    SCOPED_TRACE(family_name(family));
    const std::string from = are_timms(family) ? std::string(family_name(family)) : "auto";
    for (const std::string arch : {"lite0", "b0"}) {
      const TensorFile file = file_of(family, arch, 7, 2);
      const CheckpointFacts facts = checkpoint_facts(file, {.from = from}, "a.pth");
      EXPECT_FALSE(facts.own);
      EXPECT_EQ(facts.family, family);
      EXPECT_EQ(facts.architecture.name, arch);
      EXPECT_EQ(facts.classes, 7);
      EXPECT_EQ(facts.channels(), 2);
      const Semantics published = published_semantics(family, architecture(arch));
      EXPECT_EQ(padding_text(facts.semantics), padding_text(published));
      EXPECT_EQ(facts.semantics.bn_eps, published.bn_eps);
      EXPECT_EQ(facts.semantics.mean, published.mean);
      EXPECT_EQ(facts.semantics.input_size, published.input_size);
      const CheckpointIdentity is = identify(file);
      EXPECT_FALSE(is.own);
      EXPECT_EQ(is.family, are_timms(family) ? Family::timm : family);
      EXPECT_EQ(is.architecture, arch);
      EXPECT_EQ(is.classes, 7);
      const EfficientNet net = load_efficientnet(file, facts, "a.pth");
      EXPECT_EQ(net.classes, 7);
      EXPECT_EQ(net.stem.weight.value.shape()[2], 2);
    }
  }
}

TEST(CheckpointFacts, OfAFileOfVitrinesOwn) {
  Semantics semantics;
  semantics.padding = PaddingRule::same_static;
  semantics.static_size = 240;
  semantics.channels = 1;
  semantics.input_size = 64;
  EfficientNet net(architecture("lite0"), semantics, 2);
  net.initialize(1);
  net.trained_on = {{"NSCLC", "SCLC"}, "t1c", "LP", 64, 64};
  const TensorFile file = to_tensor_file(net, {});
  const CheckpointFacts facts =
      checkpoint_facts(file, {.semantics = {.padding = "same", .norm = {}, .interpolation = {}}}, "own");
  EXPECT_TRUE(facts.own);
  EXPECT_EQ(facts.family, Family::timm);
  EXPECT_EQ(facts.architecture.name, "lite0");
  EXPECT_EQ(facts.classes, 2);
  EXPECT_EQ(facts.channels(), 1);
  EXPECT_EQ(padding_text(facts.stated), "same-static:240");
  EXPECT_EQ(padding_text(facts.semantics), "same");
  EXPECT_EQ(facts.semantics.input_size, 64);
  EXPECT_EQ(facts.trained_on.class_names, net.trained_on.class_names);
  EXPECT_EQ(facts.trained_on.height, 64);
  EXPECT_TRUE(identify(file).own);
  expect_refusal(file, {.arch = "b0"}, "it holds a lite0, --arch says b0");
  for (const char* key : {"vitrine.arch", "vitrine.classes", "vitrine.padding"}) {
    TensorFile without = file;
    without.metadata.erase(key);
    expect_refusal(without, {}, std::string("the metadata '") + key + "' is missing");
  }
  EXPECT_EQ(file.metadata.at("vitrine.version"), version());
  TensorFile later = file;
  later.metadata["format"] = "vitrine.2";
  later.metadata["vitrine.version"] = "1.4.0";
  expect_refusal(later, {}, "its format is 'vitrine.2', written by Vitrine 1.4.0; this is " + std::string(version()));
  TensorFile of_three = file;  // its metadata say another number of channels than its tensors, for prediction and for training
  of_three.metadata["vitrine.channels"] = "3";
  for (const Head head : {Head::as_in_file, Head::keep_mine})
    expect_refusal(of_three, {.arch = "lite0", .head = head},
                   "'conv_stem.weight' has shape [32, 1, 3, 3], expected [32, 3, 3, 3]");
}

TEST(CheckpointFacts, WhatTheUserSaysIsCheckedAgainstTheFile) {
  const TensorFile timm = file_of(Family::timm, "lite0", 3), torchvision = file_of(Family::torchvision, "lite0", 3);
  expect_refusal(timm, {}, "pass --from timm (efficientnet_*) or --from timm-tf (tf_efficientnet_*)");
  expect_refusal(timm, {.from = "keras"}, "--from is 'keras'");
  expect_refusal(torchvision, {.arch = "b9"}, "b9");
  expect_refusal(torchvision, {.arch = "b0"}, "the file fits lite0 best, pass --arch lite0");
  expect_refusal(torchvision, {.from = "timm"}, "none of its tensors has a name and shape of timm");
  expect_refusal({}, {}, "its keys fit no known EfficientNet family");
  SemanticsOverrides wrong;
  wrong.norm = "none";
  expect_refusal(torchvision, {.semantics = wrong}, "--norm is 'none'");
  EXPECT_EQ(identify({}).family, std::nullopt);
  EXPECT_EQ(identify({}).architecture, "");
}

TEST(CheckpointFacts, TrainingDoesNotAskForTheClassifier) {
  TensorFile file = file_of(Family::torchvision, "lite0", 3);
  file.tensors.resize(file.tensors.size() - 2);
  expect_refusal(file, {.arch = "lite0"}, "'classifier.1.weight' [1000, 1280] is missing");
  const CheckpointFacts facts = checkpoint_facts(file, {.arch = "lite0", .head = Head::keep_mine}, "a.pth");
  EXPECT_EQ(facts.architecture.name, "lite0");
  EXPECT_EQ(identify(file).classes, 0);
}

}  // namespace
}  // namespace vitrine::testing
