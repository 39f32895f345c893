#include "nn/modules/module.h"

#include <cmath>
#include <set>

#include "base/error.h"
#include "tensor/philox.h"

namespace vitrine {

std::string Visitor::joined(std::string_view name) const {
  return prefix_.empty() ? std::string(name) : text(prefix_, ".", name);
}

void Visitor::operator()(std::string_view name, Parameter& parameter) const {
  (*seen_)({joined(name), &parameter.value, &parameter});
}

void Visitor::operator()(std::string_view name, Tensor& buffer) const { (*seen_)({joined(name), &buffer, nullptr}); }

std::vector<ModuleTensor> checked(std::vector<ModuleTensor> tensors) {
  std::set<const Tensor*> seen;
  std::erase_if(tensors, [&](const ModuleTensor& t) { return !seen.insert(t.value).second; });  // shared: under its first name
  std::set<std::string_view> names;
  for (const ModuleTensor& t : tensors) {
    if (!names.insert(t.name).second)
      throw InternalError(text("a module names two tensors '", t.name, "'; give each its own name in visit"));
  }
  return tensors;
}

void initialize(const std::vector<ModuleTensor>& tensors, std::uint64_t seed) {
  std::uint32_t place = 0;
  for (const ModuleTensor& t : tensors) {
    const Shape& s = t.value->shape();
    if (t.parameter == nullptr) continue;
    const Draw draw{.seed = seed, .purpose = Purpose::init, .op = place++};
    if (s.rank() < 2) continue;
    const std::int64_t fan_in = s.rank() == 3 ? s[0] * s[1] : s.elements() / s.back();
    const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in));
    Tensor drawn = Tensor::uninitialized(s);
    const auto values = drawn.mutable_host();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(deviation * draw.normal(static_cast<std::uint32_t>(i)));
    *t.value = drawn.to(t.value->device());
  }
}

void to(const std::vector<ModuleTensor>& tensors, Device device) {
  std::vector<Tensor> moved;  // all of them before one is changed: there may be no room for the last
  for (const ModuleTensor& t : tensors) moved.push_back(t.value->to(device));
  for (std::size_t i = 0; i < tensors.size(); ++i) *tensors[i].value = std::move(moved[i]);
}

std::int64_t parameter_count(const std::vector<ModuleTensor>& tensors) {
  std::int64_t count = 0;
  for (const ModuleTensor& t : tensors) count += t.parameter != nullptr ? t.value->size() : 0;
  return count;
}

void own(const std::vector<ModuleTensor>& tensors) {
  for (const ModuleTensor& t : tensors) {
    if (t.value->defined()) *t.value = t.value->clone();
  }
}

}  // namespace vitrine
