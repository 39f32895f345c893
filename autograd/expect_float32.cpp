#include "autograd/expect_float32.h"

#include <optional>

#include "base/error.h"

namespace vitrine {

void expect_float32(std::string_view op, std::span<const Variable> inputs) {
  std::optional<Device> device;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].tensor().defined()) continue;
    if (!device) device = inputs[i].tensor().device();
    expect_device(op, text("input ", i), inputs[i].tensor(), *device);
    const DType found = inputs[i].tensor().dtype();
    if (found == DType::f32) continue;
    throw DTypeError(text(op, ": input ", i, " ", inputs[i].shape().text(), " holds ", dtype_name(found), ", expected ",
                          dtype_name(DType::f32), "; convert it first"));
  }
}

void expect_device(std::string_view op, std::string_view what, const Tensor& tensor, Device device) {
  if (tensor.device() == device) return;
  throw DeviceError(text(op, ": ", what, " lies on ", tensor.device().text(), ", expected ", device.text(),
                         " as the others; move it with to(device)"));
}

}  // namespace vitrine
