#include "base/memory.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

namespace vitrine {
namespace {

std::atomic<bool> memory_ended{false};
thread_local int scopes = 0;  // of EndsWithoutMemory

[[noreturn]] void say_and_end() noexcept {
  for (const char* part : {"vitrine: ", kOutOfMemory, "\n"}) {
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
  }
  ::_exit(1);
}

void on_memory_ended() {
  memory_ended = true;
  if (scopes > 0) say_and_end();
  throw std::bad_alloc();
}

[[noreturn]] void on_terminate() noexcept {
  if (!memory_ended) std::abort();
  say_and_end();
}

}  // namespace

void install_memory_handlers() noexcept {
  std::set_terminate(on_terminate);
  std::set_new_handler(on_memory_ended);
}

EndsWithoutMemory::EndsWithoutMemory() { ++scopes; }
EndsWithoutMemory::~EndsWithoutMemory() { --scopes; }

}  // namespace vitrine
