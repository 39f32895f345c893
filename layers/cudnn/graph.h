// cuDNN's graph interface behind a small wrapper: descriptors that are destroyed with their owner, engines, plans.
//
// Only files that are built with CUDA include this.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tensor/cuda/dnn_functions.h"

namespace vitrine::cuda::cudnn {

// Error naming the call and what it was for.
void check(cudnnStatus_t status, const char* call, const std::string& what);

class Descriptor {
 public:
  Descriptor(cudnnBackendDescriptorType_t type, std::string what);

  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
  Descriptor& set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnDataType_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, float value);
  Descriptor& set(cudnnBackendAttributeName_t name, double value);
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value);
  Descriptor& finish();                 // cudnnBackendFinalize
  cudnnStatus_t try_finish() noexcept;  // the same, for what may be refused
  cudnnBackendDescriptor_t get() const { return handle_.get(); }
  const std::string& what() const { return what_; }

 private:
  struct Destroy {
    using pointer = cudnnBackendDescriptor_t;
    void operator()(cudnnBackendDescriptor_t d) const { dnn().BackendDestroyDescriptor(d); }
  };
  std::string what_;
  std::unique_ptr<void, Destroy> handle_;
};

// A way to run a graph.
struct Plan {
  Descriptor plan;
  std::int64_t workspace = 0;
  std::string choice;  // which of cuDNN's proposals, its engine and numerical notes: the same for a GPU and a version of cuDNN
};

// A few plans of deterministic engines that keep float32 products unless the settings allow TF32, in the order that cuDNN proposes; none for
// a graph that it does not support. Without products an engine's note of tensor cores means nothing: cuDNN's run-time compiler leaves it on all.
std::vector<Plan> plans_of(const std::vector<Descriptor>& operations, bool has_products);
// The one of that choice alone, since making a plan may take cuDNN's compiler; nothing where it is not among them.
std::optional<Plan> plan_of(const std::vector<Descriptor>& operations, bool has_products, const std::string& choice);
// Why plans_of finds none; empty where it finds one.
std::string why_refused(const std::vector<Descriptor>& operations, bool has_products);
cudnnStatus_t try_run(const Plan& plan, const std::vector<std::int64_t>& ids, const std::vector<const void*>& memory);
void run(const Plan& plan, const std::vector<std::int64_t>& ids, const std::vector<const void*>& memory);

}  // namespace vitrine::cuda::cudnn
