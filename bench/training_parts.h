// The parts of a training step that the list of its kernels is put together from.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/case_parts.h"
#include "nn/efficientnet/efficientnet.h"

namespace vitrine {

// Kernels of the forward pass in order, and for each op those of its backward pass in order, which run from the last op to the first.
class TrainingLists {
 public:
  void next() { backward_.emplace_back(); }  // op
  template <class Prepare>
  void forward(const std::string& kernel, const std::string& shape, const KernelWork& work, Prepare prepare) {
    add_distinct(forward_, {"training", kernel, shape, 1, work, 0, std::move(prepare)});
  }
  template <class Prepare>
  void backward(const std::string& kernel, const std::string& shape, const KernelWork& work, Prepare prepare) {
    backward_.back().push_back({"training", kernel, shape, 1, work, 0, std::move(prepare)});
  }
  std::vector<KernelCase> joined() const;

 private:
  std::vector<KernelCase> forward_;
  std::vector<std::vector<KernelCase>> backward_;
};

// The norm of values [N, P, Q, C] with the activation after it and, for a block with one, the residual connection around it.
void add_norm(TrainingLists& lists, const Shape& shape, const std::optional<Activation>& activation, bool residual);

// The kernels of an MBConv for x [N, H, W, C], norm of the projection and residual connection included; the shape of its result.
Shape add_block(TrainingLists& lists, const MBConv& block, const Shape& x);

}  // namespace vitrine
