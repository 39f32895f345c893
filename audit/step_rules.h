// StepRules: what is fixed for the ops of a training step before a value is computed: windows and padding, eps, which samples a branch drops, what a
// residual adds, which tensors an op reads. A kernel that is faithful to a wrong padding lies within its bound; this is where that is seen.
//
// All of it is derived anew from the architecture, the semantics of the weights and the options, not from the network's own fields.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/batch.h"
#include "layers/shadow.h"
#include "nn/efficientnet/efficientnet.h"
#include "train/options.h"
#include "train/step_watch.h"

namespace vitrine::audit {

// What a batch norm made of its batch: the tensor of its constants (layers/batch_norm.h), of so many rows.
struct SeenStatistics {
  std::string norm;  // "blocks.1.0.bn2"
  Tensor constants;
  double eps = 0;
  std::int64_t rows = 0;
};

class StepRules {
 public:
  explicit StepRules(const TrainOptions& options) : options_(options) {}

  void begin(const StepFacts& step, const Batch& batch, const EfficientNet& net);
  std::vector<Shadow> of_op(const std::string& node, const SeenOp& op);
  // For `take_statistics`. `parameters[i]`: the name of the parameter that is the op's i-th input, empty where it is none.
  void keep_statistics(const SeenOp& op, std::span<const std::string> parameters);
  // Of the norms of the step so far.
  std::vector<SeenStatistics> take_statistics() { return std::exchange(statistics_, {}); }
  void forget();  // lets go of every tensor

 private:
  struct Window {
    std::int64_t kernel = 1, stride = 1, static_size = 0;
  };

  int block_of(const std::string& node) const;  // -1: none
  Window window_of(const std::string& node) const;
  Shadow window(const std::string& node, const SeenOp& op) const;
  Tensor drop_factors(int block, std::int64_t images) const;     // undefined where nothing is dropped
  bool is_projection(const std::string& node, int block) const;  // the norm that ends the block
  void add_branch(std::vector<Shadow>& all, int block, const SeenOp& op) const;
  Shadow dropout_factors(const SeenOp& op) const;
  void add_loss(std::vector<Shadow>& all, const SeenOp& op) const;

  const TrainOptions& options_;
  std::uint32_t epoch_ = 1, first_ = 0;
  Architecture arch_;
  Semantics semantics_;
  Tensor images_, targets_, block_input_;
  int input_of_ = -1;  // the block whose that is
  std::vector<SeenStatistics> statistics_;
};

}  // namespace vitrine::audit
