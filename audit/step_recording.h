// StepRecording: everything that is recorded of a training step, by one hand: its line of the chain, its records, its lines of lineage.
//
// A training under audit keeps it (audit/fold_audit.h), replay shows it (audit/re_execution.h), verify compares it with what was kept
// (audit/recheck.h).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "audit/step_recorder.h"
#include "audit/step_summary.h"

namespace vitrine::audit {

// Numbers for names, in the order in which they come, where no trace gives them.
class NameTable {
 public:
  std::uint32_t number(const std::string& name);
  const std::string& name(std::uint32_t number) const { return names_[number]; }

 private:
  std::map<std::string, std::uint32_t> numbers_;
  std::vector<std::string> names_;
};

struct RecordedStep {
  StepLine line;  // without lineage and trace
  std::vector<OpRecord> records;
  std::string lineage;  // lines of lineage.jsonl
};

class StepRecording final : public StepWatch {
 public:
  // `sampled`: of gradients and moments one in so many is hashed. `done` gets each step after its update.
  using Done = std::function<void(const RecordedStep& step)>;
  StepRecording(const Recording& recording, std::uint32_t sampled, const TrainingFacts& training,
                StepRecorder::NumberOfName names, Done done);

  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override;
  void computed(double loss, const Tensor& logits) override { summary_.computed(loss, logits); }
  void before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer,
                     const UpdateFacts& update) override;
  void after_update(EfficientNet& net, const Optimizer& optimizer) override;

 private:
  TrainingFacts training_;
  StepRecorder recorder_;
  StepSummary summary_;
  std::string lineage_;
  Done done_;
};

}  // namespace vitrine::audit
