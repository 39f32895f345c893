#include "audit/fold_audit.h"

#include "audit/audit_files.h"
#include "audit/identity.h"
#include "audit/manifest.h"
#include "audit/state_file.h"
#include "audit/step_recorder.h"
#include "audit/step_summary.h"
#include "train/choice.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

class FoldAudit final : public StepWatch {
 public:
  explicit FoldAudit(const FoldStart& start)
      : fold_folder_(start.folder),
        folder_(audit_folder(start.folder, start.refit)),
        options_(start.options),
        part_(start.part),
        epochs_(static_cast<std::uint32_t>(start.epochs)),
        is_last_(start.refit || select_from_name(start.options.select) != Select::nested_refit),
        files_(folder_, identity_text(start), start.steps),
        recorder_(recording_of(options_.keeping.audit, options_.device), {options_, part_, start.epochs},
                  [this](const std::string& name) { return files_.name(name); }),
        summary_(options_.keeping.audit == "full" ? 1 : kOneIn) {}

  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override {
    summary_.begin(step, batch);
    lineage_ = lineage_lines(step, batch, part_, options_);
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
    files_.add(summary_.line(), recorder_.take(), lineage_);
  }

  void keep() override { files_.sync(); }
  void epoch_done(std::uint32_t epoch, std::int64_t steps, EfficientNet& net, const Optimizer& optimizer) override {
    const auto every = static_cast<std::uint32_t>(options_.keeping.audit_every);
    if (every > 0 && epoch % every == 0 && epoch < epochs_) write_state(folder_, {epoch, steps}, net, optimizer);
  }
  void finished() override {
    files_.sync();
    if (is_last_) {
      write_manifest(folder_, {fold_folder_ / "best.safetensors"});
    } else {
      write_manifest(folder_, {});
    }
  }

 private:
  fs::path fold_folder_, folder_;
  const TrainOptions& options_;
  const Dataset& part_;
  std::uint32_t epochs_;
  bool is_last_;  // the training whose network is the fold's
  AuditFiles files_;
  StepRecorder recorder_;
  StepSummary summary_;
  std::string lineage_;
};

}  // namespace

std::unique_ptr<StepWatch> open_fold_audit(const FoldStart& start) { return std::make_unique<FoldAudit>(start); }

void watch_as_asked(TrainOptions& options) {
  if (options.keeping.audit != "off") options.keeping.watch_steps = open_fold_audit;
}

}  // namespace vitrine::audit
