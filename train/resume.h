// The state of an unfinished fold: enough to go on and end with the same bytes as a run that was never stopped.
//
// Random draws are functions of coordinates (tensor/philox.h), so the network, the optimiser's moments, the history and the
// best epoch so far are the whole state, and within an epoch the number of its steps and the sum of their losses. It is written at the end of an
// epoch, or within a long one, beside the next steps, into last.safetensors; the state before it
// stays as last-before.safetensors, so that there is a good one when the newest is damaged.
#pragma once

#include <condition_variable>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "nn/efficientnet/efficientnet.h"
#include "nn/modules/optimizer.h"
#include "train/run_files.h"
#include "weights/tensor_file.h"

namespace vitrine {

struct ResumeState {
  std::string key;                   // of options, data and split
  std::vector<EpochRecord> history;  // of the finished epochs
  int best_epoch = 0;                // from 1; 0 before the first, and in a second training, which keeps its end
  TensorFile best;                   // the network of that epoch; empty where there is none
  int steps = 0;                     // made in the epoch after them
  double loss_sum = 0;               // of these steps, added up in order
  // In the second training of --select nested-refit: the first one's history and the epoch that it chose, from 1. `history`, `steps` and
  // `loss_sum` are then of the second.
  std::vector<EpochRecord> choice{};
  int chosen = 0;  // 0: in the first training
};

// A copy of all of it, as the file holds it.
TensorFile resume_file(const ResumeState& state, EfficientNet& net, const Optimizer& optimizer);

struct Resumed {
  bool found = false;
  std::string note;  // what was wrong with a file that was not used; empty when nothing was
};
// Takes the newest state in `folder` that is whole, has state.key and fits `net` (checksums, shapes, epochs in order, at most `epochs`, of a second
// training at most the chosen number); then
// `state`, `net` and `optimizer` are as they were. Otherwise nothing changes: the fold starts from its beginning.
Resumed read_resume_state(const std::filesystem::path& folder, int epochs, ResumeState& state, EfficientNet& net,
                          Optimizer& optimizer);

void remove_resume_files(const std::filesystem::path& folder);

// Writes states on a thread of its own, or at once where the system gives none. What goes wrong there is thrown by the next call.
class ResumeWriter {
 public:
  explicit ResumeWriter(std::filesystem::path folder);
  ~ResumeWriter();  // waits for the state that is being written

  bool busy();
  void write(TensorFile state);  // waits until the one before is written
  void wait();

 private:
  void work();
  void put(const TensorFile& state) const;
  void wait_until_idle(std::unique_lock<std::mutex>& lock);

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<TensorFile> pending_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vitrine
