#include "tensor/cuda/graph.h"

namespace vitrine::cuda {

Graph::Graph(Device device, const std::function<void()>& work) : device_(device) {
  make_current(device);
  synchronize(device);
  release_cached_storage(device);
  const MemoryPool::Scope memory(pool_);
  if (device.is_gpu()) {
    capture_ = std::make_unique<Capture>(device, work);
  } else {
    const RecordingScope scope(launches_);
    work();
  }
}

void Graph::launch() {
  make_current(device_);
  if (capture_ != nullptr) return capture_->launch();
  for (const auto& work : launches_) work();
}

std::size_t Graph::nodes() const { return capture_ != nullptr ? capture_->nodes() : launches_.size(); }

}  // namespace vitrine::cuda
