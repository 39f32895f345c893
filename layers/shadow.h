// Shadows: what an op should have computed, in float64, any element alone, with the bound that its contract promises.
//
// Who watches a tape (autograd/observer.h) makes a SeenOp of what it is told and asks for the op's shadows; each has the float32 values that the
// kernel left and a function that gives the value and the bound of any one element. |computed - value| / bound, called rho, is at most 1 on every
// instruction set, thread count and device of the portable tier: a larger one is a fault. A fused op also has shadows of its inner values, each
// from the float32 values that it was itself computed from, so that no bound grows with the depth of what was fused.
//
// The functions of an op stand in layers/<op>_bound.cpp (blocks: layers/blocks/<op>_bound.cpp), their derivation in the Numerics section of
// its header. u = 2^-24 is the unit roundoff of float32, gamma_t = t u / (1 - t u): Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
// sec. 3.1.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/observer.h"
#include "tensor/tensor.h"

namespace vitrine {

// A value in float64, and how far the kernel's float32 value may be from it.
struct Bounded {
  double value = 0, bound = 0;
};

// gamma_t of float32.
constexpr double kUnitRoundoff = 0x1p-24;
inline double gamma_of(double terms) { return terms * kUnitRoundoff / (1 - terms * kUnitRoundoff); }

// What an observer knows of a recorded op. Its tensors lie on the CPU and are held.
struct SeenOp {
  std::string name;
  std::vector<Tensor> inputs;  // as the op got them; undefined where the tape does not have one (a constant)
  Tensor output;
  std::vector<std::pair<std::string, Tensor>> saved;    // Node::visit
  std::vector<std::pair<std::string, double>> numbers;  // Node::visit

  // What the node showed under that name. InternalError where it showed none: the op and its bound disagree.
  const Tensor& tensor(std::string_view name) const;
  bool has(std::string_view name) const;  // a tensor of that name
  double number(std::string_view name) const;
};

// One tensor that the op computed.
struct Shadow {
  std::string of;  // "y", "dx", "dw"; inner values of a fused op: "z1", "norm2.scale"
  Tensor
      computed;  // by the kernel; float32 or float64. Undefined where a fused op kept nothing: `seen` computes it again, in float32 and
                 // in the kernel's order
  std::int64_t elements{};  // of `at`: those of `computed`, or of a checksum its rows
  std::int64_t terms = 1;   // of one element's sum: what a call of `at` costs
  std::function<Bounded(std::int64_t element)> at;
  std::function<double(std::int64_t element)>
      seen{};          // what is compared, where it is not an element of `computed` (a checksum)
  bool inner = false;  // not an output: shown by the node, or computed again
};

// Shadows of what the forward pass computed, and of what the backward pass returned: gradients[i] by the i-th input, undefined where none was
// wanted. What was computed from a constant that neither the tape nor the node has is left out: of add, nothing else. Empty for an op that only moves values (reshape). InternalError for an op that is not in the list: a test keeps it whole.
std::vector<Shadow> forward_shadows(const SeenOp& op);
std::vector<Shadow> backward_shadows(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients);

// The names of all ops that have shadows, in alphabetical order.
std::vector<std::string_view> shadowed_ops();

// The tape's own sum of two gradients of one value, rounded once.
Shadow gradient_sum_shadow(const Tensor& before, const Tensor& added, const Tensor& total);

// |computed - value| / bound. Equal values, infinities among them, and two NaN give 0, as does an infinite bound (a sum that may have left
// float32); a NaN or an infinity on one side alone, and any difference from an exact value, give infinity.
double rho_of(double computed, const Bounded& shadow);
double rho_of(const Shadow& shadow, std::int64_t element);

}  // namespace vitrine
