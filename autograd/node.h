// Node: one recorded op, with what its backward needs.
#pragma once

#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tensor/tensor.h"

namespace vitrine {

// Which inputs of a node lie on the tape: gradients of the others are not wanted and need not be computed.
class Wanted {
 public:
  explicit Wanted(std::span<const int> input_ids) : ids_(input_ids) {}
  bool operator[](std::size_t input) const { return ids_[input] >= 0; }

 private:
  std::span<const int> ids_;
};

// Shown what a node saved, under the names of the node's members: tensors, and numbers that the op was given.
class SavedVisitor {
 public:
  virtual ~SavedVisitor() = default;

  // An undefined tensor is something that this node did not need: it is not shown.
  void operator()(std::string_view name, const Tensor& tensor) {
    if (tensor.defined()) see(name, tensor);
  }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void operator()(std::string_view name, Number number) { see(name, static_cast<double>(number)); }

 protected:
  virtual void see(std::string_view name, const Tensor& tensor) = 0;
  virtual void see(std::string_view /*name*/, double /*number*/) {}
};

// One recorded op: what its backward needs is held in named members that a debugger can print.
struct Node {
  virtual ~Node() = default;
  virtual std::string_view name() const = 0;
  // dy: gradient of the loss by this node's output. Returns one fresh tensor per input, in the order of `record`;
  // an undefined Tensor where wanted[i] is false.
  virtual std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const = 0;
  // Shows every tensor that the node holds, each under a name of its own: show("x", x), show("w", w). Nothing to show: leave it out.
  // tests/saved_tensors.h finds a tensor that is held and not shown.
  virtual void visit(SavedVisitor& /*show*/) const {}
};

}  // namespace vitrine
