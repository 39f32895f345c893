// Memory of the host for one cache of blocks (tensor/storage.h), from the system and back.
//
// Large blocks lie on huge pages: fewer pages to look up, and the processor fetches ahead within one. A block of less than a huge page shares a
// region of some with others, so that a network's weights and a step's small tensors have them as well. Were all blocks to start at the same
// place within a page, a load from one and a store to another at the same index would look alike to the processor, which compares the low 12
// bits of addresses first, and wait for each other; so each starts a few cache lines further than the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace vitrine {

class HostMemory {
 public:
  HostMemory() = default;
  ~HostMemory();  // with the regions whose blocks were not all given back
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  char* take(std::size_t bytes);  // 64-byte aligned; Error with exit code 1 when there is none

  // To give back blocks that nobody uses, call `forget_unused`, then `is_unused` for all of them, then `give_back` for all of them. False: the block
  // stays the caller's, since another of its region is in use; its pages are the system's until it is written again.
  void forget_unused();
  void is_unused(const char* block);
  bool give_back(char* block, std::size_t bytes);

 private:
  struct Region {
    std::size_t filled = 0;
    std::int64_t blocks = 0, unused = 0;
  };
  using Regions = std::map<char*, Region>;

  Regions::iterator region_of(const char* block);
  char* carve(std::size_t bytes);  // null when there is no region to be had

  Regions regions_;
  std::uint64_t taken_ = 0;
};

}  // namespace vitrine
