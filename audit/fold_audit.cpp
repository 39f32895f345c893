#include "audit/fold_audit.h"

#include <optional>

#include "audit/chain.h"
#include "audit/identity.h"
#include "audit/manifest.h"
#include "audit/state_file.h"
#include "audit/step_recorder.h"
#include "audit/step_summary.h"
#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "base/sha256.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

// The open files of an audit, behind the steps that are kept.
class AuditFiles {
 public:
  AuditFiles(const fs::path& folder, const std::string& identity, std::int64_t steps) : folder_(folder) {
    make_directory(folder);
    const std::string seal = sha256(identity);
    if (steps == 0) {
      for (const fs::path& file : entries_of(folder)) fs::remove(file);
      write_file(folder / "run.json", identity);
      steps_.emplace(folder / "steps.jsonl", "");
      lineage_.emplace(folder / "lineage.jsonl", "");
      trace_.emplace(folder / "trace.vtr", seal);
      prev_ = seal;
      return;
    }
    go_on(identity, seal, steps);
  }

  std::uint32_t name(const std::string& text) { return trace_->name(text); }

  void add(StepLine line, const std::vector<OpRecord>& records, const std::string& lineage) {
    if (!records.empty()) trace_->add(records, line.step);
    line.trace = trace_->head();
    line.lineage = sha256(lineage);
    lineage_->append(lineage);
    steps_->append(chained_line(line, prev_));
  }

  void sync() {
    trace_->sync();
    lineage_->sync();
    steps_->sync();
  }

 private:
  void go_on(const std::string& identity, const std::string& seal, std::int64_t steps) {
    const std::string advice = "; go on with that program and --audit as it was, or begin anew with --force-new";
    if (!path_exists(folder_ / "run.json"))
      throw UsageError(text(folder_, ": there is no audit of the ", steps,
                            " steps that this fold has made; go on without --audit", ", or begin anew with --force-new"));
    if (read_file(folder_ / "run.json", std::uint64_t{16} << 20) != identity)
      throw UsageError(text(folder_, ": its audit was begun by another program, level or machine, or on other data", advice));
    ChainReader chain(folder_ / "steps.jsonl", seal);
    std::optional<StepLine> last;
    for (std::int64_t i = 0; i < steps; ++i) {
      last = chain.next();
      if (!last)
        throw DataError(
            text(folder_, ": its chain has ", i, " steps, the fold's saved state ", steps, "; begin anew with --force-new"));
    }
    TraceReader trace(folder_ / "trace.vtr", seal);
    TraceBlock block;
    while (trace.head().blocks < last->trace.blocks) {
      if (!trace.next(block))
        throw DataError(text(folder_, "/trace.vtr: ends before the chain does; begin anew with --force-new"));
    }
    if (trace.head().seal != last->trace.seal)
      throw DataError(text(folder_, "/trace.vtr: is not the one that the chain names; begin anew with --force-new"));
    trace_.emplace(trace);
    steps_.emplace(folder_ / "steps.jsonl", chain.offset());
    lineage_.emplace(folder_ / "lineage.jsonl", bytes_of_lineage(static_cast<std::uint64_t>(steps)));
    prev_ = chain.head();
  }

  // Of the lines of the steps before `steps`.
  std::uint64_t bytes_of_lineage(std::uint64_t steps) const {
    const std::string all = read_file(folder_ / "lineage.jsonl", std::uint64_t{1} << 34);
    const std::string next = text("{\"step\":", steps, ",");
    std::size_t at = 0;
    while (at < all.size() && all.compare(at, next.size(), next) != 0) {
      const std::size_t end = all.find('\n', at);
      if (end == std::string::npos) break;
      at = end + 1;
    }
    return at;
  }

  fs::path folder_;
  std::optional<GrowingFile> steps_, lineage_;
  std::optional<TraceWriter> trace_;
  std::string prev_;
};

class FoldAudit final : public StepWatch {
 public:
  explicit FoldAudit(const FoldStart& start)
      : fold_folder_(start.folder),
        folder_(audit_folder(start.folder)),
        options_(start.options),
        data_(start.data),
        files_(folder_, identity_text(start), start.steps),
        recorder_(recording_of(options_.keeping.audit), options_.seed,
                  [this](const std::string& name) { return files_.name(name); }),
        summary_(options_.keeping.audit == "full" ? 1 : kOneIn) {}

  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override {
    summary_.begin(step, batch);
    lineage_ = lineage_lines(step, batch, data_, options_);
    recorder_.begin(step, net);
    return &recorder_;
  }
  void computed(double loss, const Tensor& logits) override { summary_.computed(loss, logits); }
  void before_update(EfficientNet& net, const Gradients& gradients, const Optimizer&, const UpdateFacts& update) override {
    summary_.before_update(net, gradients);
    for (const auto& [name, rate] : update.rates) updated_.push_back(name);
    recorder_.before_update();
  }
  void after_update(EfficientNet& net, const Optimizer& optimizer) override {
    std::size_t next = 0;
    net.visit([&](const NamedTensor& t) {
      if (next < updated_.size() && t.name == updated_[next]) recorder_.updated(updated_[next++], *t.value);
    });
    updated_.clear();
    summary_.after_update(net, optimizer);
    files_.add(summary_.line(), recorder_.take(), lineage_);
  }

  void keep() override { files_.sync(); }
  void epoch_done(std::uint32_t epoch, std::int64_t steps, EfficientNet& net, const Optimizer& optimizer) override {
    const auto every = static_cast<std::uint32_t>(options_.keeping.audit_every);
    if (every > 0 && epoch % every == 0 && epoch < static_cast<std::uint32_t>(options_.epochs))
      write_state(folder_, {epoch, steps}, net, optimizer);
  }
  void finished() override {
    files_.sync();
    write_manifest(folder_, {fold_folder_ / "best.safetensors"});
  }

 private:
  fs::path fold_folder_, folder_;
  const TrainOptions& options_;
  const FoldData& data_;
  AuditFiles files_;
  StepRecorder recorder_;
  StepSummary summary_;
  std::string lineage_;
  std::vector<std::string> updated_;
};

}  // namespace

std::unique_ptr<StepWatch> open_fold_audit(const FoldStart& start) { return std::make_unique<FoldAudit>(start); }

void watch_as_asked(TrainOptions& options) {
  if (options.keeping.audit != "off") options.keeping.watch_steps = open_fold_audit;
}

}  // namespace vitrine::audit
