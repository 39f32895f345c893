#include "audit/rule_shadow.h"

#include "layers/bounded.h"
#include "layers/shadow_list.h"
#include "tensor/tensor_hash.h"

namespace vitrine::audit {

Shadow fixed_numbers(std::string of, std::vector<double> seen, std::vector<double> expected) {
  const Tensor computed = Tensor::from<double>({static_cast<std::int64_t>(seen.size())}, seen);
  return shadow_of(std::move(of), computed, 1, [numbers = std::move(expected)](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    return exactly(at < numbers.size() ? numbers[at] : std::numeric_limits<double>::quiet_NaN());
  });
}

Shadow same_values(std::string of, const Tensor& seen, const Tensor& expected) {
  const auto differ = [&] {
    if (!seen.defined() || !expected.defined()) return seen.defined() != expected.defined();
    return !(seen.shape() == expected.shape()) || hash_of(seen) != hash_of(expected);
  };
  return fixed_numbers(std::move(of), {differ() ? 1.0 : 0.0}, {0.0});
}

Shadow exact_values(std::string of, const Tensor& seen, const Tensor& expected) {
  return shadow_of(std::move(of), seen, 1, [values = Values(expected)](std::int64_t i) { return values.exact(i); });
}

}  // namespace vitrine::audit
