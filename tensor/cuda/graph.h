// Work of one CUDA device recorded once and replayed with one call.
//
// The work runs no host code again: every argument that changes from replay to replay lies in device memory. On a GPU it is a CUDA graph; on
// cuda-host a list of the launches, so machines without a GPU test that what was recorded does what running it would.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "tensor/cuda/launches.h"
#include "tensor/cuda/runtime.h"
#include "tensor/storage.h"

namespace vitrine::cuda {

class Graph {
 public:
  // Records; does not run. Memory that the device's tensors left behind is given back first: tensors made while recording have memory of
  // their own, as long as the graph lives.
  Graph(Device device, const std::function<void()>& work);
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void launch();
  std::size_t nodes() const;

 private:
  Device device_;
  MemoryPool pool_;
  Recording launches_;                // of cuda-host
  std::unique_ptr<Capture> capture_;  // of a GPU
};

}  // namespace vitrine::cuda
