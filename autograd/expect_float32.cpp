#include "autograd/expect_float32.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "tensor/cuda/settings.h"

namespace vitrine {
namespace {

template <class TypeAt>
void expect(std::string_view op, std::span<const Variable> inputs, TypeAt type_at) {
  std::optional<Device> device;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].tensor().defined()) continue;
    if (!device) device = inputs[i].tensor().device();
    expect_device(op, text("input ", i), inputs[i].tensor(), *device);
    const DType found = inputs[i].tensor().dtype(), expected = type_at(i);
    if (found == expected) continue;
    throw DTypeError(text(op, ": input ", i, " ", inputs[i].shape().text(), " holds ", dtype_name(found), ", expected ",
                          dtype_name(expected), "; convert it first"));
  }
}

}  // namespace

void expect_float32(std::string_view op, std::span<const Variable> inputs) {
  expect(op, inputs, [](std::size_t) { return DType::f32; });
}

void expect_float32_or_bfloat16(std::string_view op, std::span<const Variable> inputs, std::span<const std::size_t> as_first) {
  const Device device = inputs[0].tensor().device();
  const bool has_bfloat16 = device.is_cuda() && cuda::settings().tier == cuda::Tier::run_to_run;
  const DType first = has_bfloat16 && inputs[0].tensor().dtype() == DType::bf16 ? DType::bf16 : DType::f32;
  expect(op, inputs,
         [&](std::size_t i) { return i == 0 || std::ranges::find(as_first, i) != as_first.end() ? first : DType::f32; });
}

void expect_device(std::string_view op, std::string_view what, const Tensor& tensor, Device device) {
  if (tensor.device() == device) return;
  throw DeviceError(text(op, ": ", what, " lies on ", tensor.device().text(), ", expected ", device.text(),
                         " as the others; move it with to(device)"));
}

}  // namespace vitrine
