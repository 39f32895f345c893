// ReExecution: makes steps of an audited fold again, from the nearest state that was kept.
//
// Everything comes from the run's own files: options from run.json, manifest and split by source.json, crops by their SHA-256. A difference
// from what was trained on is refused before the first step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "audit/chain.h"
#include "audit/identity.h"
#include "audit/step_recorder.h"
#include "data/split.h"

namespace vitrine::audit {

class ReExecution {
 public:
  // `folder`: RUN/audit/fold_0. DataError or WeightsError naming what is not what it was: a crop, the split, the starting weights.
  ReExecution(const std::filesystem::path& folder, Device device);
  ~ReExecution();

  const Identity& identity() const { return identity_; }
  const RunOptions& options() const { return options_; }
  const Dataset& part() const { return identity_.part == "whole" ? data_.whole : data_.train; }  // that was trained
  TrainingFacts training() const { return {options_.train, part(), identity_.epochs}; }
  std::int64_t steps() const { return std::int64_t{steps_of_epoch_} * identity_.epochs; }  // of the whole training

  // Makes the steps first .. last - 1; `watch` is told of them and of none before. UsageError where there are no such steps.
  void run(std::int64_t first, std::int64_t last, StepWatch& watch);
  std::int64_t began_at() const { return began_at_; }  // the step that `run` began from

 private:
  std::filesystem::path folder_;
  Identity identity_;
  RunOptions options_;
  FoldData data_;
  int steps_of_epoch_ = 0;
  std::int64_t began_at_ = 0;
};

// The records of one step by name, as the trace has them or as they are made again.
struct NamedRecord {
  OpRecord record;
  std::string node, tensor;
};
struct StepRecords {
  StepLine line;
  std::vector<NamedRecord> records;
};
// What the trace has of that step. DataError when the chain is damaged up to it, or the trace at it; what stands in the trace before it is passed
// over (TraceReader::pass_to). UsageError when the chain has no such step.
StepRecords recorded_step(const std::filesystem::path& folder, std::int64_t step);
// The step made again, recorded at `level` ("summary", "full", "forensic"); with `only`, ops whose names begin so.
StepRecords remade_step(ReExecution& run, std::int64_t step, const std::string& level, const std::string& only = "");

}  // namespace vitrine::audit
