#include "tensor/host_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <memory>
#include <new>

#include "base/error.h"

namespace vitrine {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = 2u << 20;
constexpr std::size_t kRegion = 4 * kHugePage;
constexpr std::size_t kStagger = 5 * kAlignment;

// A sanitizer sees what is read beyond a block when each is the system's own.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kShares = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kShares = false;
#else
constexpr bool kShares = true;
#endif
#else
constexpr bool kShares = true;
#endif

// A block of its own.
struct Placement {
  std::size_t alignment, room;  // of the memory asked for
  bool staggered;
};

Placement placement_of(std::size_t bytes) {
  if (bytes < kPage) return {kAlignment, bytes, false};
  return {bytes >= kHugePage ? kHugePage : kPage, bytes + kPage, true};
}

void to_system(char* memory, std::size_t alignment) { ::operator delete (memory, std::align_val_t{alignment}); }

// Null when there is none.
char* from_system(std::size_t bytes, std::size_t alignment) {
  auto* const memory = static_cast<char*>(::operator new (bytes, std::align_val_t{alignment}, std::nothrow));
  if (memory != nullptr && alignment == kHugePage)
    madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: nothing depends on its result
  return memory;
}

std::uintptr_t address(const char* memory) { return reinterpret_cast<std::uintptr_t>(memory); }

}  // namespace

HostMemory::~HostMemory() {
  for (const auto& [memory, region] : regions_) to_system(memory, kHugePage);
}

char* HostMemory::take(std::size_t bytes) {
  if (kShares && bytes >= kPage && bytes < kHugePage) {
    if (char* const block = carve(bytes); block != nullptr) return block;
  }
  const Placement p = placement_of(bytes);
  char* const block = from_system(p.room, p.alignment);
  if (block == nullptr)
    throw Error(ExitCode::runtime, text("out of memory: ", bytes, " bytes more were asked for; use a smaller batch"));
  return p.staggered ? block + taken_++ * kStagger % kPage : block;
}

char* HostMemory::carve(std::size_t bytes) {
  const std::size_t place = taken_ * kStagger % kPage;
  const auto start = [&](const Region& r) { return r.filled + (place + kPage - r.filled % kPage) % kPage; };
  auto found = std::ranges::find_if(regions_, [&](const auto& one) { return start(one.second) + bytes <= kRegion; });
  if (found == regions_.end()) {
    const auto give_back_one = [](char* memory) { to_system(memory, kHugePage); };
    std::unique_ptr<char, decltype(give_back_one)> memory(from_system(kRegion, kHugePage));
    if (memory == nullptr) return nullptr;
    found = regions_.emplace(memory.get(), Region{}).first;  // which may find no memory either
    memory.release();
  }
  Region& region = found->second;
  char* const block = found->first + start(region);
  region.filled = start(region) + bytes;
  ++region.blocks;
  ++taken_;
  return block;
}

HostMemory::Regions::iterator HostMemory::region_of(const char* block) {
  auto after = regions_.upper_bound(const_cast<char*>(block));
  if (after == regions_.begin()) return regions_.end();
  --after;
  return address(block) - address(after->first) < kRegion ? after : regions_.end();
}

void HostMemory::forget_unused() {
  for (auto& [memory, region] : regions_) region.unused = 0;
}

void HostMemory::is_unused(const char* block) {
  if (const auto region = region_of(block); region != regions_.end()) ++region->second.unused;
}

bool HostMemory::give_back(char* block, std::size_t bytes) {
  const auto found = region_of(block);
  if (found == regions_.end()) {
    const Placement p = placement_of(bytes);
    to_system(block - (p.staggered ? address(block) % p.alignment : 0), p.alignment);
    return true;
  }
  Region& region = found->second;
  if (region.unused < region.blocks) {
    const std::uintptr_t first = (address(block) + kPage - 1) / kPage * kPage, last = (address(block) + bytes) / kPage * kPage;
    if (first < last) madvise(block + (first - address(block)), last - first, MADV_DONTNEED);
    return false;
  }
  --region.unused;
  if (--region.blocks > 0) return true;
  to_system(found->first, kHugePage);
  regions_.erase(found);
  return true;
}

}  // namespace vitrine
