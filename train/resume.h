// The state of an unfinished fold: enough to go on and end with the same bytes as a run that was never stopped.
//
// Random draws are functions of coordinates (tensor/philox.h), so the network, the optimiser's moments, the history and the
// best epoch so far are the whole state.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nn/efficientnet/efficientnet.h"
#include "train/optimizer.h"
#include "train/run_files.h"
#include "weights/tensor_file.h"

namespace vitrine {

struct ResumeState {
  std::string key;                   // of options, data and split; a file with another key is ignored
  std::vector<EpochRecord> history;  // of the finished epochs
  int best_epoch = 0;                // from 1; 0 before the first
  TensorFile best;                   // the network of that epoch
};

void write_resume_file(const std::filesystem::path& path, const ResumeState& state, EfficientNet& net,
                       const Optimizer& optimizer);

// True when the file is there, has this key and is whole; then `state`, `net` and `optimizer` are as they were. A file of
// another key or a damaged one changes nothing: the fold starts from its beginning.
bool read_resume_file(const std::filesystem::path& path, ResumeState& state, EfficientNet& net, Optimizer& optimizer);

}  // namespace vitrine
