#include "tensor/cuda/communicator.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/error.h"
#include "tensor/cuda/launches.h"

namespace vitrine::cuda {
namespace {

thread_local Communicator* in_use = nullptr;

// Where the ranks of one process meet: the last to come lets all go on.
class Meeting {
 public:
  explicit Meeting(int size) : addresses(static_cast<std::size_t>(size)), size_(size) {}

  std::vector<const void*> addresses;  // what each rank offers

  void meet() {
    std::unique_lock lock(mutex_);
    const int round = round_;
    if (++here_ == size_) {
      here_ = 0;
      ++round_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return round_ != round || failed_; });
    if (failed_) throw Error(ExitCode::runtime, "another device's part of the training failed");
  }
  void fail() {
    const std::scoped_lock lock(mutex_);
    failed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int size_, here_ = 0, round_ = 0;
  bool failed_ = false;
};

class HostCommunicator final : public Communicator {
 public:
  HostCommunicator(std::shared_ptr<Meeting> meeting, int rank) : meeting_(std::move(meeting)), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(meeting_->addresses.size()); }
  void all_gather(const void* in, void* out, std::size_t bytes) override {
    run_or_record([=, this] {
      meeting_->addresses[static_cast<std::size_t>(rank_)] = in;
      meeting_->meet();
      auto* to = static_cast<char*>(out);
      for (const void* from : meeting_->addresses) {
        std::memcpy(to, from, bytes);
        to += bytes;
      }
      meeting_->meet();  // nobody changes `in` before all have read it
    });
  }
  void begin_sum(float* values, std::size_t count) override {
    run_or_record([=, this] {
      meeting_->addresses[static_cast<std::size_t>(rank_)] = values;
      meeting_->meet();
      std::vector<float> sums(count);
      for (std::size_t r = 0; r < meeting_->addresses.size(); ++r) {
        const auto* const from = static_cast<const float*>(meeting_->addresses[r]);
        for (std::size_t i = 0; i < count; ++i) sums[i] = r == 0 ? from[i] : sums[i] + from[i];
      }
      meeting_->meet();  // all have read all
      std::ranges::copy(sums, values);
    });
  }
  void join() override {}
  void abort() override { meeting_->fail(); }

 private:
  std::shared_ptr<Meeting> meeting_;
  int rank_;
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> communicators(const std::vector<Device>& devices) {
  const bool gpus = std::ranges::all_of(devices, [](Device d) { return d.is_gpu(); });
  const bool host = std::ranges::all_of(devices, [](Device d) { return d == Device::cuda_host(); });
  std::vector<int> indices;
  for (const Device d : devices) indices.push_back(d.index);
  std::ranges::sort(indices);
  const bool twice = std::ranges::adjacent_find(indices) != indices.end();
  if (devices.empty() || !(gpus || host) || (gpus && twice)) {
    std::string names;
    for (const Device d : devices) names += (names.empty() ? "" : ", ") + d.text();
    throw UsageError(text("--devices are ", names.empty() ? "none" : names, ", expected different GPUs"));
  }
  if (gpus) return nccl_communicators(devices);
  const auto meeting = std::make_shared<Meeting>(static_cast<int>(devices.size()));
  std::vector<std::unique_ptr<Communicator>> all;
  for (std::size_t rank = 0; rank < devices.size(); ++rank)
    all.push_back(std::make_unique<HostCommunicator>(meeting, static_cast<int>(rank)));
  return all;
}

Communicator* communicator() { return in_use; }
CommunicatorScope::CommunicatorScope(Communicator* c) : before_(in_use) { in_use = c; }
CommunicatorScope::~CommunicatorScope() { in_use = before_; }

}  // namespace vitrine::cuda
