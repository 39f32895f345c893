#include "audit/re_execution.h"

#include <optional>

#include "audit/state_file.h"
#include "audit/step_recording.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "train/cross_validation.h"
#include "train/device/host_training.h"
#include "train/epoch_plan.h"
#include "train/run_source.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

// Passes on what happens from step `first` on.
class From final : public StepWatch {
 public:
  From(std::int64_t first, StepWatch& watch) : first_(first), watch_(watch) {}

  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override {
    watched_ = step.number >= first_;
    return watched_ ? watch_.begin(step, batch, net) : nullptr;
  }
  void computed(double loss, const Tensor& logits) override {
    if (watched_) watch_.computed(loss, logits);
  }
  void before_update(EfficientNet& net, const Gradients& g, const Optimizer& optimizer, const UpdateFacts& update) override {
    if (watched_) watch_.before_update(net, g, optimizer, update);
  }
  void after_update(EfficientNet& net, const Optimizer& optimizer) override {
    if (watched_) watch_.after_update(net, optimizer);
  }

 private:
  std::int64_t first_;
  StepWatch& watch_;
  bool watched_ = false;
};

}  // namespace

ReExecution::ReExecution(const fs::path& folder, Device device)
    : folder_(folder), identity_(read_identity(folder / "run.json")) {
  options_ = options_of(identity_);
  options_.train.device = device;
  const fs::path run = folder.parent_path().parent_path();
  const auto [manifest, splits] = read_run_data(run.empty() ? fs::path(".") : run);
  data_ = fold_data(manifest, splits, options_.train, identity_.fold);
  if (data_hash(data_) != identity_.data)
    throw DataError(text(manifest.path, ": its crops or their split are not those that ", folder,
                         " was trained on; put them back as they were"));
  steps_of_epoch_ = steps_of_epoch(part(), options_.train);
}

ReExecution::~ReExecution() = default;

void ReExecution::run(std::int64_t first, std::int64_t last, StepWatch& watch) {
  if (first < 0 || last <= first || last > steps())
    throw UsageError(text("steps ", first, " to ", last - 1, " were asked for, the fold has the steps 0 to ", steps() - 1));
  const TrainOptions& train = options_.train;
  EfficientNet net = starting_network(train, static_cast<int>(data_.train.classes.size()));
  Optimizer optimizer(optimizer_options(train));
  if (hex(hash_of_weights(net)) != identity_.weights)
    throw WeightsError(text(folder_, ": the network does not begin with the weights that it was trained from (hash ",
                            identity_.weights, "); put the file of --weights back as it was"));
  if (hex(hash_of_buffers(net)) != identity_.buffers)
    throw WeightsError(text(folder_, ": the network does not begin with the running statistics that run.json names (hash ",
                            identity_.buffers, "); put the file of --weights back as it was"));
  const std::optional<StatePlace> state = read_state_before(folder_, first, net, optimizer);
  began_at_ = state ? state->steps : 0;
  net.to(train.device);
  HostTraining training(net, optimizer, part(), train);
  const Schedule schedule{schedule_from_name(train.schedule), train.lr, steps_of_epoch_ * identity_.epochs};
  From from(first, watch);
  for (auto epoch = static_cast<std::uint32_t>(began_at_ / steps_of_epoch_) + 1;; ++epoch) {
    const std::int64_t before = static_cast<std::int64_t>(epoch - 1) * steps_of_epoch_;
    if (before >= last) return;
    std::int64_t done = before;
    const EpochWatch watched{.name = text("epoch ", epoch),
                             .stepped = [&](int, double) { ++done; },
                             .stop =
                                 [&] {
                                   check_interrupt("making steps again");
                                   return done >= last;
                                 },
                             .steps = &from,
                             .number = before};
    training.run_epoch(training_order(part(), train, epoch), epoch,
                       epoch_rates(schedule, static_cast<int>(epoch), steps_of_epoch_), watched);
  }
}

StepRecords recorded_step(const fs::path& folder, std::int64_t wanted) {
  const Identity identity = read_identity(folder / "run.json");
  ChainReader chain(folder / "steps.jsonl", identity.sha256);
  std::string before;
  std::optional<std::string_view> line;
  while (static_cast<std::int64_t>(chain.lines()) <= wanted) {
    before = line.value_or("");
    line = chain.next_text();
    if (!line)
      throw UsageError(text("step ", wanted, " was asked for, ", folder, " has ",
                            chain.lines() == 0 ? std::string("none yet") : text("the steps 0 to ", chain.lines() - 1)));
  }
  if (!line) throw UsageError(text("step ", wanted, " was asked for, steps count from 0"));
  StepRecords found{chain.read(*line), {}};
  TraceReader trace(folder / "trace.vtr", identity.sha256);
  if (!before.empty()) trace.pass_to(parsed_line(before).trace);
  TraceBlock block;
  while (trace.head().blocks < found.line.trace.blocks && trace.next(block)) {
    for (const OpRecord& r : block.records) found.records.push_back({r, trace.name(r.node), trace.name(r.tensor)});
  }
  if (trace.head().seal != found.line.trace.seal)
    throw DataError(text(trace.path(), ": is not the trace that the chain names at step ", wanted, "; it is of another run"));
  return found;
}

StepRecords remade_step(ReExecution& run, std::int64_t step, const std::string& level, const std::string& only) {
  Recording recording = recording_of(level, run.options().train.device);
  recording.only = only;
  NameTable names;
  StepRecords made;
  StepRecording watch(
      recording, 1, run.training(), [&](const std::string& name) { return names.number(name); },
      [&](const RecordedStep& done) {
        made.line = done.line;
        for (const OpRecord& r : done.records) made.records.push_back({r, names.name(r.node), names.name(r.tensor)});
      });
  run.run(step, step + 1, watch);
  return made;
}

}  // namespace vitrine::audit
