// Storage: one block of 64-byte aligned memory from a cache of freed blocks.
//
// After the first training step every block that a step asks for has been seen before, so a step asks the system for
// nothing. Blocks are kept by size class (powers of two in four steps, at most 25 % slack).
#pragma once

#include <cstddef>
#include <cstdint>

namespace vitrine {

class Storage {
 public:
  explicit Storage(std::size_t floats);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::size_t floats() const { return floats_; }

 private:
  float* data_ = nullptr;
  std::size_t floats_ = 0;
  std::size_t bytes_ = 0;  // size of the block, at least floats_ * 4
};

struct StorageStatistics {
  std::uint64_t system_allocations = 0;  // blocks asked of the system since the start
  std::uint64_t live_bytes = 0;          // in use now
  std::uint64_t peak_bytes = 0;          // highest live_bytes so far
};
StorageStatistics storage_statistics();
void release_cached_storage();  // gives every unused block back to the system

}  // namespace vitrine
