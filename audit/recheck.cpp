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
  std::string said;  // what is different; empty: nothing

 private:
  // Kept as well: what is thrown within a step gets the place in the epoch behind it, counted otherwise.
  [[noreturn]] void refuse(const std::string& what) {
    said = text("step ", then_->line.step, " of ", folder_, ", made again: ", what,
                "; `vitrine audit replay` shows the step op by op");
    throw Error(ExitCode::runtime, said);
  }
  void compare_lines(const RecordedStep& step) {
    if (const std::string what = line_difference(then_->line, step.line); !what.empty()) refuse(what);
    if (then_->line.lineage != sha256(step.lineage))
      refuse("its samples or what was drawn for them are not those that were recorded");
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

std::string line_difference(const StepLine& then, const StepLine& now) {
  struct Pair {
    const char* name;
    Hash128 then, now;
    bool compared = true;
  };
  const bool as_many = then.sampled == now.sampled;
  for (const Pair& p : {Pair{"images", then.images, now.images}, Pair{"targets", then.targets, now.targets},
                        Pair{"logits", then.logits, now.logits}, Pair{"gradients", then.gradients, now.gradients, as_many},
                        Pair{"moments", then.moments, now.moments, as_many}, Pair{"weights", then.weights, now.weights},
                        Pair{"buffers", then.buffers, now.buffers}}) {
    if (p.compared && p.then != p.now)
      return text("its ", p.name, " have the hash ", hex(p.now), ", recorded was ", hex(p.then));
  }
  if (!(then.loss == now.loss)) return text("its loss is ", shortest(now.loss), ", recorded was ", shortest(then.loss));
  if (!(then.lr == now.lr && then.momentum == now.momentum)) return "it was made at another rate or momentum";
  return {};
}

Recheck recheck(ReExecution& run, const std::filesystem::path& folder, std::int64_t first, std::int64_t last) {
  NameTable names;
  Comparison comparison(folder, names);
  const std::string& level = run.identity().level;
  StepRecording watch(
      recording_of(level, run.options().train.device), sampled_at(level), run.training(),
      [&](const std::string& name) { return names.number(name); }, std::ref(comparison));
  try {
    run.run(first, last + 1, watch);
  } catch (const Error&) {
    if (comparison.said.empty()) throw;
    throw Error(ExitCode::runtime, comparison.said);
  }
  return comparison.recheck;
}

}  // namespace vitrine::audit
