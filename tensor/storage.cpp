#include "tensor/storage.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "base/error.h"

namespace vitrine {
namespace {

constexpr std::size_t kAlignment = 64;

// Rounds up to a power of two or one of the three even steps between two of them.
std::size_t size_class(std::size_t bytes) {
  bytes = std::max(bytes, kAlignment * 4);
  const std::size_t step = std::bit_floor(bytes) / 4;
  return (bytes + step - 1) / step * step;
}

struct Cache {
  std::mutex mutex;
  std::map<std::size_t, std::vector<void*>> free_blocks;
  StorageStatistics statistics;
};

// Lives as long as the process: tensors with static lifetime may outlive any other object.
Cache& cache() {
  static Cache* const the_cache = new Cache;
  return *the_cache;
}

void* take(std::size_t bytes) {
  Cache& c = cache();
  const std::scoped_lock lock(c.mutex);
  void* block = nullptr;
  auto& blocks = c.free_blocks[bytes];
  if (!blocks.empty()) {
    block = blocks.back();
    blocks.pop_back();
  } else {
    block = ::operator new (bytes, std::align_val_t{kAlignment}, std::nothrow);
    if (block == nullptr)
      throw Error(ExitCode::runtime, text("out of memory: ", bytes, " bytes more were asked for; use a smaller batch"));
    ++c.statistics.system_allocations;
  }
  c.statistics.live_bytes += bytes;
  c.statistics.peak_bytes = std::max(c.statistics.peak_bytes, c.statistics.live_bytes);
  return block;
}

}  // namespace

Storage::Storage(std::size_t floats) : floats_(floats) {
  if (floats > std::numeric_limits<std::size_t>::max() / 8)
    throw ShapeError(text("a tensor of ", floats, " floats is too large"));
  bytes_ = size_class(floats * sizeof(float));
  data_ = static_cast<float*>(take(bytes_));
}

Storage::~Storage() {
  Cache& c = cache();
  const std::scoped_lock lock(c.mutex);
  c.free_blocks[bytes_].push_back(data_);
  c.statistics.live_bytes -= bytes_;
}

StorageStatistics storage_statistics() {
  const std::scoped_lock lock(cache().mutex);
  return cache().statistics;
}

void release_cached_storage() {
  Cache& c = cache();
  const std::scoped_lock lock(c.mutex);
  for (auto& [bytes, blocks] : c.free_blocks) {
    for (void* block : blocks) ::operator delete (block, std::align_val_t{kAlignment});
    blocks.clear();
  }
}

}  // namespace vitrine
