// Which tensors of a file are the network: prefixes in every container and family, averages, optimisers, other networks.
#include "weights/network_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/weights/torch_bytes.h"
#include "weights/checkpoint_file.h"
#include "weights/key_tables.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

using namespace vitrine::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The keys by which a family is found.
const std::vector<std::pair<std::string, std::string>> kFamilies{
    {"features.0.0.weight", "features.1.0.block.0.0.weight"},
    {"conv_stem.weight", "blocks.0.0.conv_dw.weight"},
    {"_conv_stem.weight", "_blocks.0._depthwise_conv.weight"},
    {"stem/conv2d/kernel", "blocks_0/depthwise_conv2d/depthwise_kernel"}};

using Values = std::map<std::string, double>;  // one for each tensor

Values network(const std::string& prefix, double value = 1, std::size_t family = 1) {
  return {{prefix + kFamilies[family].first, value}, {prefix + kFamilies[family].second, value}};
}
Values operator+(Values a, const Values& b) {
  a.insert(b.begin(), b.end());
  return a;
}

TensorFile file_of(const Values& values) {
  TensorFile file;
  for (const auto& [name, value] : values)
    file.tensors.push_back(StoredTensor::from(name, Shape{1}, std::vector<double>{value}));
  return parse_safetensors(safetensors_bytes(file), "x");
}

TensorFile taken(const Values& values, WeightSet wanted = WeightSet::plain) {
  return take_network(file_of(values), wanted, "x");
}

std::string refusal(const Values& values, WeightSet wanted = WeightSet::plain) {
  try {
    taken(values, wanted);
  } catch (const WeightsError& error) {
    return error.what();
  }
  return "nothing was refused";
}

double stem(const TensorFile& file, std::size_t family = 1) { return file.at(kFamilies[family].first).to_double()[0]; }

TEST(NetworkChoice, AnyPrefixOfAnyFamilyIsDropped) {
  for (std::size_t family = 0; family < kFamilies.size(); ++family) {
    for (const char* prefix : {"module.", "_orig_mod.", "model.", "net.", "backbone.", "module._orig_mod.model.", "a.b.c.d.",
                               "encoder/", "efficientnet-b0/", "x/y.z/", "3."}) {
      SCOPED_TRACE(prefix);
      const TensorFile file = taken(network(prefix, 1, family) + Values{{"criterion.weight", 5}, {"total", 6}});
      EXPECT_EQ(stem(file, family), 1);
      EXPECT_EQ(file.tensors.size(), 2u);
      EXPECT_TRUE(family_of(file).has_value());
      EXPECT_EQ(file.metadata.at("stripped"), prefix);
      EXPECT_EQ(file.metadata.at("left_out"), "criterion.weight, total");
      EXPECT_THAT(file.remarks, ElementsAre(text("the prefix '", prefix, "' was dropped"),
                                            "2 tensors were left out: criterion.weight, total"));
    }
    const TensorFile bare = taken(network("", 1, family));
    EXPECT_THAT(bare.remarks, IsEmpty());
    EXPECT_TRUE(bare.metadata.empty());
  }
}

TEST(NetworkChoice, APrefixEndsAtADotOrASlash) {
  EXPECT_EQ(taken(network("my_", 1, 1)).tensors[0].name, "my_blocks.0.0.conv_dw.weight");  // "my_conv_stem.weight" is no stem
  EXPECT_EQ(stem(taken(network("module.", 1, 2)), 2), 1);  // "_conv_stem.weight" is not timm's behind "module._"
  // The stem alone is no network; names without any are left as they are, but for what PyTorch itself puts in front.
  EXPECT_EQ(taken({{"model.conv_stem.weight", 1}}).tensors[0].name, "model.conv_stem.weight");
  EXPECT_EQ(taken({{"module._orig_mod.w", 1}, {"module._orig_mod.v", 1}}).tensors[0].name, "v");
  EXPECT_EQ(taken({{"module.w", 1}, {"v", 1}}).tensors[0].name, "module.w");
}

