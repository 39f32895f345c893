#include "train/device/gradient_buckets.h"

#include "tensor/cuda/communicator.h"
#include "tensor/cuda/runtime.h"
#include "train/device/batch_cuda.h"

namespace vitrine {

void GradientBuckets::leaf_gradient(const TapeEntry& leaf, const Tensor& gradient) {
  if (leaf.parameter == nullptr) return;
  if (buckets_.empty() || buckets_.back().sums.defined()) buckets_.emplace_back();
  Bucket& open = buckets_.back();
  open.parameters.push_back(leaf.parameter);
  open.gradients.push_back(gradient);
  open.count += gradient.size();
  if (open.count * static_cast<std::int64_t>(sizeof(float)) >= kBytes) begin(open);
}

void GradientBuckets::begin(Bucket& bucket) {
  std::vector<const float*> sources;
  std::vector<std::int64_t> sizes;
  for (const Tensor& gradient : bucket.gradients) {
    sources.push_back(gradient.data());
    sizes.push_back(gradient.size());
  }
  bucket.sums = Tensor::uninitialized({bucket.count}, device_);
  cuda::make_current(device_);
  float* const sums = bucket.sums.mutable_data();
  cuda::pack(sources, sizes, sums);
  cuda::communicator()->begin_sum(sums, static_cast<std::size_t>(bucket.count));
}

void GradientBuckets::finish(Gradients& gradients) {
  if (buckets_.empty()) return;
  if (!buckets_.back().sums.defined()) begin(buckets_.back());
  cuda::communicator()->join();
  for (Bucket& bucket : buckets_) {
    std::vector<std::int64_t> sizes;
    std::vector<Tensor> parts;
    std::vector<float*> to;
    for (const Tensor& gradient : bucket.gradients) {
      sizes.push_back(gradient.size());
      parts.push_back(Tensor::uninitialized(gradient.shape(), device_));
      to.push_back(parts.back().mutable_data());
    }
    cuda::unpack_sums(bucket.sums.data(), 1, bucket.count, sizes, to);
    for (std::size_t i = 0; i < parts.size(); ++i) gradients.put(*bucket.parameters[i], std::move(parts[i]));
  }
}

}  // namespace vitrine
