#include "layers/blocks/mbconv.h"

#include <map>

#include "base/error.h"
#include "tests/layers/golden.h"

namespace vitrine::testing {
namespace {

// One block of the reference folder in float32, held to its float64 values: output, every gradient, running statistics.
void check_block(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t squeeze) {
  VITRINE_REFERENCE_FILE(path, "ops/" + name + ".safetensors");
  const TensorFile file = read_safetensors(path);
  const std::int64_t mid = in * 6;
  const auto tensor = [&](const std::string& key, GoldenLayout layout) {
    const GoldenArray a = golden_array(file.at("in." + key), layout);
    return Tensor::from(a.shape, std::vector<float>(a.values.begin(), a.values.end()));
  };
  const auto unit = [&](const std::string& conv, const std::string& norm, bool depthwise, std::int64_t step, bool activated,
                        std::int64_t channels) {
    ConvNorm u;
    u.weight.value = tensor(conv + ".weight", depthwise ? GoldenLayout::depthwise : GoldenLayout::conv);
    u.norm = BatchNorm::identity(channels, 1e-3, 0.1);
    u.norm.gamma.value = tensor(norm + ".weight", GoldenLayout::flat);
    u.norm.beta.value = tensor(norm + ".bias", GoldenLayout::flat);
    u.stride = step;
    u.depthwise = depthwise;
    if (activated) u.activation = Activation::swish;
    return u;
  };
  MBConv block;
  block.expand = unit("expand", "bn0", false, 1, true, mid);
  block.depthwise = unit("dw", "bn1", true, stride, true, mid);
  SqueezeExcitation se;
  se.reduce_weight.value = tensor("se_reduce.weight", GoldenLayout::matrix);
  se.reduce_bias.value = tensor("se_reduce.bias", GoldenLayout::flat);
  se.expand_weight.value = tensor("se_expand.weight", GoldenLayout::matrix);
  se.expand_bias.value = tensor("se_expand.bias", GoldenLayout::flat);
  ASSERT_EQ(se.reduce_bias.value.size(), squeeze);
  block.se = se;
  block.project = unit("project", "bn2", false, 1, false, out);
  block.residual = stride == 1 && in == out;

  Tape tape;
  const Variable x = tape.input(tensor("x", GoldenLayout::image));
  const Variable y = block.forward(x, {.mode = Mode::train, .tape = &tape});
  const GoldenArray truth = golden_array(file.at("out"), GoldenLayout::image),
                    dy = golden_array(file.at("grad.out"), GoldenLayout::image);
  const auto expect = [](const Tensor& got, const std::vector<double>& values, double share, const std::string& what) {
    ASSERT_EQ(static_cast<std::size_t>(got.size()), values.size()) << what;
    const double allowed = share * golden_largest(values);
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(got.host()[i], values[i], allowed) << what << " " << i;
  };
  // Inputs are rounded to float32 here, which alone moves outputs by some 1e-7; batch norm over few rows amplifies it.
  expect(y.tensor(), truth.values, 5e-6, "output");
  const Gradients g = tape.backward(y, Tensor::from(y.shape(), std::vector<float>(dy.values.begin(), dy.values.end())));
  const auto expect_gradient = [&](const Tensor& got, const std::string& key, GoldenLayout layout) {
    expect(got, golden_array(file.at("grad." + key), layout).values, 5e-5, key);
  };
  expect_gradient(g.of(x), "x", GoldenLayout::image);
  expect_gradient(g.of(block.expand->weight), "expand.weight", GoldenLayout::conv);
  expect_gradient(g.of(block.depthwise.weight), "dw.weight", GoldenLayout::depthwise);
  expect_gradient(g.of(block.project.weight), "project.weight", GoldenLayout::conv);
  expect_gradient(g.of(block.se->reduce_weight), "se_reduce.weight", GoldenLayout::matrix);
  expect_gradient(g.of(block.se->expand_weight), "se_expand.weight", GoldenLayout::matrix);
  expect_gradient(g.of(block.se->expand_bias), "se_expand.bias", GoldenLayout::flat);
  const std::map<std::string, const BatchNorm*> norms = {
      {"bn0", &block.expand->norm}, {"bn1", &block.depthwise.norm}, {"bn2", &block.project.norm}};
  for (const auto& [key, norm] : norms) {
    expect_gradient(g.of(norm->gamma), key + ".weight", GoldenLayout::flat);
    expect_gradient(g.of(norm->beta), key + ".bias", GoldenLayout::flat);
    expect(norm->running_mean, file.at("after." + key + ".running_mean").to_double(), 1e-6, key + " running mean");
    expect(norm->running_var, file.at("after." + key + ".running_var").to_double(), 1e-6, key + " running variance");
  }
}

TEST(MBConvGolden, StrideTwoWithoutSkip) { check_block("mbconv-train-24to40-k5s2", 24, 40, 2, 6); }
TEST(MBConvGolden, StrideOneWithSkip) { check_block("mbconv-train-80to80-k3s1-skip", 80, 80, 1, 20); }

}  // namespace
}  // namespace vitrine::testing
