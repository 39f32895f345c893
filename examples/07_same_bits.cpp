// Twenty training steps on 1, 2 and 7 threads, with the narrowest and the widest vectors: the same bits.
// You see   one line for each way to compute, with the SHA-256 of all weights after the steps
// Change    the network, the batch, the number of threads: the hashes change together or not at all
// Watch     the order of every sum is part of an op's definition (docs/design.md, section 5), so nothing else decides the bits
// Next      08_mbconv_three_ways.cpp: one block, composed, fused, folded
#include <vitrine/vitrine.h>

#include <cstdio>
#include <set>

#include "digits.h"

using namespace vitrine;

struct Net {
  Conv2d conv1{1, 24, 3, {.stride = 2}}, conv2{24, 48, 3};
  Linear out{48, 10};
  Variable forward(const Variable& x, const Pass& pass) {
    return out(global_average_pool(gelu(conv2(gelu(conv1(x, pass)), pass))), pass);
  }
  void visit(const Visitor& v) { v("conv1", conv1), v("conv2", conv2), v("out", out); }
};

std::string hash_after_training() {
  Net net;
  initialize(net, 1);
  Adam optimizer(net);
  const std::vector<examples::Digits> batches = examples::batches(examples::digits(true), 64, 1, 1);
  for (int step = 0; step < 20; ++step) {
    const examples::Digits& batch = batches[static_cast<std::size_t>(step)];
    Tape tape;
    const Variable loss = cross_entropy(net.forward(batch.images, Pass::train(tape)), batch.labels);
    optimizer.step(tape.backward(loss));
  }
  return state_hash(net);
}

int main() {
  std::set<std::string> hashes;
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (!isa_supported(isa)) continue;
    set_active_isa(isa);
    for (const int threads : {1, 2, 7}) {
      set_thread_count(threads);
      const std::string hash = hash_after_training();
      hashes.insert(hash);
      std::printf("%-6s  %d threads  %s\n", std::string(isa_name(isa)).c_str(), threads, hash.substr(0, 32).c_str());
    }
  }
  std::printf("%zu hash%s\n", hashes.size(), hashes.size() == 1 ? "" : "es");
  return hashes.size() == 1 ? 0 : 1;
}
