#include "tensor/scratch.h"

#include <memory>

#include "tensor/storage.h"

namespace vitrine {

float* thread_scratch(std::size_t floats) {
  thread_local std::unique_ptr<Storage> block;
  thread_local std::size_t room = 0;
  if (floats > room) {
    block.reset();
    block = std::make_unique<Storage>(floats);
    room = floats;
  }
  return block->data();
}

}  // namespace vitrine
