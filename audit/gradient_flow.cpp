#include "audit/gradient_flow.h"

#include "audit/rule_shadow.h"
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine::audit {

Shadow GradientFlow::returned(std::span<const int> ids, std::span<const Tensor> gradients) {
  std::vector<double> seen, expected;
  for (std::size_t i = 0; i < ids.size() && i < gradients.size(); ++i) {
    if (ids[i] < 0) continue;
    expected.push_back(1);
    seen.push_back(gradients[i].defined() ? 1 : 0);
    if (gradients[i].defined()) parts_[ids[i]].push_back({gradients[i], hashes_ ? hash_of(gradients[i]) : Hash128{}});
  }
  return fixed_numbers("gradients returned", seen, expected);
}

std::vector<Shadow> GradientFlow::whole(int id, const Tensor& gradient) {
  const auto found = parts_.find(id);
  const std::vector<Part> parts = found == parts_.end() ? std::vector<Part>{} : std::move(found->second);
  if (found != parts_.end()) parts_.erase(found);
  std::vector<Shadow> all;
  double changed = 0;
  for (const Part& part : parts) changed += hashes_ && hash_of(part.gradient) != part.hash ? 1 : 0;
  if (hashes_) all.push_back(fixed_numbers("gradients written over", {changed}, {0}));
  const Tensor computed = gradient.to(Device::cpu());
  std::vector<Values> values;
  for (const Part& part : parts) values.emplace_back(part.gradient.to(Device::cpu()));
  all.push_back(shadow_of("sum of gradients", computed, static_cast<std::int64_t>(values.size()) + 1, [values](std::int64_t i) {
    if (values.empty()) return exactly(1);  // of the loss by itself
    Bounded sum = values.front().exact(i);
    for (std::size_t k = 1; k < values.size(); ++k) sum = plus(sum, values[k].exact(i));
    return sum;
  }));
  if (hashes_ && parts.size() == 1)
    all.push_back(same_values("gradient as returned", computed, parts.front().gradient.to(Device::cpu())));
  return all;
}

}  // namespace vitrine::audit
