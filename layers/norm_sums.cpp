#include "layers/norm_sums.h"

#include "tensor/cuda/communicator.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::cuda {
extern const cpu::NormSumsKernels norm_sums_table;
}

namespace vitrine {
namespace cpu {
namespace {

void of_batch(const BatchSums& s, const float* gamma, double eps, const RunningStatistics& running, float* constants) {
  for (std::int64_t c = 0; c < s.C; ++c) norm_of_channel(s, c, gamma, eps, running, constants);
}

void gradients(const BatchSums& s, float* gamma, float* beta, float* means) {
  for (std::int64_t c = 0; c < s.C; ++c) norm_gradients_of_channel(s, c, gamma, beta, means);
}

void weights(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
             float* out) {
  parallel_for(columns, 1 + 8192 / rows, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = first; c < last; ++c)
        out[transposed ? c * rows + r : r * columns + c] =
            static_cast<float>(sum_of_segments(partial, segments, rows * columns, r * columns + c));
    }
  });
}

constexpr NormSumsKernels kTable = {of_batch, gradients, weights};

}  // namespace

const NormSumsKernels& norm_sums_kernels(Device device) {
  return device.is_cuda() ? vitrine::cuda::on(device, vitrine::cuda::norm_sums_table) : kTable;
}

}  // namespace cpu

PartialSums::PartialSums(std::int64_t segments, std::int64_t quantities, std::int64_t channels, Device device)
    : segments_(segments),
      channels_(channels),
      room_(Tensor::uninitialized({segments, quantities, channels, 2}, device)),
      data_(reinterpret_cast<double*>(room_.mutable_data())) {}

namespace {

int devices_together() { return cuda::communicator() != nullptr ? cuda::communicator()->size() : 1; }

}  // namespace

PartialSums PartialSums::of_all_devices() const {
  if (devices_together() == 1) return *this;
  const std::int64_t quantities = room_.shape()[1];
  PartialSums all(segments_ * devices_together(), quantities, channels_, device());
  const auto count = static_cast<std::size_t>(segments_ * quantities * channels_);
  cuda::make_current(device());
  cuda::communicator()->all_gather(data_, all.data(), count * sizeof(double));
  return all;
}

NormTensor norm_of_batch(BatchNorm& norm, const PartialSums& sums, std::int64_t rows) {
  const StatisticMove mean(norm.running_mean), variance(norm.running_var);
  const Device device = sums.device();
  const PartialSums all = sums.of_all_devices();
  NormTensor constants;
  constants.values = Tensor::uninitialized({4, norm.gamma.value.size()}, device);
  const cpu::RunningStatistics running{norm.momentum, mean.before, variance.before, mean.after, variance.after};
  cpu::norm_sums_kernels(device).of_batch(all.over(rows * devices_together()), norm.gamma.value.data(), norm.eps, running,
                                          constants.values.mutable_data());
  return constants;
}

NormGradients::NormGradients(const PartialSums& sums, std::int64_t C, std::int64_t rows)
    : gamma(Tensor::uninitialized({C}, sums.device())),
      beta(Tensor::uninitialized({C}, sums.device())),
      means(Tensor::uninitialized({2, C}, sums.device())) {
  // The gradients stay those of this device, to be added up with all others; the means are of the whole batch.
  const cpu::NormSumsKernels& kernels = cpu::norm_sums_kernels(sums.device());
  kernels.gradients(sums.over(rows), gamma.mutable_data(), beta.mutable_data(), means.mutable_data());
  if (devices_together() == 1) return;
  Tensor unused = Tensor::uninitialized({2, C}, sums.device());
  const PartialSums all = sums.of_all_devices();
  kernels.gradients(all.over(rows * devices_together()), unused.mutable_data(), unused.mutable_data() + C,
                    means.mutable_data());
}

}  // namespace vitrine
