#include "autograd/tape.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "autograd/changed_outputs.h"
#include "base/error.h"
#include "tensor/bfloat16.h"
#include "tensor/cuda/elementwise.h"
#include "tensor/cuda/runtime.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

const Tensor kNoGradient;

bool all_finite(const Tensor& t) {
  const Tensor here = t.to(Device::cpu()), values = t.dtype() == DType::bf16 ? here.in_float32() : here;
  return std::ranges::all_of(values.host(), [](float v) { return std::isfinite(v); });
}

template <class Stored>
Tensor total_of(const Tensor& a, const Tensor& b) {
  Tensor total = Tensor::uninitialized<Stored>(a.shape(), a.device());
  cuda::sum(a.data<Stored>(), b.data<Stored>(), a.size(), total.mutable_data<Stored>());
  return total;
}

}  // namespace

const Tensor& Gradients::of(const Parameter& parameter) const {
  const auto found = parameters_.find(&parameter);
  return found == parameters_.end() ? kNoGradient : found->second;
}

const Tensor& Gradients::of(const Variable& input) const {
  if (input.tape_ == nullptr) return kNoGradient;
  if (input.tape_ != tape_) throw InternalError("the gradient by a variable of another tape was asked for");
  const auto found = inputs_.find(input.id_);
  if (found == inputs_.end())
    throw InternalError(text("the gradient by value ", input.id_,
                             " of the tape was asked for, which Tape::input did not make; ",
                             "only leaves keep theirs, an observer sees the others"));
  return found->second;
}

int Tape::add(Entry entry) {
  if (consumed_) throw InternalError("a tape was used after its backward pass; make a new one for each step");
  entries_.push_back(std::move(entry));
  return static_cast<int>(entries_.size()) - 1;
}

TapeEntry Tape::seen(int id) const {
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  return {id, entry.node.get(), entry.parameter, entry.inputs, entry.shape};
}

void Tape::tell(int id, const Tensor& output) const {
  if (observer_ != nullptr) observer_->recorded(seen(id), output);
}

Variable Tape::input(Tensor value) {
  const int id = add({nullptr, {}, nullptr, value.shape()});
  tell(id, value);
  return Variable(std::move(value), self_, id);
}

Variable Tape::parameter(const Parameter& parameter) {
  const auto found = parameter_ids_.find(&parameter);
  if (found != parameter_ids_.end()) return Variable(parameter.value, self_, found->second);
  const int id = add({nullptr, {}, &parameter, parameter.value.shape()});
  parameter_ids_.emplace(&parameter, id);
  tell(id, parameter.value);
  return Variable(parameter.value, self_, id);
}

Variable Tape::record(Tensor y, std::unique_ptr<Node> node, std::span<const Variable> inputs) {
  std::vector<int> ids;
  for (const Variable& input : inputs) {
    if (input.tape() != nullptr && input.tape() != this)
      throw InternalError(text(node->name(), ": its inputs lie on two tapes"));
    ids.push_back(input.tape() == this ? input.id_ : -1);
  }
  if (refuse_non_finite_ && !all_finite(y)) {
    throw NumericalError(text("op ", entries_.size(), " (", node->name(), ", output ", y.shape().text(),
                              ") is the first whose output is not finite; lower the learning rate or check the input"));
  }
  const int id = add({std::move(node), std::move(ids), nullptr, y.shape()});
  if (const auto* other = dynamic_cast<const ChangedOutputs*>(observer_)) {
    y = other->changed(seen(id), y);
    if (!(y.shape() == seen(id).shape))
      throw InternalError(
          text(seen(id).name(), ": its output ", seen(id).shape.text(), " was changed into ", y.shape().text()));
  }
  tell(id, y);
  return Variable(std::move(y), self_, id);
}

void Tape::accumulate(std::vector<Tensor>& gradients, int id, Tensor gradient) const {
  Tensor& sum = gradients[static_cast<std::size_t>(id)];
  if (!sum.defined()) {
    sum = std::move(gradient);
    return;
  }
  // A gradient may share its storage (add returns dy twice), so the sum goes to a new tensor.
  if (sum.device().is_cuda()) {
    cuda::make_current(sum.device());
    sum = sum.dtype() == DType::bf16 ? total_of<BFloat16>(sum, gradient) : total_of<float>(sum, gradient);
    return;
  }
  Tensor total = Tensor::uninitialized(sum.shape(), sum.device());
  const float* const a = sum.host().data();
  const float* const b = gradient.host().data();
  float* const y = total.mutable_host().data();
  parallel_for(sum.size(), 16384, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) y[i] = a[i] + b[i];
  });
  sum = std::move(total);
}

