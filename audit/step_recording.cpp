#include "audit/step_recording.h"

#include "audit/fold_audit.h"

namespace vitrine::audit {

std::uint32_t NameTable::number(const std::string& name) {
  const auto [place, is_new] = numbers_.emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (is_new) names_.push_back(name);
  return place->second;
}

StepRecording::StepRecording(const Recording& recording, std::uint32_t sampled, const TrainingFacts& training,
                             StepRecorder::NumberOfName names, Done done)
    : training_(training), recorder_(recording, training, std::move(names)), summary_(sampled), done_(std::move(done)) {}

TapeObserver* StepRecording::begin(const StepFacts& step, const Batch& batch, EfficientNet& net) {
  summary_.begin(step, batch);
  lineage_ = lineage_lines(step, batch, training_.part, training_.options);
  recorder_.begin(step, batch, net);
  return &recorder_;
}

void StepRecording::before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer,
                                  const UpdateFacts& update) {
  summary_.before_update(net, gradients);
  recorder_.before_update(net, gradients, optimizer, update);
}

void StepRecording::after_update(EfficientNet& net, const Optimizer& optimizer) {
  recorder_.after_update(net, optimizer);
  summary_.after_update(net, optimizer);
  done_({summary_.line(), recorder_.take(), lineage_});
}

}  // namespace vitrine::audit
