// SeenTape: makes a SeenOp of what an observer of a tape is told (layers/shadow.h).
#pragma once

#include <unordered_map>

#include "layers/shadow.h"

namespace vitrine {

// An observer forwards to it. It keeps every output of the tape, on its device, until `forget`: a weight that is kept cannot be updated, so forget
// before the optimiser's step.
class SeenTape {
 public:
  void recorded(const TapeEntry& entry, const Tensor& output);
  // From TapeObserver::recorded on, after `recorded`; in before_backward and after_backward. Tensors are brought to the CPU. InternalError for a
  // leaf, and for an op that was not recorded here.
  SeenOp seen(const TapeEntry& op) const;
  // The output of that place on the tape; undefined for -1 and for what was not recorded here.
  Tensor output(int id) const;
  void forget() { outputs_.clear(); }

 private:
  std::unordered_map<int, Tensor> outputs_;
};

}  // namespace vitrine
