#include "layers/cross_entropy.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "layers/cross_entropy_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase loss_case(const std::string& name, std::int64_t N, std::int64_t C, double smoothing,
                 const std::vector<double>& targets) {
  const std::vector<double> t = rounded_to_float(targets);
  return op_case(
      name, {Shape{N, C}},
      [=]<class T>(const Arrays<T>& in) {
        return std::vector<T>{reference::cross_entropy_forward<T>(N, C, in[0], t, smoothing)};
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        reference::cross_entropy_backward<T>(N, C, in[0], t, smoothing, dy[0], d[0]);
        return d;
      },
      [=](std::span<const Variable> in) {
        return cross_entropy(in[0], Tensor::from({N, C}, std::vector<float>(t.begin(), t.end())), smoothing);
      });
}

std::vector<double> soft_targets(std::int64_t N, std::int64_t C) {
  std::vector<double> t;
  for (std::int64_t n = 0; n < N; ++n) {
    for (std::int64_t c = 0; c < C; ++c)
      t.push_back(2.0 * static_cast<double>((c + n) % C + 1) / static_cast<double>(C * (C + 1)));
  }
  return t;
}

VITRINE_OP_TESTS(cross_entropy, (std::vector<OpCase>{loss_case("one", 1, 2, 0, {0.25, 0.75}),
                                                     loss_case("batch", 16, 2, 0, soft_targets(16, 2)),
                                                     loss_case("smoothed", 5, 7, 0.1, soft_targets(5, 7))}));

void check_loss_golden(const std::string& name, std::int64_t N, std::int64_t C, double smoothing) {
  VITRINE_REFERENCE_FILE(path, "ops/" + name + ".safetensors");
  const TensorFile file = read_safetensors(path);
  const std::vector<double> logits = file.at("in.logits").to_double(), targets = file.at("in.target").to_double();
  const double loss = reference::cross_entropy_forward<double>(N, C, logits, targets, smoothing);
  EXPECT_NEAR(loss, file.at("out").to_double()[0], 1e-12 * std::max(1.0, std::abs(loss)));
  std::vector<double> dz(logits.size());
  reference::cross_entropy_backward<double>(N, C, logits, targets, smoothing, file.at("grad.out").to_double()[0], dz);
  const std::vector<double> expected = file.at("grad.logits").to_double();
  for (std::size_t i = 0; i < dz.size(); ++i) EXPECT_NEAR(dz[i], expected[i], 1e-12);
  // The kernel on rounded inputs: float64 inside, so one rounding of the loss and of each gradient.
  const std::vector<double> z = rounded_to_float(logits), t = rounded_to_float(targets);
  Tape tape;
  const Variable input = tape.input(Tensor::from({N, C}, std::vector<float>(z.begin(), z.end())));
  const Variable y = cross_entropy(input, Tensor::from({N, C}, std::vector<float>(t.begin(), t.end())), smoothing);
  const double exact = reference::cross_entropy_forward<double>(N, C, z, t, smoothing);
  EXPECT_NEAR(y.tensor().host()[0], exact, 0x1p-23 * std::max(std::abs(exact), 1e-30));
  const Gradients gradients = tape.backward(y);
  reference::cross_entropy_backward<double>(N, C, z, t, smoothing, 1.0, dz);
  for (std::size_t i = 0; i < dz.size(); ++i) EXPECT_NEAR(gradients.of(input).host()[i], dz[i], 0x1p-23 * golden_largest(dz));
}

TEST(CrossEntropyGolden, SoftLabels) { check_loss_golden("cross_entropy-soft_labels", 16, 2, 0); }
TEST(CrossEntropyGolden, ExtremeLogits) { check_loss_golden("cross_entropy-extreme", 3, 2, 0); }
TEST(CrossEntropyGolden, LabelSmoothing) { check_loss_golden("cross_entropy-label_smoothing_0.1", 8, 5, 0.1); }

TEST(CrossEntropy, RefusesWhatIsNotADistribution) {
  EXPECT_THROW(cross_entropy(Tensor::zeros({2, 3}), Tensor::zeros({2, 3})), ShapeError);
  EXPECT_THROW(cross_entropy(Tensor::zeros({2, 3}), Tensor::zeros({3, 2})), ShapeError);
  EXPECT_THROW(cross_entropy(Tensor::zeros({1, 1}), Tensor::full({1, 1}, 1), 1.0), UsageError);
}

TEST(CrossEntropy, NonFiniteLogitsGiveNaN) {
  const Tensor z = Tensor::full({1, 2}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(std::isnan(cross_entropy(z, Tensor::full({1, 2}, 0.5f)).tensor().host()[0]));
}

}  // namespace
}  // namespace vitrine::testing
