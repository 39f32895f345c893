// ChangedOutputs: puts another tensor in the place of what an op has computed, while the op is being recorded. For tests of what a result depends on,
// such as noise in the last place (audit/stability.h).
//
// An ordinary observer cannot change a value, and a run that is watched stays what it is; whoever wants values changed says so with this type. It is
// the tape's observer while it works, so the tape needs no second pointer. Backward passes of a changed forward pass are not defined: a node has
// saved what it computed itself.
#pragma once

#include <functional>

#include "autograd/observer.h"

namespace vitrine {

class ChangedOutputs final : public TapeObserver {
 public:
  // The tensor that the following ops read, of the output's shape (InternalError else); the output itself where nothing is to change. Called for
  // ops alone, in the order of recording.
  using Change = std::function<Tensor(const TapeEntry& op, const Tensor& output)>;

  explicit ChangedOutputs(Change change) : change_(std::move(change)) {}
  Tensor changed(const TapeEntry& op, const Tensor& output) const { return change_(op, output); }

 private:
  Change change_;
};

}  // namespace vitrine
