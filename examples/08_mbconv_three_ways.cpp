// One MBConv, three ways: composed of its ops, fused into one op for training, folded for inference.
// You see   how far the forms are apart, in units of the last place of the largest value, and the time of each
// Change    the expansion, the kernel, the activation (gelu is chosen where it is called, swish is compiled in)
// Watch     the composed form is the definition; the others keep less in memory and visit it less often
// Next      09_watch_a_step.cpp: what happens inside one training step
#include <vitrine/efficientnet.h>

#include <cstdio>

#include "measure.h"

using namespace vitrine;
using examples::drawn, examples::least_time, examples::ulp_between;

int main() {
  MBConvBlock block{16, 16, {.kernel = 3, .expansion = 6}};
  initialize(block, 1);
  const Tensor x = drawn({16, 32, 32, 16}, 1), dy = drawn({16, 32, 32, 16}, 2);
  struct Step {
    Tensor y, dx, dw;
  };
  const auto step = [&](bool fused) {
    Tape tape;
    Pass pass = Pass::train(tape);
    pass.fused = fused;
    const Variable leaf = tape.input(x), y = block(leaf, pass);
    const Gradients gradients = tape.backward(y, dy);
    return Step{y.tensor(), gradients.of(leaf), gradients.of(block.block.depthwise.weight)};
  };
  const Step composed = step(false), fused = step(true);
  const double forward = ulp_between(composed.y, fused.y), backward = ulp_between(composed.dx, fused.dx);
  const double weights = ulp_between(composed.dw, fused.dw);
  std::printf("training   composed %7.2f ms, fused  %7.2f ms: y %.2f ulp apart, dx %.2f, dw %.2f\n",
              least_time([&] { step(false); }), least_time([&] { step(true); }), forward, backward, weights);

  EfficientNet net(architecture("b0"), Semantics{}, 10);
  net.initialize(1);
  Inference folded(net);
  const Tensor images = drawn({4, 64, 64, 3}, 3);
  const Tensor by_ops = net.forward(images, {}).tensor();
  const double apart = ulp_between(by_ops, folded.run(images));
  std::printf("b0, all its blocks: op by op %7.2f ms, folded %7.2f ms: logits %.1f ulp apart\n",
              least_time([&] { net.forward(images, {}); }), least_time([&] { folded.run(images); }), apart);
  const bool within = forward < 1 && backward < 1 && weights < 8 && apart < 16;  // the same on every machine
  std::printf("%s\n", within ? "within the stated bounds" : "BEYOND the stated bounds");
  return within ? 0 : 1;
}
