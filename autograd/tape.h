// Tape: the record of one forward pass, and the only place where gradients are added.
//
// A Tape is a vector of nodes in creation order; an op can only use values that exist already, so that order is a topological
// order and walking it backwards visits every node after all of its users. A node returns fresh gradients, one per input; the
// tape adds them in that fixed order. Gradients are a returned value: nothing is stored in tensors, nothing must be zeroed.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "autograd/node.h"
#include "autograd/observer.h"
#include "tensor/tensor.h"

namespace vitrine {

class Tape;

// A tensor, and where on a tape it came from. Without a tape it is a constant: ops on constants record nothing. When its tape is gone, it is a
// constant too: a state that is carried from step to step ends the gradient there (truncated backpropagation).
class Variable {
 public:
  Variable() = default;
  Variable(Tensor value) : value_(std::move(value)) {}  // NOLINT: a tensor is a constant variable

  const Tensor& tensor() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  Tape* tape() const { return tape_ != nullptr ? *tape_ : nullptr; }
  int id() const { return id_; }  // its number on the tape, -1 for a constant

 private:
  friend class Tape;
  friend class Gradients;
  Variable(Tensor value, std::shared_ptr<Tape*> tape, int id) : value_(std::move(value)), tape_(std::move(tape)), id_(id) {}

  Tensor value_;
  std::shared_ptr<Tape*> tape_;  // what it points to is null when the tape is gone
  int id_ = -1;
};

// A trainable tensor of a layer. Its address is its identity while a tape that used it lives: layers hold parameters by
// value and are not moved between forward and the use of the gradients.
struct Parameter {
  Tensor value;
};

class Gradients {
 public:
  // The gradient of the loss by that leaf, or an undefined Tensor when the loss does not depend on it.
  const Tensor& of(const Parameter& parameter) const;
  // A Variable that Tape::input made on the same tape; InternalError for an op's result and for one of another tape.
  const Tensor& of(const Variable& input) const;
  // Another one in its place, of the same shape: for clipping and sums over several steps (nn/modules/gradients.h).
  void put(const Parameter& parameter, Tensor gradient) { parameters_[&parameter] = std::move(gradient); }

 private:
  friend class Tape;
  std::unordered_map<const Parameter*, Tensor> parameters_;
  std::unordered_map<int, Tensor> inputs_;  // undefined where the loss does not depend on one
  std::shared_ptr<Tape*> tape_;
};

class Tape {
 public:
  Tape() = default;
  ~Tape() { *self_ = nullptr; }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Variable input(Tensor value);                    // a leaf whose gradient is wanted
  Variable parameter(const Parameter& parameter);  // the same leaf for the same parameter, however often it is asked for

  // The result of an op. Throws InternalError when an input lies on another tape.
  Variable record(Tensor y, std::unique_ptr<Node> node, std::span<const Variable> inputs);

  // Gradients of a scalar loss by every leaf. Frees the nodes: a tape is good for one backward pass.
  Gradients backward(const Variable& loss);
  // The same, but a parameter's gradient is shown to `take` as soon as it is whole, and not kept. `take` may change the parameter: no op that is
  // still to come reads it (InternalError where somebody holds its tensor, as a Variable of it does). What an op or `take` throws leaves the
  // parameters shown before as `take` left them. The weight and its gradient are in the cache then, and the gradient's memory is free for the next.
  using TakeGradient = std::function<void(const Parameter&, const Tensor&)>;
  void backward(const Variable& loss, const TakeGradient& take);
  // The same for any output, from a given upstream gradient of the output's shape.
  Gradients backward(const Variable& output, const Tensor& dy);

  // From here on `record` throws NumericalError, naming the op, when an output holds a NaN or an infinity. Costs one read of
  // every output, so it is switched on to find a culprit, not in every step.
  void refuse_non_finite() { refuse_non_finite_ = true; }

  // Tells the observer of all that follows; null: nobody. It is not the tape's: it outlives it, or is taken off again.
  void observe(TapeObserver* observer) { observer_ = observer; }

  std::size_t size() const { return entries_.size(); }
  // One line per node: number, op, input numbers, output shape.
  void print(std::ostream& out) const;

 private:
  struct Entry {
    std::unique_ptr<Node> node;  // null for a leaf
    std::vector<int> inputs;     // tape ids, -1 for constants
    const Parameter* parameter = nullptr;
    Shape shape;
  };

  int add(Entry entry);
  TapeEntry seen(int id) const;
  void tell(int id, const Tensor& output) const;
  std::vector<Tensor> backward_of(int id, const Tensor& dy) const;
  void accumulate(std::vector<Tensor>& gradients, int id, Tensor gradient) const;
  Gradients walk_back(const Variable& output, const Tensor& dy, const TakeGradient& take);

  std::shared_ptr<Tape*> self_ = std::make_shared<Tape*>(this);  // for its variables
  std::vector<Entry> entries_;
  std::unordered_map<const Parameter*, int> parameter_ids_;
  TapeObserver* observer_ = nullptr;
  bool consumed_ = false;
  bool refuse_non_finite_ = false;
};

// The tape that an op with these inputs records on: null when all are constants.
Tape* tape_of(std::span<const Variable> inputs);

// Records y on the inputs' tape, or returns it as a constant: the last line of every op.
template <class NodeType, class... Fields>
Variable record(Tensor y, std::span<const Variable> inputs, Fields&&... fields) {
  Tape* tape = tape_of(inputs);
  if (tape == nullptr) return Variable(std::move(y));
  return tape->record(std::move(y), std::make_unique<NodeType>(std::forward<Fields>(fields)...), inputs);
}

}  // namespace vitrine
