// Every number of a reference folder compared with Vitrine's: models, ops, optimisers, training steps, metrics, schedules,
// checkpoints.
//
// Models     error = max |logit - float64 truth|; peer = the same of the library that made the case, in float32. Within when the
//            ratio is at most 2; over all models the median ratio must be at most 1. Once op by op, once as the folded network that
//            `predict` runs (group "folded")
// Ops        inputs rounded to float32; error of output and gradients relative to the largest element of each, against a limit
//            stated per op (audit/parity_ops.cpp), which covers that rounding
// Others     the limits stand beside each case
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vitrine {

struct ParityRow {
  std::string group, name;
  double error = 0;
  std::optional<double> peer;  // the peer library's own float32 error, where the folder tells it
  double limit = 0;
  bool within() const { return error <= limit; }  // false for NaN
  // error / peer, or error / limit where there is no peer; 0 for 0 / 0.
  double ratio() const;
};

struct ParitySummary {
  std::size_t cases = 0, within = 0, models = 0;
  double median_model_ratio = 0, largest_model_ratio = 0;
  bool holds = false;  // every case within its limit, and the median model ratio at most 1
};

// The cases of the folder in the order models, folded models, ops, optimisers, training, metrics, schedules, checkpoints, by name within each.
// `seen` gets each row when it is done. DataError when the folder holds none, or names a case that this version cannot run.
std::vector<ParityRow> run_parity(const std::filesystem::path& folder, const std::function<void(const ParityRow&)>& seen);
ParitySummary summarize(const std::vector<ParityRow>& rows);

// The parts, each for one file (or the folder of checkpoints).
ParityRow model_parity(const std::filesystem::path& file, bool folded);
ParityRow op_parity(const std::filesystem::path& file);
ParityRow optimizer_parity(const std::filesystem::path& file);
std::vector<ParityRow> training_parity(const std::filesystem::path& file);
ParityRow metrics_parity(const std::filesystem::path& file);
ParityRow schedule_parity(const std::filesystem::path& file);
std::vector<ParityRow> checkpoint_parity(const std::filesystem::path& folder);

}  // namespace vitrine
