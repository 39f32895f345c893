#include "tensor/scratch.h"

#include <pthread.h>

#include <memory>
#include <new>

#include "tensor/storage.h"

namespace vitrine {
namespace {

struct Scratch {
  std::unique_ptr<Storage> block;
  std::size_t room = 0;
};

// Frees a thread's scratch when it ends. A thread_local object with a destructor would do the same, but the C library aborts when it has no
// memory to remember that destructor.
pthread_key_t scratch_key() {
  static const pthread_key_t key = [] {
    pthread_key_t made{};
    if (pthread_key_create(&made, [](void* scratch) { delete static_cast<Scratch*>(scratch); }) != 0) throw std::bad_alloc();
    return made;
  }();
  return key;
}

thread_local Scratch* mine = nullptr;

Scratch* made_for_this_thread() {
  auto scratch = std::make_unique<Scratch>();
  if (pthread_setspecific(scratch_key(), scratch.get()) != 0) throw std::bad_alloc();
  return scratch.release();
}

}  // namespace

float* thread_scratch(std::size_t floats) {
  if (mine == nullptr) mine = made_for_this_thread();
  if (mine->block == nullptr || floats > mine->room) {
    mine->room = 0;
    mine->block.reset();
    mine->block = std::make_unique<Storage>(floats * sizeof(float));
    mine->room = floats;
  }
  return static_cast<float*>(mine->block->data());
}

}  // namespace vitrine
