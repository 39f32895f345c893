#include "layers/blocks/batch_statistics.h"

#include <algorithm>

#include "layers/blocks/segment_sums.h"
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

namespace scalar {
extern const SegmentSumKernels segment_sum_table;
}
namespace avx2 {
extern const SegmentSumKernels segment_sum_table;
}
namespace avx512 {
extern const SegmentSumKernels segment_sum_table;
}

const SegmentSumKernels& segment_sum_kernels() {
  return for_this_machine(scalar::segment_sum_table, avx2::segment_sum_table, avx512::segment_sum_table);
}

namespace {

constexpr std::int64_t kChannels = 96;  // worth waking a thread for

// work(c, first sum, second sum) for every channel.
template <class Work>
void for_channels(const BatchSums& s, const Work& work) {
  parallel_for(s.C, kChannels, [&](std::int64_t first, std::int64_t last) {
    constexpr std::int64_t kAtOnce = 256;
    double one[kAtOnce], two[kAtOnce];
    for (std::int64_t begin = first; begin < last; begin += kAtOnce) {
      const std::int64_t count = std::min(kAtOnce, last - begin);
      segment_sum_kernels().sums(s.partial, s.segments, 2 * s.C, begin, count, one);
      segment_sum_kernels().sums(s.partial, s.segments, 2 * s.C, s.C + begin, count, two);
      for (std::int64_t i = 0; i < count; ++i) work(begin + i, one[i], two[i]);
    }
  });
}

void of_batch(const BatchSums& s, const NormResult& to) {
  for_channels(
      s, [&](std::int64_t c, double sum, double sum_of_squares) { norm_of_channel(to, s.rows, s.C, c, sum, sum_of_squares); });
}

void gradients(const BatchSums& s, const NormGradientResult& to) {
  for_channels(s, [&](std::int64_t c, double sum, double sum_h) { norm_gradients_of_channel(to, s.rows, s.C, c, sum, sum_h); });
}

void weights(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
             float* out) {
  constexpr std::int64_t kColumns = 16;
  parallel_for((columns + kColumns - 1) / kColumns, 1 + 512 / (rows * segments), [&](std::int64_t first, std::int64_t last) {
    segment_sum_kernels().weights(partial, segments, rows, columns, transposed, first * kColumns,
                                  std::min(columns, last * kColumns), out);
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
