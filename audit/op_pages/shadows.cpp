#include "audit/op_pages/shadows.h"

#include <algorithm>
#include <cmath>

namespace vitrine::op_pages {
namespace {

constexpr std::int64_t kMostElements = 2000;    // checked of one tensor
constexpr std::int64_t kMostTerms = 4'000'000;  // and terms of their sums

ShadowLine line_of(const Shadow& shadow) {
  const std::int64_t affordable = std::max<std::int64_t>(1, kMostTerms / std::max<std::int64_t>(1, shadow.terms));
  const std::int64_t checked = std::min({shadow.elements, kMostElements, affordable});
  std::vector<double> all;
  for (std::int64_t i = 0; i < checked; ++i) all.push_back(rho_of(shadow, i * shadow.elements / checked));
  std::sort(all.begin(), all.end());
  return {
      shadow.of, shadow.inner, shadow.elements, checked, all.empty() ? 0 : all.back(), all.empty() ? 0 : all[all.size() / 2]};
}

// The shadow whose computed tensor is this one.
const Shadow* shadow_of(const std::vector<Shadow>& shadows, const Tensor& computed) {
  for (const Shadow& shadow : shadows) {
    if (!shadow.inner && !shadow.seen && shadow.computed.defined() && shadow.computed.dtype() == computed.dtype() &&
        shadow.elements == computed.size() && shadow.computed.data() == computed.data())
      return &shadow;
  }
  return nullptr;
}

}  // namespace

std::vector<ShadowLine> shadow_lines(const Computed& computed, const Tensor& dy) {
  std::vector<ShadowLine> lines;
  for (const Shadow& shadow : forward_shadows(computed.seen)) lines.push_back(line_of(shadow));
  for (const Shadow& shadow : backward_shadows(computed.seen, dy, computed.gradients)) lines.push_back(line_of(shadow));
  return lines;
}

std::vector<Bounded> bounds_of(const Example& example, const Computed& computed, int input) {
  const Tensor& tensor = input < 0 ? computed.y : computed.gradients[static_cast<std::size_t>(input)];
  if (!tensor.defined()) return {};
  const std::vector<Shadow> shadows =
      input < 0 ? forward_shadows(computed.seen) : backward_shadows(computed.seen, example.dy, computed.gradients);
  const Shadow* shadow = shadow_of(shadows, tensor);
  std::vector<Bounded> all;
  for (std::int64_t i = 0; shadow != nullptr && i < shadow->elements; ++i) all.push_back(shadow->at(i));
  return all;
}

}  // namespace vitrine::op_pages
