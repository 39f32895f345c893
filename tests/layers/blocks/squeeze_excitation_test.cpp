#include "layers/blocks/squeeze_excitation.h"

#include "layers/global_average_pool_reference.h"
#include "layers/linear_reference.h"
#include "layers/scale_channels_reference.h"
#include "layers/sigmoid_reference.h"
#include "layers/swish_reference.h"
#include "tests/layers/golden.h"

namespace vitrine::testing {
namespace {

// The composition in double, forward and backward, from the references of its ops.
struct Reference {
  std::int64_t N, pixels, C, R;

  struct Values {
    std::vector<double> z, a, h, b, s;
  };
  Values inner(const Arrays<double>& in) const {
    Values v{std::vector<double>(N * C), std::vector<double>(N * R), std::vector<double>(N * R), std::vector<double>(N * C),
             std::vector<double>(N * C)};
    reference::global_average_pool_forward<double>(N, pixels, C, in[0], v.z);
    reference::linear_forward<double>(N, C, R, v.z, in[1], in[2], v.a);
    reference::swish_forward<double>(v.a, v.h);
    reference::linear_forward<double>(N, R, C, v.h, in[3], in[4], v.b);
    reference::sigmoid_forward<double>(v.b, v.s);
    return v;
  }
  std::vector<double> forward(const Arrays<double>& in) const {
    std::vector<double> y(in[0].size());
    reference::scale_channels_forward<double>(N, pixels, C, in[0], inner(in).s, y);
    return y;
  }
  Arrays<double> backward(const Arrays<double>& in, const std::vector<double>& dy) const {
    const Values v = inner(in);
    Arrays<double> d = in;
    std::vector<double> ds(N * C), db(N * C), dh(N * R), da(N * R), dz(N * C), through_pool(in[0].size());
    reference::scale_channels_backward<double>(N, pixels, C, in[0], v.s, dy, d[0], ds);
    reference::sigmoid_backward<double>(v.b, ds, db);
    reference::linear_backward<double>(N, R, C, v.h, in[3], db, dh, d[3], d[4]);
    reference::swish_backward<double>(v.a, dh, da);
    reference::linear_backward<double>(N, C, R, v.z, in[1], da, dz, d[1], d[2]);
    reference::global_average_pool_backward<double>(N, pixels, C, dz, through_pool);
    for (std::size_t i = 0; i < d[0].size(); ++i) d[0][i] += through_pool[i];
    return d;
  }
};

TEST(SqueezeExcitationGolden, AgreesWithTheReferenceLibrary) {
  VITRINE_REFERENCE_FILE(path, "ops/squeeze_excitation.safetensors");
  const Reference r{3, 30, 96, 4};
  const TensorFile file = read_safetensors(path);
  const std::vector<std::string> names = {"x", "reduce_weight", "reduce_bias", "expand_weight", "expand_bias"};
  const std::vector<GoldenLayout> layouts = {GoldenLayout::image, GoldenLayout::matrix, GoldenLayout::flat,
                                             GoldenLayout::matrix, GoldenLayout::flat};
  Arrays<double> values, rounded;
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const GoldenArray a = golden_array(file.at("in." + names[i]), layouts[i]);
    values.push_back(a.values);
    rounded.push_back(rounded_to_float(a.values));
    shapes.push_back(a.shape);
  }
  const GoldenArray y = golden_array(file.at("out"), GoldenLayout::image),
                    dy = golden_array(file.at("grad.out"), GoldenLayout::image);
  const std::vector<double> ours = r.forward(values);
  for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], y.values[i], 1e-12 * golden_largest(y.values));
  const Arrays<double> d = r.backward(values, dy.values);
  for (std::size_t k = 0; k < names.size(); ++k) {
    const GoldenArray truth = golden_array(file.at("grad." + names[k]), layouts[k]);
    for (std::size_t i = 0; i < truth.values.size(); ++i)
      ASSERT_NEAR(d[k][i], truth.values[i], 1e-12 * golden_largest(truth.values)) << names[k];
  }
  // Float32 through the tape, against the double composition on the same rounded inputs.
  SqueezeExcitation se;
  const auto tensor = [&](std::size_t k) {
    return Tensor::from(shapes[k], std::vector<float>(rounded[k].begin(), rounded[k].end()));
  };
  se.reduce_weight.value = tensor(1);
  se.reduce_bias.value = tensor(2);
  se.expand_weight.value = tensor(3);
  se.expand_bias.value = tensor(4);
  Tape tape;
  const Variable x = tape.input(tensor(0));
  const Variable result = se.forward(x, {.mode = Mode::train, .tape = &tape});
  const std::vector<double> rounded_dy = rounded_to_float(dy.values);
  const Gradients gradients =
      tape.backward(result, Tensor::from(result.shape(), std::vector<float>(rounded_dy.begin(), rounded_dy.end())));
  const std::vector<double> truth = r.forward(rounded);
  // 60 ulp of the largest: 96-term sums through two exponentials.
  for (std::size_t i = 0; i < truth.size(); ++i)
    ASSERT_NEAR(result.tensor().host()[i], truth[i], 60 * 0x1p-23 * golden_largest(truth));
  const Arrays<double> exact = r.backward(rounded, rounded_dy);
  const Tensor* const got[] = {&gradients.of(x), &gradients.of(se.reduce_weight), &gradients.of(se.reduce_bias),
                               &gradients.of(se.expand_weight), &gradients.of(se.expand_bias)};
  for (std::size_t k = 0; k < names.size(); ++k) {
    for (std::size_t i = 0; i < exact[k].size(); ++i) {
      ASSERT_NEAR(got[k]->host()[i], exact[k][i], 60 * 0x1p-23 * golden_largest(exact[k])) << names[k] << " " << i;
    }
  }
}

TEST(SqueezeExcitation, GatesEveryChannelOfEveryImage) {
  SqueezeExcitation se;
  se.reduce_weight.value = Tensor::zeros({5, 2});
  se.reduce_bias.value = Tensor::zeros({2});
  se.expand_weight.value = Tensor::zeros({2, 5});
  se.expand_bias.value = Tensor::zeros({5});
  const Tensor y = se.forward(Tensor::full({2, 3, 3, 5}, 4.0f), Pass{}).tensor();
  for (const float v : y.host()) EXPECT_EQ(v, 2.0f);  // sigmoid(0) = 1/2
}

}  // namespace
}  // namespace vitrine::testing
