#include "tensor/cuda/launches.h"

#include <algorithm>
#include <map>

namespace vitrine::cuda {
namespace {

using Counts = std::map<std::string, std::uint64_t, std::less<>>;

// As long as the process: the C library aborts when it has no memory to remember a thread's destructor.
Counts& counts() {
  thread_local auto* const the_counts = new Counts;
  return *the_counts;
}

thread_local Recording* in_use = nullptr;

}  // namespace

void count_launch(const char* op) {
  const auto found = counts().find(std::string_view(op));
  if (found != counts().end()) {
    ++found->second;
  } else {
    counts().emplace(op, 1);
  }
}

std::vector<Launches> launches() {
  std::vector<Launches> all;
  for (const auto& [op, count] : counts()) all.push_back({op, count});
  std::ranges::stable_sort(all, [](const Launches& a, const Launches& b) { return a.count > b.count; });
  return all;
}

std::uint64_t launch_count() {
  std::uint64_t total = 0;
  for (const auto& [op, count] : counts()) total += count;
  return total;
}

void reset_launches() { counts().clear(); }

Recording* recording() { return in_use; }
RecordingScope::RecordingScope(Recording& to) { in_use = &to; }
RecordingScope::~RecordingScope() { in_use = nullptr; }

}  // namespace vitrine::cuda