TEST(NetworkChoice, AveragesAreKnownByTheirNamesOrTheirCounter) {
  for (const char* average :
       {"ema.", "model_ema.", "ema_model.module.", "modelEma.", "EMA.", "swa_model.", "shadow.", "teacher.", "avg_model.",
        "averaged_model.", "momentum_encoder.", "target_network.", "net/ema/", "polyak."}) {
    SCOPED_TRACE(average);
    const Values both = network("model.", 1) + network(average, 2);
    EXPECT_EQ(stem(taken(both)), 1);
    EXPECT_THAT(taken(both).remarks[0], HasSubstr(text("not the averaged weights '", average, "', which --ema takes")));
    EXPECT_EQ(stem(taken(both, WeightSet::averaged)), 2);
    // Alone it is what there is.
    EXPECT_EQ(stem(taken(network(average, 2))), 2);
    EXPECT_THAT(taken(network(average, 2)).remarks[0], text("the averaged weights '", average, "' were read"));
    EXPECT_EQ(stem(taken(network(average, 2), WeightSet::averaged)), 2);
  }
  const Values counted = network("a.", 1) + network("b.module.", 2) + Values{{"b.n_averaged", 3}};
  EXPECT_EQ(stem(taken(counted)), 1);
  EXPECT_EQ(stem(taken(counted, WeightSet::averaged)), 2);
  EXPECT_EQ(stem(taken(network("a.") + network("module.module.", 2) + Values{{"n_averaged", 3}}, WeightSet::averaged)), 2);
  EXPECT_EQ(stem(taken(network("a.") + network("b.module._orig_mod.", 2) + Values{{"b.n_averaged", 3}}, WeightSet::averaged)),
            2);
  for (const char* other : {"schema.", "emanuel.", "steam.", "swap."})
    EXPECT_THAT(refusal(network("model.") + network(other)), HasSubstr("it holds two networks"));
}

TEST(NetworkChoice, NothingIsGuessed) {
  EXPECT_THAT(refusal(network("a.") + network("b.", 2)),
              HasSubstr("x: it holds two networks, 'a.' and 'b.', and nothing tells"));
  EXPECT_THAT(refusal(network("a.") + network("b.", 2) + network("c.", 3)), HasSubstr("it holds 3 networks"));
  EXPECT_THAT(refusal(network("") + network("b.", 2)), HasSubstr("two networks, 'b.' and the top"));
  EXPECT_THAT(refusal(network("m.") + network("ema.", 2) + network("swa.", 3), WeightSet::averaged),
              HasSubstr("'ema.' and 'swa.'"));
  EXPECT_EQ(stem(taken(network("m.") + network("ema.", 2) + network("swa.", 3))), 1);
  EXPECT_THAT(refusal(network("m."), WeightSet::averaged), HasSubstr("the file has none beside 'm.'; leave --ema out"));
  EXPECT_THAT(refusal(network(""), WeightSet::averaged), HasSubstr("the file has none; leave --ema out"));
  EXPECT_THAT(refusal({{"w", 1}}, WeightSet::averaged), HasSubstr("the file has none; leave --ema out"));
  Values many;
  for (int i = 0; i < 20; ++i) many = many + network(std::to_string(i) + ".");
  EXPECT_THAT(refusal(many), HasSubstr("more than 16 networks"));
}

TEST(NetworkChoice, ATeacherOfAnotherShapeIsNoAverage) {
  TensorFile file = file_of(network("student.") + network("teacher.", 2));
  file.tensors.push_back(StoredTensor::from("teacher.blocks.6.9.more", Shape{1}, std::vector<double>{1}));
  const TensorFile student = take_network(file, WeightSet::plain, "x");
  EXPECT_EQ(stem(student), 1);
  EXPECT_EQ(student.remarks[0], "'teacher.' is a network of another shape and was not read");
  EXPECT_THROW(take_network(file, WeightSet::averaged, "x"), WeightsError);
  TensorFile wider = file_of(network("student."));
  for (const auto& [name, value] : network("teacher."))
    wider.tensors.push_back(StoredTensor::from(name, Shape{2}, std::vector<double>{1, 2}));
  EXPECT_EQ(stem(take_network(wider, WeightSet::plain, "x")), 1);
  EXPECT_THROW(take_network(wider, WeightSet::averaged, "x"), WeightsError);
}

