// Convolutions, batch norm, swish and pooling read digits better; the network is saved, and read back by another.
// You see   the loss fall, the share of 360 unseen digits that are read rightly, and that the copy says the same
// Change    the strides, the channels; leave a batch norm or the label smoothing out; do not move the digits (the last `true` of batches)
// Watch     training and evaluation differ: batch norm uses the batch's statistics in the one, the running ones in the other
// Next      07_same_bits.cpp: why two machines agree
#include <cstdio>
#include <filesystem>

#include "digits.h"

using namespace vitrine;

struct Net {
  Conv2d conv1{1, 16, 3, {.bias = false}}, conv2{16, 32, 3, {.stride = 2, .bias = false}},
      conv3{32, 64, 3, {.stride = 2, .bias = false}};
  BatchNorm2d norm1{16}, norm2{32}, norm3{64};
  Linear out{64, 10};
  Variable forward(const Variable& images, const Pass& pass) {
    const Variable a = swish(norm1(conv1(images, pass), pass));
    const Variable b = swish(norm2(conv2(a, pass), pass));
    return out(global_average_pool(swish(norm3(conv3(b, pass), pass))), pass);
  }
  void visit(const Visitor& v) {
    v("conv1", conv1), v("norm1", norm1), v("conv2", conv2), v("norm2", norm2), v("conv3", conv3), v("norm3", norm3),
        v("out", out);
  }
};

int main() {
  Net net;
  initialize(net, 1);
  Adam optimizer(net, {.weight_decay = 0.01});
  const std::vector<examples::Digits> batches = examples::batches(examples::digits(true), 64, 1, 60, true);
  for (std::size_t step = 0; step < batches.size(); ++step) {
    Tape tape;
    const Variable logits = net.forward(batches[step].images, Pass::train(tape));
    const Variable loss = cross_entropy(logits, batches[step].labels, /*label_smoothing=*/0.1);
    optimizer.lr = 1e-2 * (1 - static_cast<double>(step) / static_cast<double>(batches.size()));
    optimizer.step(tape.backward(loss));
    if (step % 110 == 0) std::printf("step %4zu  loss %.4f\n", step, static_cast<double>(loss.tensor().host()[0]));
  }
  const examples::Digits unseen = examples::digits(false);
  const double right = 100 * share_right(net.forward(unseen.images, {}).tensor(), unseen.labels);
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "vitrine-digits.safetensors";
  save(net, file);
  Net copy;
  load(copy, file);
  const double again = 100 * share_right(copy.forward(unseen.images, {}).tensor(), unseen.labels);
  std::filesystem::remove(file);
  std::printf("%lld parameters; %.2f %% of 360 unseen digits read rightly, %.2f %% by the copy\n",
              static_cast<long long>(parameter_count(net)), right, again);
  return right >= 98.5 && right == again ? 0 : 1;
}
