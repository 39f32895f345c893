// A training step of EfficientNet-b0, end to end: every op that its tape records, every element, forward and backward.
#include <gtest/gtest.h>

#include "layers/cross_entropy.h"
#include "nn/efficientnet/efficientnet.h"
#include "tests/layers/shadow_watch.h"
#include "tests/layers/twins.h"

namespace vitrine::testing {
namespace {

void step(bool fused, std::int64_t most) {
  EfficientNet net(architecture("b0"), Semantics{}, 2);
  net.initialize(3);
  net.set_drop_rates(0.2, 0.2);
  ShadowWatch watch(fused ? "fused" : "composed");
  watch.most = most;
  Tape tape;
  tape.observe(&watch);
  Pass pass = Pass::train(tape, {.seed = 1, .epoch = 2, .first_sample = 0});
  pass.fused = fused;
  const Variable loss = cross_entropy(net.forward(drawn({2, 32, 32, 3}, 0, 1, 9), pass), std::vector<int>{0, 1});
  tape.backward(loss);
  watch.print();
  std::vector<double> all;
  for (const auto& [which, rhos] : watch.rhos) all.insert(all.end(), rhos.begin(), rhos.end());
  std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2));
  EXPECT_LE(all[all.size() / 2], 0.1) << "the median rho of the step";
  EXPECT_GT(all.size(), 100000u);
}

TEST(ShadowStep, OfAFusedB0) { step(true, ShadowWatch::kAll); }
TEST(ShadowStep, OfAComposedB0) { step(false, 2000); }

}  // namespace
}  // namespace vitrine::testing
