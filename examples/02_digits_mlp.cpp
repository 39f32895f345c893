// A network of two layers learns handwritten digits.
// You see   the loss fall, then the share of 360 unseen digits that are read rightly
// Change    the 256 in the middle, the learning rate, relu for gelu or tanh; do not move the digits (the last argument of batches)
// Watch     run it twice: the same figure to the last digit, on any number of threads. The unseen digits are of other writers
// Next      03_digits_cnn.cpp: convolutions, batch norm, saving and loading
#include <cstdio>

#include "digits.h"

using namespace vitrine;

struct Net {
  Linear hidden{64, 256}, out{256, 10};
  Variable forward(const Variable& images, const Pass& pass) { return out(relu(hidden(flatten(images), pass)), pass); }
  void visit(const Visitor& v) { v("hidden", hidden), v("out", out); }
};

int main() {
  Net net;
  initialize(net, 1);
  Adam optimizer(net, {.weight_decay = 0.01});
  const std::vector<examples::Digits> batches = examples::batches(examples::digits(true), 64, 1, 150, /*moved=*/true);
  for (std::size_t step = 0; step < batches.size(); ++step) {
    Tape tape;
    const Variable logits = net.forward(batches[step].images, Pass::train(tape));
    const Variable loss = cross_entropy(logits, batches[step].labels, /*label_smoothing=*/0.1);
    optimizer.lr = 1e-2 * (1 - static_cast<double>(step) / static_cast<double>(batches.size()));
    optimizer.step(tape.backward(loss));
    if (step % 330 == 0) std::printf("step %4zu  loss %.4f\n", step, static_cast<double>(loss.tensor().host()[0]));
  }
  const examples::Digits unseen = examples::digits(false);
  const double right = 100 * share_right(net.forward(unseen.images, {}).tensor(), unseen.labels);
  std::printf("%.2f %% of 360 unseen digits read rightly\n", right);
  return right >= 97 ? 0 : 1;
}