TEST(NetworkChoice, OptimisersAreNoNetworks) {
  for (const char* place : {"optimizer.", "optim.state.exp_avg.", "state.exp_avg_sq.", "momentum_buffer.", "grads."}) {
    SCOPED_TRACE(place);
    EXPECT_EQ(stem(taken(network("model.") + network(place, 2))), 1);
  }
}

TEST(NetworkChoice, AFileOfVitrinesOwnStaysAsItIs) {
  TensorFile own = file_of(network("now/") + network("best/", 2));
  own.metadata["format"] = "vitrine.1";
  EXPECT_EQ(take_network(own, WeightSet::plain, "x").tensors.size(), 4u);
  EXPECT_THROW(take_network(own, WeightSet::averaged, "x"), WeightsError);
}

// The same through torch.save's containers, where sets lie in dicts.
class TorchDicts : public ::testing::Test {
 protected:
  static std::string dict(const std::string& prefix, int offset) {
    std::string out = "}(";
    for (const std::string& key : {kFamilies[1].first, kFamilies[1].second})
      out += unicode(prefix + key) + tensor_text({.offset = offset, .sizes = {1}, .strides = {1}, .legacy = legacy_});
    return out + "u";
  }
  static std::string under(const std::string& key, const std::string& value) { return unicode(key) + value + "s"; }
  static TensorFile read(const std::string& body, WeightSet wanted = WeightSet::plain) {
    return parse_checkpoint(legacy_ ? legacy_file(body) : zip_file(body), "x", wanted);
  }
  static inline bool legacy_ = false;
};

TEST_F(TorchDicts, AreFoundByWhatTheyHold) {
  for (const bool legacy : {false, true}) {
    legacy_ = legacy;
    for (const char* key :
         {"state_dict", "model", "model_state_dict", "net", "network", "weights", "params", "G", "ключ", "a b"}) {
      SCOPED_TRACE(key);
      const TensorFile file = read("}" + under("epoch", "K\x03") + under(key, dict("module.", 1)) +
                                   under("optimizer", dict("", 2)) + under("loss", "G" + std::string(8, '\1')));
      EXPECT_EQ(stem(file), 1);
      EXPECT_EQ(file.metadata.at("unwrapped"), key);
      EXPECT_EQ(file.metadata.at("stripped"), "module.");
    }
    EXPECT_EQ(read("}" + under("a", "}" + under("b", "}" + under("c", dict("", 1))))).metadata.at("unwrapped"), "a.b.c");
    EXPECT_EQ(stem(read("](K\x01" + dict("", 1) + "e")), 1);
    EXPECT_THROW(read("}" + under("a", "}" + under("b", "}" + under("c", "}" + under("d", dict("", 1)))))), WeightsError);
  }
  legacy_ = false;
}

TEST_F(TorchDicts, TheAverageIsTakenWhenAskedFor) {
  for (const char* key :
       {"state_dict_ema", "model_ema", "ema", "ema_state_dict", "params_ema", "swa_state_dict", "ema_0.9999"}) {
    SCOPED_TRACE(key);
    for (const bool first : {true, false}) {
      const std::string a = under(key, dict("", 2)), b = under("model", dict("", 1));
      const std::string body = "}" + (first ? a + b : b + a);
      EXPECT_EQ(stem(read(body)), 1);
      EXPECT_EQ(read(body).metadata.at("unwrapped"), text("model (", key, " is there too and was not read)"));
      EXPECT_EQ(stem(read(body, WeightSet::averaged)), 2);
    }
  }
}

TEST_F(TorchDicts, TheSameTensorsUnderTwoKeysAreOneNetwork) {
  EXPECT_EQ(stem(read("}" + under("model", dict("", 1)) + under("state_dict", dict("", 1)))), 1);
  EXPECT_EQ(stem(read("}" + under("model", dict("", 1) + "q\x01") + under("state_dict_ema", "h\x01"), WeightSet::averaged)), 1);
  EXPECT_THROW(read("}" + under("model", dict("", 1)) + under("state_dict", dict("", 2))), WeightsError);
}

}  // namespace
}  // namespace vitrine
