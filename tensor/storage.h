// Storage: one block of 64-byte aligned memory from a cache of freed blocks.
//
// After the first training step every block that a step asks for has been seen before, so a step asks the system for
// nothing. Blocks are kept by size class (powers of two in four steps, at most 25 % slack).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "tensor/device.h"
#include "tensor/dtype.h"

namespace vitrine {

struct BlockCache;

// A CUDA device has no room for another block.
class DeviceMemoryError : public Error {
 public:
  explicit DeviceMemoryError(std::string message) : Error(ExitCode::runtime, std::move(message)) {}
};

class Storage {
 public:
  // cuda-host takes the host's memory. DeviceMemoryError when a CUDA device has no room.
  explicit Storage(std::size_t bytes, Device device = {}, DType type = DType::f32);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() { return data_; }
  const void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  DType dtype() const { return dtype_; }  // of the numbers in it

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t block_ = 0;  // size of the block, at least bytes_
  Device device_;
  DType dtype_;
  std::shared_ptr<BlockCache> cache_;
};

// Memory of CUDA devices that only the work within its scopes uses: a recorded graph writes its blocks at every replay, so nobody else may
// hold one of them in between. Blocks that tensors still hold when the pool is destroyed stay theirs.
class MemoryPool {
 public:
  MemoryPool();
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  class Scope {  // while one lives, this thread's tensors on CUDA devices come from the pool
   public:
    explicit Scope(MemoryPool& pool);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const std::shared_ptr<BlockCache>* before_;
  };

 private:
  std::shared_ptr<BlockCache> cache_;
};

struct StorageStatistics {
  std::uint64_t system_allocations = 0;  // blocks asked of the system since the start
  std::uint64_t live_bytes = 0;          // in use now
  std::uint64_t peak_bytes = 0;          // highest live_bytes so far
};
StorageStatistics storage_statistics();               // of the host
StorageStatistics storage_statistics(Device device);  // of a CUDA device, without pools
void reset_peak(Device device);                       // to what is live now
// Gives every unused block back to the system, without pools; of one that shares a region with a block in use (tensor/host_memory.h) its pages.
void release_cached_storage(Device device = {});

}  // namespace vitrine
