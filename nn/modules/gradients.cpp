#include "nn/modules/gradients.h"

#include <cmath>

#include "base/error.h"

namespace vitrine {
namespace {

// work(parameter, gradient) for every gradient that there is.
template <class Work>
void for_gradients(const std::vector<ModuleTensor>& tensors, const Gradients& gradients, const Work& work) {
  for (const ModuleTensor& t : tensors) {
    if (t.parameter == nullptr) continue;
    if (const Tensor& gradient = gradients.of(*t.parameter); gradient.defined()) work(*t.parameter, gradient);
  }
}

// change(i, value) for every element of a copy, which goes back to where the gradient lies.
template <class Change>
Tensor changed(const Tensor& gradient, const Change& change) {
  Tensor values = gradient.to(Device::cpu()).clone();
  const auto all = values.mutable_host();
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = change(i, all[i]);
  return values.to(gradient.device());
}

}  // namespace

void accumulate(const std::vector<ModuleTensor>& tensors, Gradients& sum, const Gradients& more) {
  for_gradients(tensors, more, [&](const Parameter& parameter, const Tensor& gradient) {
    const Tensor so_far = sum.of(parameter);
    if (!so_far.defined()) return sum.put(parameter, gradient);
    const Tensor added = gradient.to(Device::cpu());
    sum.put(parameter, changed(so_far, [&](std::size_t i, float value) { return value + added.host()[i]; }));
  });
}

double gradient_norm(const std::vector<ModuleTensor>& tensors, const Gradients& gradients) {
  double squares = 0;
  for_gradients(tensors, gradients, [&](const Parameter&, const Tensor& gradient) {
    const Tensor values = gradient.to(Device::cpu());
    for (const float value : values.host()) squares = std::fma(static_cast<double>(value), static_cast<double>(value), squares);
  });
  return std::sqrt(squares);
}

double clip_norm(const std::vector<ModuleTensor>& tensors, Gradients& gradients, double most) {
  if (!(most > 0)) throw UsageError(text("clip_norm: the largest norm is ", most, ", expected a number above 0"));
  const double norm = gradient_norm(tensors, gradients);
  if (!std::isfinite(norm))
    throw NumericalError("clip_norm: the gradients are not finite; lower the learning rate or check the input");
  if (norm <= most) return norm;
  const auto factor = static_cast<float>(most / norm);
  for_gradients(tensors, gradients, [&](const Parameter& parameter, const Tensor& gradient) {
    gradients.put(parameter, changed(gradient, [&](std::size_t, float value) { return value * factor; }));
  });
  return norm;
}

}  // namespace vitrine
