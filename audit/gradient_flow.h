// GradientFlow: what the tape makes of the gradients that ops return: the gradient by a value is the sum of what the ops that read it returned, in
// the order in which the tape met them, each sum rounded once; the one by the loss is 1.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "layers/shadow.h"
#include "tensor/tensor_hash.h"

namespace vitrine::audit {

class GradientFlow {
 public:
  // `hashes`: each gradient is hashed when it is returned and again when it is used, so that one that was written over in between is found.
  explicit GradientFlow(bool hashes) : hashes_(hashes) {}

  void begin() { parts_.clear(); }
  // By the values `ids`, -1 for constants. It holds the gradients until `whole` is asked for their value. The shadow says which values have one: all but
  // constants.
  Shadow returned(std::span<const int> ids, std::span<const Tensor> gradients);
  // Of the gradient by that value, which the tape is about to use.
  std::vector<Shadow> whole(int id, const Tensor& gradient);

 private:
  struct Part {
    Tensor gradient;
    Hash128 hash;
  };
  bool hashes_;
  std::unordered_map<int, std::vector<Part>> parts_;
};

}  // namespace vitrine::audit