std::vector<Tensor> Tape::backward_of(int id, const Tensor& dy) const {
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  if (observer_ != nullptr) observer_->before_backward(seen(id), dy);
  std::vector<Tensor> dx = entry.node->backward(dy, Wanted(entry.inputs));
  if (dx.size() != entry.inputs.size())
    throw InternalError(text(entry.node->name(), ": its backward returned ", dx.size(), " gradients for ", entry.inputs.size(),
                             " inputs; return one for each, undefined where none is wanted"));
  for (std::size_t i = 0; i < dx.size(); ++i) {
    if (entry.inputs[i] < 0 || !dx[i].defined()) continue;
    const Shape& shape = entries_[static_cast<std::size_t>(entry.inputs[i])].shape;
    if (!(dx[i].shape() == shape))
      throw InternalError(text(entry.node->name(), ": its backward returned the gradient ", dx[i].shape().text(), " for input ",
                               i, ", which is ", shape.text()));
  }
  if (observer_ != nullptr) observer_->after_backward(seen(id), dy, dx);
  return dx;
}

namespace {

Tensor gradient_of_loss(const Variable& loss) {
  if (loss.tensor().size() != 1) {
    throw ShapeError(
        text("backward starts from a scalar loss, this one has shape ", loss.shape().text(), "; pass its upstream gradient"));
  }
  return Tensor::full(loss.shape(), 1.0f, loss.tensor().device());
}

}  // namespace

Gradients Tape::backward(const Variable& loss) { return walk_back(loss, gradient_of_loss(loss), nullptr); }

Gradients Tape::backward(const Variable& output, const Tensor& dy) { return walk_back(output, dy, nullptr); }

void Tape::backward(const Variable& loss, const TakeGradient& take) { walk_back(loss, gradient_of_loss(loss), take); }

Gradients Tape::walk_back(const Variable& output, const Tensor& dy, const TakeGradient& take) {
  if (output.tape() != this) throw InternalError("backward starts from a value that is not on this tape");
  if (!(dy.shape() == output.shape())) {
    throw ShapeError(
        text("backward: the upstream gradient has shape ", dy.shape().text(), ", the output ", output.shape().text()));
  }
  if (consumed_) throw InternalError("a tape is good for one backward pass");
  consumed_ = true;  // also when an op or the observer throws half way: the nodes passed by then are gone
  std::vector<Tensor> gradients(entries_.size());
  gradients[static_cast<std::size_t>(output.id_)] = dy;
  Gradients result;
  result.tape_ = self_;
  for (int id = static_cast<int>(entries_.size()) - 1; id >= 0; --id) {
    Entry& entry = entries_[static_cast<std::size_t>(id)];
    Tensor dy_here = std::move(gradients[static_cast<std::size_t>(id)]);
    const bool is_input = entry.node == nullptr && entry.parameter == nullptr;
    if (!dy_here.defined()) {
      if (is_input) result.inputs_.emplace(id, Tensor());
      continue;
    }
    if (entry.node == nullptr) {
      if (observer_ != nullptr) observer_->leaf_gradient(seen(id), dy_here);
      if (entry.parameter != nullptr && take != nullptr) {
        take(*entry.parameter, dy_here);
      } else if (entry.parameter != nullptr) {
        result.parameters_.emplace(entry.parameter, std::move(dy_here));
      } else {
        result.inputs_.emplace(id, std::move(dy_here));
      }
      continue;
    }
    std::vector<Tensor> dx = backward_of(id, dy_here);
    for (std::size_t i = 0; i < entry.inputs.size(); ++i) {
      if (entry.inputs[i] >= 0 && dx[i].defined()) accumulate(gradients, entry.inputs[i], std::move(dx[i]));
    }
    entry.node.reset();  // what it saved is not needed any more
  }
  return result;
}

void Tape::print(std::ostream& out) const {
  for (int id = 0; id < static_cast<int>(entries_.size()); ++id) {
    const TapeEntry entry = seen(id);
    out << id << "  " << entry.name() << "  (";
    for (std::size_t i = 0; i < entry.inputs.size(); ++i) out << (i > 0 ? ", " : "") << entry.inputs[i];
    out << ")  " << entry.shape.text() << "\n";
  }
}

Tape* tape_of(std::span<const Variable> inputs) {
  for (const Variable& input : inputs) {
    if (input.tape() != nullptr) return input.tape();
  }
  return nullptr;
}

}  // namespace vitrine
