#include "tensor/storage.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/host_memory.h"

namespace vitrine {
namespace {

// Rounds up to a power of two or one of the three even steps between two of them.
std::size_t size_class(std::size_t bytes) {
  bytes = std::max<std::size_t>(bytes, 256);
  const std::size_t step = std::bit_floor(bytes) / 4;
  return (bytes + step - 1) / step * step;
}

}  // namespace

// The free blocks of one size. Room for all that were made is kept ready, so that giving one back never allocates: it happens in destructors.
struct FreeBlocks {
  std::vector<void*> blocks;
  std::size_t made = 0;

  void make_room() {
    if (blocks.capacity() <= made) blocks.reserve(2 * made + 8);
  }
};

struct BlockCache {
  Device device;
  std::mutex mutex;
  std::map<std::size_t, FreeBlocks> free_blocks;
  HostMemory host;  // of a device that is no GPU
  StorageStatistics statistics;

  ~BlockCache() { release(); }
  void release() {  // the mutex is held, or nobody else has the cache
    host.forget_unused();
    if (!device.is_gpu())
      for_free_blocks([&](std::size_t, char* block) {
        host.is_unused(block);
        return false;
      });
    for_free_blocks([&](std::size_t bytes, char* block) {
      if (!device.is_gpu()) return host.give_back(block, bytes);
      cuda::release(device.index, block);
      return true;
    });
  }

 private:
  // gone(bytes, block): whether the block is no more.
  template <class Gone>
  void for_free_blocks(Gone gone) {
    for (auto& [size, free] : free_blocks) {
      const std::size_t bytes = size;  // clang 14 lets no lambda capture a structured binding
      free.made -= std::erase_if(free.blocks, [&](void* block) { return gone(bytes, static_cast<char*>(block)); });
    }
  }
};

namespace {

using SharedCache = std::shared_ptr<BlockCache>;

SharedCache cache_of(Device device) {
  auto cache = std::make_shared<BlockCache>();
  cache->device = device;
  return cache;
}

// Caches live as long as the process: tensors with static lifetime may outlive any other object.
const SharedCache& gpu_cache(int index) {
  static auto* const caches = [] {
    auto* const all = new std::array<SharedCache, Device::kMost>;
    for (int i = 0; i < Device::kMost; ++i) (*all)[static_cast<std::size_t>(i)] = cache_of(Device::cuda(i));
    return all;
  }();
  return caches->at(static_cast<std::size_t>(index));
}

const SharedCache& common_cache(Device device) {
  static auto* const host = new SharedCache(cache_of(Device::cpu()));
  static auto* const cuda_host = new SharedCache(cache_of(Device::cuda_host()));
  return device.is_gpu() ? gpu_cache(device.index) : device.is_cuda() ? *cuda_host : *host;
}

thread_local const SharedCache* pool_in_use = nullptr;

const SharedCache& cache_for(Device device) {
  if (!device.is_cuda() || pool_in_use == nullptr) return common_cache(device);
  (*pool_in_use)->device = device;
  return *pool_in_use;
}

std::size_t mebibytes(std::size_t bytes) { return (bytes + (1u << 20) - 1) >> 20; }

// A pool's free blocks stay: a recorded graph writes them.
void* ask_device(BlockCache& c, std::size_t bytes) {
  void* block = cuda::allocate(c.device.index, bytes);
  if (block == nullptr && &c == gpu_cache(c.device.index).get()) {
    c.release();
    block = cuda::allocate(c.device.index, bytes);
  }
  if (block != nullptr) return block;
  const cuda::DeviceInfo info = cuda::describe(c.device.index);
  throw DeviceMemoryError(text(c.device.text(), " is out of memory: ", mebibytes(bytes), " MiB more were asked for, ",
                               mebibytes(c.statistics.live_bytes), " MiB are in use by this run and ",
                               mebibytes(info.free_bytes), " of ", mebibytes(info.total_bytes), " MiB are free"));
}

// The limit of the settings holds for every CUDA device.
void check_limit(const BlockCache& c, std::size_t bytes) {
  const std::size_t limit = cuda::settings().memory_limit;
  if (!c.device.is_cuda() || limit == 0 || c.statistics.live_bytes + bytes <= limit) return;
  throw DeviceMemoryError(text(c.device.text(), " is out of memory: ", mebibytes(bytes), " MiB more were asked for, ",
                               mebibytes(c.statistics.live_bytes), " MiB are in use of the ", mebibytes(limit),
                               " MiB that --device-memory allows"));
}

void* take(BlockCache& c, std::size_t bytes) {
  const std::scoped_lock lock(c.mutex);
  check_limit(c, bytes);
  void* block = nullptr;
  FreeBlocks& free = c.free_blocks[bytes];
  if (!free.blocks.empty()) {
    block = free.blocks.back();
    free.blocks.pop_back();
  } else {
    free.make_room();
    block = c.device.is_gpu() ? ask_device(c, bytes) : c.host.take(bytes);
    ++free.made;
    ++c.statistics.system_allocations;
  }
  c.statistics.live_bytes += bytes;
  c.statistics.peak_bytes = std::max(c.statistics.peak_bytes, c.statistics.live_bytes);
  return block;
}

}  // namespace

Storage::Storage(std::size_t bytes, Device device, DType type)
    : bytes_(bytes), device_(device), dtype_(type), cache_(cache_for(device)) {
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) throw ShapeError(text("a tensor of ", bytes, " bytes is too large"));
  block_ = size_class(bytes);
  data_ = take(*cache_, block_);
}

Storage::~Storage() {
  const std::scoped_lock lock(cache_->mutex);
  cache_->free_blocks.find(block_)->second.blocks.push_back(data_);
  cache_->statistics.live_bytes -= block_;
}

MemoryPool::MemoryPool() : cache_(std::make_shared<BlockCache>()) {}

MemoryPool::~MemoryPool() {
  const std::scoped_lock lock(cache_->mutex);
  cache_->release();  // the cache itself stays while a tensor has a block of it
}

MemoryPool::Scope::Scope(MemoryPool& pool) : before_(pool_in_use) { pool_in_use = &pool.cache_; }
MemoryPool::Scope::~Scope() { pool_in_use = before_; }

StorageStatistics storage_statistics() { return storage_statistics(Device::cpu()); }

StorageStatistics storage_statistics(Device device) {
  BlockCache& c = *common_cache(device);
  const std::scoped_lock lock(c.mutex);
  return c.statistics;
}

void reset_peak(Device device) {
  BlockCache& c = *common_cache(device);
  const std::scoped_lock lock(c.mutex);
  c.statistics.peak_bytes = c.statistics.live_bytes;
}

void release_cached_storage(Device device) {
  BlockCache& c = *common_cache(device);
  const std::scoped_lock lock(c.mutex);
  c.release();
}

}  // namespace vitrine
