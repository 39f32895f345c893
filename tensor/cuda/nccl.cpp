// tensor/cuda/communicator.h through NCCL.
#include <atomic>

#include "base/error.h"
#include "tensor/cuda/communicator.h"
#include "tensor/cuda/nccl_functions.h"
#include "tensor/cuda/runtime.h"

namespace vitrine::cuda {
namespace {

void check(ncclResult_t status, const char* call) {
  if (status == ncclSuccess) return;
  throw Error(ExitCode::runtime, text("NCCL: ", call, " failed on ", current().text(), ": ", nccl().GetErrorString(status)));
}

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(ncclComm_t handle, int rank, int size) : handle_(handle), rank_(rank), size_(size) {}
  ~NcclCommunicator() override {
    if (const ncclComm_t handle = handle_.exchange(nullptr)) nccl().CommDestroy(handle);
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void all_gather(const void* in, void* out, std::size_t bytes) override {
    const ncclComm_t handle = handle_.load();
    if (handle == nullptr) throw Error(ExitCode::runtime, text("NCCL: another device than ", current().text(), " failed"));
    check(nccl().AllGather(in, out, bytes, ncclInt8, handle, static_cast<cudaStream_t>(stream())), "ncclAllGather");
  }
  // One communicator's exchanges follow each other on all ranks alike, whatever stream they are given to, so none waits for one that cannot start.
  void begin_sum(float* values, std::size_t count) override {
    const ncclComm_t handle = handle_.load();
    if (handle == nullptr) throw Error(ExitCode::runtime, text("NCCL: another device than ", current().text(), " failed"));
    if (beside_ == nullptr) beside_ = std::make_unique<SideStream>();
    check(nccl().AllReduce(values, values, count, ncclFloat, ncclSum, handle, static_cast<cudaStream_t>(beside_->follow())),
          "ncclAllReduce");
    is_under_way_ = true;
  }
  void join() override {
    if (is_under_way_) beside_->join();
    is_under_way_ = false;
  }
  // Ends the exchanges under way at once; returns when no recorded graph holds the communicator any more.
  void abort() override {
    if (const ncclComm_t handle = handle_.exchange(nullptr)) nccl().CommAbort(handle);
  }

 private:
  std::atomic<ncclComm_t> handle_;
  int rank_, size_;
  std::unique_ptr<SideStream> beside_;  // of this rank's GPU
  bool is_under_way_ = false;
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> nccl_communicators(const std::vector<Device>& devices) {
  std::vector<int> indices;
  for (const Device d : devices) indices.push_back(d.index);
  std::vector<ncclComm_t> handles(devices.size());
  check(nccl().CommInitAll(handles.data(), static_cast<int>(devices.size()), indices.data()), "ncclCommInitAll");
  std::vector<std::unique_ptr<Communicator>> all;
  for (std::size_t rank = 0; rank < devices.size(); ++rank)
    all.push_back(std::make_unique<NcclCommunicator>(handles[rank], static_cast<int>(rank), static_cast<int>(devices.size())));
  return all;
}

}  // namespace vitrine::cuda
