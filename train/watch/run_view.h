// A run, a study or a fold as its files show it at one moment, for those who watch it: nothing is locked or written, and every file may be half
// written, or gone between two looks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "train/choice.h"
#include "train/run_files.h"

namespace vitrine {

enum class WorkState {
  waiting,  // nobody has begun it
  working,  // somebody holds its lock
  stopped,  // begun, and nobody is at it: it goes on when the same command is run again
  finished
};

struct FoldView {
  std::string name;  // of its folder
  WorkState state = WorkState::waiting;
  std::vector<EpochRecord> history;
  double seconds_per_epoch = 0, images_per_second = 0;  // over the last epochs that were timed, at most ten; 0: not known
  double silent_seconds = 0;                            // since its files changed last
  int best_epoch =
      0;  // from 1: of a finished fold the one that was kept, else the first of the best by `monitor`; 0: none, or not known
  std::string inputs;                   // as it says itself; empty: it does not
  int epochs = 0;                       // as it says itself; 0: it does not
  Monitor monitor = Monitor::accuracy;  // by which an epoch is best
  int refit_after = 0;                  // in a second training, whose epochs `history` has: the first one's epochs
  std::string holder;                   // of its lock, also of one that was left behind; empty: none
  bool holder_ended = false;
  bool damaged = false;  // its fold.json is there and cannot be read: whoever goes on with the run will refuse it
  std::string warning;   // the last one
};

struct RunView {
  std::string name;  // of its folder
  WorkState state = WorkState::waiting;
  std::string inputs, arch;
  int epochs = 0;                       // of each fold, of a second training aside; 0: not known yet
  Monitor monitor = Monitor::accuracy;  // by which an epoch is best
  std::vector<FoldView> folds;
};

struct WatchView {
  std::filesystem::path path;
  std::string stage;   // of a study: "prep", "split", "cross-validation", "report", "finished"; empty: it is none
  std::string holder;  // of the study's lock
  bool holder_ended = false;
  std::int64_t prepared = 0;  // subjects, in the stage prep
  std::vector<RunView> runs;  // one; of a study one for each of its inputs
  WorkState state = WorkState::waiting;
};

class RunReader {
 public:
  explicit RunReader(std::filesystem::path path) : path_(std::move(path)) {}
  // DataError when the folder is neither a run's, nor a study's, nor a fold's.
  WatchView read();

 private:
  struct Seen {
    std::uintmax_t bytes = 0;
    std::filesystem::file_time_type modified;
    FoldView fold;
  };

  WatchView read_study();
  RunView read_run(const std::filesystem::path& folder);
  FoldView read_fold(const std::filesystem::path& folder);
  FoldView read_table(const std::filesystem::path& table);  // the history in it, its times and its comments

  std::filesystem::path path_;
  std::map<std::filesystem::path, Seen> seen_;  // tables that have not changed are not read again
};

}  // namespace vitrine
