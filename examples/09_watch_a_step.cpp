// Watches one training step: every op with the range of its values, its gradient's norm, and the time it took backwards.
// You see   a line for each op, in the order in which the tape recorded them, and what the slowest saved
// Change    the network; the learning rate of more steps before the watched one; `fused` of Pass to see every op of the block
// Watch     the gradient's norm from the bottom up: where it vanishes or grows, training does
// Next      docs/library.md: what else the tape and its nodes show
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "digits.h"

using namespace vitrine;

struct Net {
  ConvNormActivation stem{1, 16, 3};
  MBConvBlock block{16, 32, {.kernel = 3, .stride = 2}};
  Linear out{32, 10};
  Variable forward(const Variable& x, const Pass& pass) { return out(global_average_pool(block(stem(x, pass), pass)), pass); }
  void visit(const Visitor& v) { v("stem", stem), v("block", block), v("out", out); }
};

struct Row {
  std::string op;
  Shape shape;
  double low = 0, high = 0, gradient = 0, milliseconds = 0;
};

struct Watcher : TapeObserver {
  static auto now() { return std::chrono::steady_clock::now(); }

  std::vector<Row> rows;
  std::chrono::steady_clock::time_point start;
  void recorded(const TapeEntry& entry, const Tensor& output) override {
    const auto [low, high] = std::minmax_element(output.host().begin(), output.host().end());
    rows.push_back({std::string(entry.name()), entry.shape, *low, *high});
  }
  void before_backward(const TapeEntry& op, const Tensor& dy) override {
    double squares = 0;
    for (const float g : dy.host()) squares += static_cast<double>(g) * g;
    rows[static_cast<std::size_t>(op.id)].gradient = std::sqrt(squares);
    start = now();
  }
  void after_backward(const TapeEntry& op, const Tensor&, std::span<const Tensor>) override {
    rows[static_cast<std::size_t>(op.id)].milliseconds = std::chrono::duration<double, std::milli>(now() - start).count();
  }
};

int main() {
  Net net;
  initialize(net, 1);
  const examples::Digits batch = examples::batches(examples::digits(true), 64, 1, 1).front();
  Tape tape;
  Watcher watcher;
  tape.observe(&watcher);
  const Variable loss = cross_entropy(net.forward(batch.images, Pass::train(tape)), batch.labels);
  tape.backward(loss);
  std::printf("%-26s %-18s %8s %8s %10s %8s\n", "op", "output", "least", "largest", "|gradient|", "ms");
  bool finite = true;
  for (const Row& row : watcher.rows) {
    if (row.op == "parameter") continue;
    std::printf("%-26s %-18s %8.3f %8.3f %10.2e %8.3f\n", row.op.c_str(), row.shape.text().c_str(), row.low, row.high,
                row.gradient, row.milliseconds);
    finite = finite && std::isfinite(row.gradient);
  }
  std::printf("every gradient finite: %s\n", finite ? "yes" : "no");
}
