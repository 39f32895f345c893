#include "audit/recheck.h"

#include <array>
#include <functional>
#include <optional>
#include <utility>

#include "audit/step_recording.h"
#include "base/error.h"
#include "base/sha256.h"

namespace vitrine::audit {
namespace {

// Compares each step with its line and its block.
class Comparison {
 public:
  Comparison(const std::filesystem::path& folder, const NameTable& names) : folder_(folder), names_(names) {}

  void operator()(const RecordedStep& step) {
    then_ = recorded_step(folder_, static_cast<std::int64_t>(step.line.step));
    compare_lines(step);
    compare_records(step.records);
    ++recheck.steps;
  }

  Recheck recheck;

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ExitCode::runtime, text("step ", then_->line.step, " of ", folder_, ", made again: ", what,
                                        "; `vitrine audit replay` shows the step op by op"));
  }
  void compare_lines(const RecordedStep& step) const {
    const StepLine &a = then_->line, &b = step.line;
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
    if (a.lineage != sha256(step.lineage)) refuse("its samples or what was drawn for them are not those that were recorded");
  }
  void compare_records(const std::vector<OpRecord>& now) {
    if (now.size() != then_->records.size())
      refuse(text("it has ", now.size(), " records, ", then_->records.size(), " were recorded"));
    for (std::size_t i = 0; i < now.size(); ++i) {
      const NamedRecord& then = then_->records[i];
      OpRecord mine = now[i];
      if (names_.name(mine.node) != then.node || names_.name(mine.tensor) != then.tensor)
        refuse(text("its record ", i, " is of ", names_.name(mine.node), ", recorded was ", then.node));
      mine.node = then.record.node;
      mine.tensor = then.record.tensor;
      std::array<char, kRecordBytes> a{}, b{};
      write_record(mine, a.data());
      write_record(then.record, b.data());
      if (a != b) refuse(text("the record of ", then.tensor, " of ", then.node, " is another"));
      ++recheck.records;
    }
  }

  std::filesystem::path folder_;
  const NameTable& names_;
  std::optional<StepRecords> then_;
};

}  // namespace

Recheck recheck(ReExecution& run, const std::filesystem::path& folder, std::int64_t first, std::int64_t last) {
  NameTable names;
  Comparison comparison(folder, names);
  const std::string& level = run.identity().level;
  StepRecording watch(
      recording_of(level, run.options().train.device), sampled_at(level), run.training(),
      [&](const std::string& name) { return names.number(name); }, std::ref(comparison));
  run.run(first, last + 1, watch);
  return comparison.recheck;
}

}  // namespace vitrine::audit
