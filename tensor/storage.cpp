#include "tensor/storage.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "base/error.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = 2u << 20;
constexpr std::size_t kStagger = 5 * kAlignment;

// Rounds up to a power of two or one of the three even steps between two of them.
std::size_t size_class(std::size_t bytes) {
  bytes = std::max(bytes, kAlignment * 4);
  const std::size_t step = std::bit_floor(bytes) / 4;
  return (bytes + step - 1) / step * step;
}

// Large blocks lie on huge pages: fewer pages to look up, and the processor fetches ahead within one. Were all of them to start at the
// same place within a page, a load from one and a store to another at the same index would look alike to the processor, which compares
// the low 12 bits of addresses first, and wait for each other; so each starts a few cache lines further than the last.
struct Placement {
  std::size_t alignment, room;  // of the memory asked for
  bool staggered;
};

Placement placement_of(std::size_t bytes) {
  if (bytes < kPage) return {kAlignment, bytes, false};
  return {bytes >= kHugePage ? kHugePage : kPage, bytes + kPage, true};
}

char* ask_system(std::size_t bytes, std::uint64_t number) {
  const Placement p = placement_of(bytes);
  auto* const block = static_cast<char*>(::operator new (p.room, std::align_val_t{p.alignment}, std::nothrow));
  if (block == nullptr)
    throw Error(ExitCode::runtime, text("out of memory: ", bytes, " bytes more were asked for; use a smaller batch"));
  if (p.alignment == kHugePage) madvise(block, p.room, MADV_HUGEPAGE);  // a wish: nothing depends on its result
  return p.staggered ? block + number * kStagger % kPage : block;
}

void give_back(char* data, std::size_t bytes) {
  const Placement p = placement_of(bytes);
  const std::size_t offset = p.staggered ? reinterpret_cast<std::uintptr_t>(data) % p.alignment : 0;
  ::operator delete (data - offset, std::align_val_t{p.alignment});
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
  StorageStatistics statistics;

  ~BlockCache() { release(); }
  void release() {  // the mutex is held, or nobody else has the cache
    for (auto& [bytes, free] : free_blocks) {
      for (void* block : free.blocks)
        device.is_gpu() ? cuda::release(device.index, block) : give_back(static_cast<char*>(block), bytes);
      free.made -= free.blocks.size();
      free.blocks.clear();
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
    block = c.device.is_gpu() ? ask_device(c, bytes) : ask_system(bytes, c.statistics.system_allocations);
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
