// A network of one's own in a project of one's own: reads digits.safetensors, trains, and says how many unseen digits it reads rightly.
#include <vitrine/vitrine.h>

#include <cstdio>

using namespace vitrine;

struct Net {
  Conv2d conv1{1, 16, 3}, conv2{16, 32, 3, {.stride = 2}}, conv3{32, 64, 3, {.stride = 2}};
  Linear out{64, 10};
  Variable forward(const Variable& x, const Pass& pass) {
    return out(global_average_pool(relu(conv3(relu(conv2(relu(conv1(x, pass)), pass)), pass))), pass);
  }
  void visit(const Visitor& v) { v("conv1", conv1), v("conv2", conv2), v("conv3", conv3), v("out", out); }
};

int main(int argc, char** argv) try {
  const auto data = read_tensors(argc > 1 ? argv[1] : "digits.safetensors");
  const Tensor images = data.at("images").reshaped({1797, 8, 8, 1});
  std::vector<int> labels;
  for (const float label : data.at("labels").host()) labels.push_back(static_cast<int>(label));
  Net net;
  initialize(net, /*seed=*/1);
  Adam optimizer(net, {.lr = 3e-3});
  for (std::uint32_t epoch = 0; epoch < 15; ++epoch) {
    for (const Places& places : shuffled_batches(/*n=*/1437, /*size=*/64, {.seed = 1, .epoch = epoch})) {
      Tape tape;
      const Variable scores = net.forward(rows(images, places), Pass::train(tape));
      const Variable loss = cross_entropy(scores, rows(labels, places));
      optimizer.step(tape.backward(loss));
    }
  }
  const Variable scores = net.forward(rows(images, 1437, 1797), {});
  const double right = 100 * share_right(scores.tensor(), {labels.data() + 1437, 360});
  std::printf("%.2f %% of 360 unseen digits read rightly\n", right);
  save(net, "starter.safetensors");
  return right > 90 ? 0 : 1;
} catch (const vitrine::Error& error) {
  std::fprintf(stderr, "starter: %s\n", error.what());
  return static_cast<int>(error.code());
}
