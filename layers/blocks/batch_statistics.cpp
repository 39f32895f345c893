#include "layers/blocks/batch_statistics.h"

#include "tensor/cuda/communicator.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::cuda {
extern const kernels::NormSumsKernels norm_sums_table;
}

namespace vitrine {
namespace kernels {
namespace {

constexpr std::int64_t kChannels = 96;  // worth waking a thread for

void of_batch(const BatchSums& s, const NormResult& to) {
  parallel_for(s.C, kChannels, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c)
      norm_of_channel(to, s.rows, s.C, c, sum_of_segments(s, c), sum_of_segments(s, s.C + c));
  });
}

void gradients(const BatchSums& s, const NormGradientResult& to) {
  parallel_for(s.C, kChannels, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c)
      norm_gradients_of_channel(to, s.rows, s.C, c, sum_of_segments(s, c), sum_of_segments(s, s.C + c));
  });
}

void weights(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
             float* out) {
  parallel_for(columns, 1 + 8192 / (rows * segments), [&](std::int64_t first, std::int64_t last) {
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

bool sums_whole_batches(Device device) {
  return device.is_cuda() && vitrine::cuda::settings().tier == vitrine::cuda::Tier::run_to_run;
}

}  // namespace kernels

PartialSums::PartialSums(std::int64_t segments, std::int64_t quantities, std::int64_t channels, Device device)
    : segments_(segments),
      channels_(channels),
      room_(Tensor::uninitialized<double>({segments, quantities, channels}, device)),
      data_(room_.mutable_data<double>()) {}

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

namespace {

bool finishes_at_once(Device device) { return kernels::sums_whole_batches(device) && devices_together() == 1; }

}  // namespace

NormOfBatch::NormOfBatch(BatchNorm& norm, std::int64_t segments, std::int64_t rows, Device device)
    : mean_(norm.running_mean), variance_(norm.running_var), sums_(segments, 2, norm.gamma.value.size(), device) {
  constants_.values = Tensor::uninitialized({4, norm.gamma.value.size()}, device);
  const kernels::RunningStatistics running{norm.momentum, mean_.before, variance_.before, mean_.after, variance_.after};
  target_ = {sums_.data(),
             finishes_at_once(device),
             rows,
             {norm.gamma.value.data(), norm.eps, running, constants_.values.mutable_data()}};
}

NormTensor NormOfBatch::result() {
  if (!target_.whole) {
    const PartialSums all = sums_.of_all_devices();
    kernels::norm_sums_kernels(sums_.device()).of_batch(all.over(target_.rows * devices_together()), target_.result);
  }
  return constants_;
}

NormGradients::NormGradients(std::int64_t segments, std::int64_t C, std::int64_t rows, Device device)
    : gamma(Tensor::uninitialized({C}, device)),
      beta(Tensor::uninitialized({C}, device)),
      means_(Tensor::uninitialized({2, C}, device)),
      sums_(segments, 2, C, device),
      target_{
          sums_.data(), finishes_at_once(device), rows, {gamma.mutable_data(), beta.mutable_data(), means_.mutable_data()}} {}

void NormGradients::finish() {
  if (target_.whole) return;
  // The gradients stay those of this device, to be added up with all others; the means are of the whole batch.
  const Device device = sums_.device();
  const kernels::NormSumsKernels& kernels = kernels::norm_sums_kernels(device);
  kernels.gradients(sums_.over(target_.rows), target_.result);
  if (devices_together() == 1) return;
  Tensor unused = Tensor::uninitialized({2, gamma.size()}, device);
  const PartialSums all = sums_.of_all_devices();
  kernels.gradients(all.over(target_.rows * devices_together()),
                    {unused.mutable_data(), unused.mutable_data() + gamma.size(), target_.result.means});
}

}  // namespace vitrine
