// TapeObserver: told what a tape records and what its backward pass does, in order.
//
// What looks at a step from outside is built on this and on Node::visit: a table of ops, a graph, a stepper, an audit. The ops know nothing of it,
// and a tape without an observer pays one comparison for an op.
#pragma once

#include <span>
#include <string_view>

#include "autograd/node.h"

namespace vitrine {

struct Parameter;

// A place on the tape. Valid while the observer is being told, as are the tensors; copies of tensors may be kept. Who keeps one holds its
// memory, and a weight that somebody holds cannot be updated (tensor/tensor.h).
struct TapeEntry {
  int id = -1;                           // 0, 1, ... in the order of recording; Variable::id of the output
  const Node* node = nullptr;            // null for a leaf; Node::visit shows what it saved
  const Parameter* parameter = nullptr;  // of a leaf that Tape::parameter made
  std::span<const int> inputs;           // ids of the op's inputs, in its order; -1 for constants
  Shape shape;                           // of the output

  std::string_view name() const { return node != nullptr ? node->name() : parameter != nullptr ? "parameter" : "input"; }
};

// Calls come from the thread that uses the tape. What an observer throws passes through to the caller of the op or of `backward`; an op
// that was being recorded stays on the tape, a backward pass is over. An op that Tape::refuse_non_finite refuses is not told.
//
// Times are the observer's to measure. An op computes before it is recorded, so its forward lies between the call before and its own; its
// backward lies between `before_backward` and `after_backward`. A CUDA device has then been given the work, not finished it.
class TapeObserver {
 public:
  virtual ~TapeObserver() = default;

  // A new leaf, or an op's output. A parameter that is asked for again is no new leaf. Ops on constants alone are not recorded.
  virtual void recorded(const TapeEntry& /*entry*/, const Tensor& /*output*/) {}

  // Ops that the output of `backward` does not depend on are passed over. dy is the whole gradient by the op's output.
  virtual void before_backward(const TapeEntry& /*op*/, const Tensor& /*dy*/) {}
  // gradients[i]: what the op adds to the gradient by its i-th input; undefined where that is not wanted.
  virtual void after_backward(const TapeEntry& /*op*/, const Tensor& /*dy*/, std::span<const Tensor> /*gradients*/) {}
  // The whole gradient by a leaf, as Gradients::of will give it.
  virtual void leaf_gradient(const TapeEntry& /*leaf*/, const Tensor& /*gradient*/) {}
};

}  // namespace vitrine
