#include "autograd/expect_float32.h"

#include "base/error.h"

namespace vitrine {

void expect_float32(std::string_view op, std::span<const Variable> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const DType found = inputs[i].tensor().dtype();
    if (found == DType::f32) continue;
    throw DTypeError(text(op, ": input ", i, " ", inputs[i].shape().text(), " holds ", dtype_name(found), ", expected ",
                          dtype_name(DType::f32), "; convert it first"));
  }
}

}  // namespace vitrine
