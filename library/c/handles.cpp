#include "library/c/handles.h"

#include <cstdint>
#include <map>
#include <mutex>

#include "base/error.h"

namespace vitrine::c {
namespace {

// No address that a process can have, so that one which is taken for a handle is never one.
constexpr std::uint64_t kFirst = 0x7669'0000'0000'0001, kStep = 0x10;
static_assert(sizeof(void*) == sizeof(std::uint64_t));

struct Handles {
  std::mutex mutex;
  std::map<std::uint64_t, std::shared_ptr<Network>> open;
  std::uint64_t next = kFirst;
};

// Lives as long as the process: a thread may call while static objects are destroyed.
Handles& handles() {
  static auto* const all = new Handles;
  return *all;
}

std::uint64_t number_of(const vitrine_network* handle) { return reinterpret_cast<std::uintptr_t>(handle); }

[[noreturn]] void refuse(const vitrine_network* handle) {
  const std::uint64_t number = number_of(handle);
  if (handle == nullptr) throw UsageError("the network is NULL; open one with vitrine_open");
  if (number >= kFirst && number < handles().next && (number - kFirst) % kStep == 0)
    throw UsageError("the network is closed already; use it no more after vitrine_close");
  throw UsageError("the network is no handle that vitrine_open has given; it may be damaged or not set");
}

}  // namespace

vitrine_network* handle_of(std::shared_ptr<Network> network) {
  Handles& all = handles();
  const std::scoped_lock lock(all.mutex);
  all.open.emplace(all.next, std::move(network));
  const std::uint64_t number = all.next;
  all.next += kStep;
  return reinterpret_cast<vitrine_network*>(static_cast<std::uintptr_t>(number));
}

std::shared_ptr<Network> network_of(const vitrine_network* handle) {
  Handles& all = handles();
  const std::scoped_lock lock(all.mutex);
  const auto found = all.open.find(number_of(handle));
  if (found == all.open.end()) refuse(handle);
  return found->second;
}

std::shared_ptr<Network> close(const vitrine_network* handle) {
  Handles& all = handles();
  const std::scoped_lock lock(all.mutex);
  const auto found = all.open.find(number_of(handle));
  if (found == all.open.end()) refuse(handle);
  std::shared_ptr<Network> network = std::move(found->second);
  all.open.erase(found);
  return network;
}

}  // namespace vitrine::c
