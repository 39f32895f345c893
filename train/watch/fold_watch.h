// What a fold in training leaves for those who watch it. No result depends on it, and none of it is a reason to stop.
//
//   last-epochs.csv   as long as the fold is unfinished: history.csv's columns, and images and seconds of each epoch; these two are empty
//                     for the epochs before the run was resumed. Lines of `#`: inputs, epochs, monitor, warnings; they may stand anywhere.
//                     In the second training of --select nested-refit its epochs alone, and `# refit-after N`: of the first one's N epochs
//                     it was chosen how many this one has; nothing judges it, so these columns are n/a.
//                     Measured times stand in no file that stays
//   events.out.tfevents...   with --tensorboard, and stays (train/watch/event_file.h)
//
// Both grow by a row at the end of an epoch, in one write that does not wait for the disk, and begin anew when a fold is begun or resumed.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/growing_file.h"
#include "base/progress.h"
#include "train/options.h"
#include "train/resume.h"
#include "train/run_files.h"

namespace vitrine {

inline constexpr const char* kLastEpochs = "last-epochs.csv";

class FoldWatch {
 public:
  FoldWatch(std::filesystem::path folder, const TrainOptions& options, Progress& progress);

  // At the beginning of a training, also of a second one. `state`: what is finished; `warning`: said when the fold was begun, empty for none.
  void begin(const ResumeState& state, const std::string& warning);
  void epoch(const EpochRecord& record, const EpochTime& time);

  // For the progress line. `step` from 1; `loss`: mean over the epoch's steps so far.
  ProgressFacts of_step(int epoch, int step, int steps, double loss) const;
  ProgressFacts of_epoch(const EpochRecord& record, double images_per_second, double eta_seconds) const;

 private:
  using Clock = std::chrono::steady_clock;

  ProgressFacts facts(std::string_view event, int epoch) const;
  template <class Work>
  void unless_it_fails(const Work& work);

  std::filesystem::path folder_;
  std::string inputs_, monitor_;
  int epochs_ = 0;  // of the training at hand
  bool refit_ = false;
  bool tensorboard_ = false;
  Progress& progress_;
  std::optional<std::int64_t> fold_;  // from the folder's name
  std::optional<GrowingFile> epochs_file_, events_;
  int resumed_after_ = 0;
  Clock::time_point began_;
};

// At the end of a fold, and when a finished one is met again: last-epochs.csv goes, the event file, where it is wanted, is whole.
void finish_watching(const std::filesystem::path& folder, const FoldFiles& files, const Keeping& keeping);

}  // namespace vitrine
