#include "layers/cross_entropy.h"

#include <cmath>

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::CrossEntropyKernels cross_entropy_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const CrossEntropyKernels cross_entropy_table;
}
namespace avx2 {
extern const CrossEntropyKernels cross_entropy_table;
}
namespace avx512 {
extern const CrossEntropyKernels cross_entropy_table;
}

const CrossEntropyKernels& cross_entropy_kernels(Device device) {
  return for_device(device, scalar::cross_entropy_table, avx2::cross_entropy_table, avx512::cross_entropy_table,
                    vitrine::cuda::cross_entropy_table);
}

}  // namespace kernels

namespace {

struct CrossEntropyNode final : Node {
  Tensor logits, targets;
  double smoothing;

  CrossEntropyNode(Tensor z, Tensor t, double e) : logits(std::move(z)), targets(std::move(t)), smoothing(e) {}
  std::string_view name() const override { return "cross_entropy"; }
  void visit(SavedVisitor& show) const override {
    show("logits", logits), show("targets", targets), show("smoothing", smoothing);
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dz = Tensor::uninitialized(logits.shape(), logits.device());
    kernels::cross_entropy_kernels(dz.device())
        .backward(logits.data(), targets.data(), dy.data(), logits.shape()[0], logits.shape()[1], smoothing, dz.mutable_data());
    return {std::move(dz)};
  }
};

void check_targets(const Tensor& targets) {
  const std::int64_t C = targets.shape()[1];
  for (std::int64_t n = 0; n < targets.shape()[0]; ++n) {
    double sum = 0;
    for (std::int64_t c = 0; c < C; ++c) {
      const double share = static_cast<double>(targets.host()[static_cast<std::size_t>(n * C + c)]);
      if (!(share >= 0))
        throw ShapeError(text("cross_entropy: row ", n, " of the targets holds ", share, ", expected shares from 0 to 1"));
      sum += share;
    }
    if (!(std::abs(sum - 1) <= 1e-4))
      throw ShapeError(text("cross_entropy: row ", n, " of the targets sums to ", sum, ", expected 1"));
  }
}

}  // namespace

Variable cross_entropy(const Variable& logits, const Tensor& given_targets, double label_smoothing) {
  const Tensor targets = given_targets.to(logits.tensor().device());
  const Variable given[] = {logits, targets};
  expect_float32("cross_entropy", given);
  const Shape& s = logits.shape();
  if (s.rank() != 2 || s[0] < 1 || s[1] < 1 || !(targets.shape() == s)) {
    throw ShapeError(
        text("cross_entropy: logits are ", s.text(), " and targets ", targets.shape().text(), ", expected [N, C] twice"));
  }
  if (!(label_smoothing >= 0 && label_smoothing < 1)) {
    throw UsageError(text("cross_entropy: the label smoothing is ", label_smoothing, ", expected 0 <= e < 1"));
  }
  if (!targets.device().is_cuda()) check_targets(targets);  // looking at them there would stop the device
  Tensor loss = Tensor::uninitialized(Shape{}, logits.tensor().device());
  kernels::cross_entropy_kernels(loss.device())
      .forward(logits.tensor().data(), targets.data(), s[0], s[1], label_smoothing, loss.mutable_data());
  const Variable inputs[] = {logits};
  return record<CrossEntropyNode>(std::move(loss), inputs, logits.tensor(), targets, label_smoothing);
}

Variable cross_entropy(const Variable& logits, std::span<const int> labels, double label_smoothing) {
  const Shape& s = logits.shape();
  if (s.rank() != 2 || s[0] != static_cast<std::int64_t>(labels.size()))
    throw ShapeError(text("cross_entropy: logits are ", s.text(), ", expected [", labels.size(), ", C] for as many labels"));
  Tensor targets = Tensor::zeros(s);
  const auto values = targets.mutable_host();
  for (std::size_t n = 0; n < labels.size(); ++n) {
    if (labels[n] < 0 || labels[n] >= s[1])
      throw ShapeError(text("cross_entropy: label ", n, " is ", labels[n], ", expected 0 to ", s[1] - 1));
    values[n * static_cast<std::size_t>(s[1]) + static_cast<std::size_t>(labels[n])] = 1;
  }
  return cross_entropy(logits, targets.to(logits.tensor().device()), label_smoothing);
}

}  // namespace vitrine
