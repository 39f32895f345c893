#include "tensor/storage.h"

#include <sys/mman.h>

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
    block = ask_system(bytes, c.statistics.system_allocations);
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
    for (void* block : blocks) give_back(static_cast<char*>(block), bytes);
    blocks.clear();
  }
}

}  // namespace vitrine
