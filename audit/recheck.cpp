#include "audit/recheck.h"

#include <array>
#include <map>
#include <optional>
#include <utility>

#include "audit/fold_audit.h"
#include "audit/step_recorder.h"
#include "audit/step_summary.h"
#include "base/error.h"
#include "base/sha256.h"

namespace vitrine::audit {
namespace {

// Records steps as the audit did, and compares each with its line and its block.
class Comparison final : public StepWatch {
 public:
  Comparison(const ReExecution& run, const std::filesystem::path& folder)
      : run_(run),
        folder_(folder),
        recorder_(recording_of(run.identity().level, run.options().train.device), {run.options().train, run.part(), run.identity().epochs},
                  [this](const std::string& name) { return number_of(name); }),
        summary_(run.identity().level == "full" ? 1 : kOneIn) {}

  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override {
    then_ = recorded_step(folder_, step.number);
    summary_.begin(step, batch);
    lineage_ = lineage_lines(step, batch, run_.part(), run_.options().train);
    recorder_.begin(step, batch, net);
    return &recorder_;
  }
  void computed(double loss, const Tensor& logits) override { summary_.computed(loss, logits); }
  void before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer,
                     const UpdateFacts& update) override {
    summary_.before_update(net, gradients);
    recorder_.before_update(net, gradients, optimizer, update);
  }
  void after_update(EfficientNet& net, const Optimizer& optimizer) override {
    recorder_.after_update(net, optimizer);
    summary_.after_update(net, optimizer);
    compare_lines();
    compare_records(recorder_.take());
    ++recheck.steps;
  }

  Recheck recheck;

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ExitCode::runtime, text("step ", then_->line.step, " of ", folder_, ", made again: ", what,
                                        "; `vitrine audit replay` shows the step op by op"));
  }
  void compare_lines() const {
    const StepLine &a = then_->line, &b = summary_.line();
    const std::array<std::pair<const char*, std::pair<Hash128, Hash128>>, 7> hashes{{{"images", {a.images, b.images}},
                                                                                     {"targets", {a.targets, b.targets}},
                                                                                     {"logits", {a.logits, b.logits}},
                                                                                     {"gradients", {a.gradients, b.gradients}},
                                                                                     {"moments", {a.moments, b.moments}},
                                                                                     {"weights", {a.weights, b.weights}},
                                                                                     {"buffers", {a.buffers, b.buffers}}}};
    for (const auto& [name, both] : hashes) {
      if (both.first != both.second)
        refuse(text("its ", name, " have the hash ", hex(both.second), ", recorded was ", hex(both.first)));
    }
    if (!(a.loss == b.loss)) refuse(text("its loss is ", shortest(b.loss), ", recorded was ", shortest(a.loss)));
    if (!(a.lr == b.lr && a.momentum == b.momentum)) refuse("it was made at another rate or momentum");
    if (a.lineage != sha256(lineage_)) refuse("its samples or what was drawn for them are not those that were recorded");
  }
  void compare_records(const std::vector<OpRecord>& now) {
    if (now.size() != then_->records.size())
      refuse(text("it has ", now.size(), " records, ", then_->records.size(), " were recorded"));
    for (std::size_t i = 0; i < now.size(); ++i) {
      const NamedRecord& then = then_->records[i];
      OpRecord mine = now[i];
      if (names_[mine.node] != then.node || names_[mine.tensor] != then.tensor)
        refuse(text("its record ", i, " is of ", names_[mine.node], ", recorded was ", then.node));
      mine.node = then.record.node;
      mine.tensor = then.record.tensor;
      std::array<char, kRecordBytes> a{}, b{};
      write_record(mine, a.data());
      write_record(then.record, b.data());
      if (a != b) refuse(text("the record of ", then.tensor, " of ", then.node, " is another"));
      ++recheck.records;
    }
  }
  std::uint32_t number_of(const std::string& name) {
    const auto [place, is_new] = numbers_.emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (is_new) names_.push_back(name);
    return place->second;
  }

  const ReExecution& run_;
  std::filesystem::path folder_;
  std::map<std::string, std::uint32_t> numbers_;
  std::vector<std::string> names_;
  StepRecorder recorder_;
  StepSummary summary_;
  std::optional<StepRecords> then_;
  std::string lineage_;
};

}  // namespace

Recheck recheck(ReExecution& run, const std::filesystem::path& folder, std::int64_t first, std::int64_t last) {
  Comparison comparison(run, folder);
  run.run(first, last + 1, comparison);
  return comparison.recheck;
}

}  // namespace vitrine::audit
