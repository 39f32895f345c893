#include "audit/fold_audit.h"

#include "audit/audit_files.h"
#include "audit/identity.h"
#include "audit/manifest.h"
#include "audit/state_file.h"
#include "audit/step_recording.h"
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
        epochs_(static_cast<std::uint32_t>(start.epochs)),
        is_last_(start.refit || select_from_name(start.options.select) != Select::nested_refit),
        files_(folder_, identity_text(start), start.steps),
        recording_(
            recording_of(options_.keeping.audit, options_.device), sampled_at(options_.keeping.audit),
            {options_, start.part, start.epochs}, [this](const std::string& name) { return files_.name(name); },
            [this](const RecordedStep& step) { files_.add(step.line, step.records, step.lineage); }) {}

  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override {
    return recording_.begin(step, batch, net);
  }
  void computed(double loss, const Tensor& logits) override { recording_.computed(loss, logits); }
  void before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer,
                     const UpdateFacts& update) override {
    recording_.before_update(net, gradients, optimizer, update);
  }
  void after_update(EfficientNet& net, const Optimizer& optimizer) override { recording_.after_update(net, optimizer); }

  void keep() override { files_.sync(); }
  void epoch_done(std::uint32_t epoch, std::int64_t steps, EfficientNet& net, const Optimizer& optimizer) override {
    const auto every = static_cast<std::uint32_t>(options_.keeping.audit_every);
    if (every > 0 && epoch % every == 0 && epoch < epochs_) write_state(folder_, {epoch, steps}, net, optimizer);
  }
  void finished() override {
    files_.sync();
    write_manifest(folder_, is_last_ ? std::vector{fold_folder_ / "best.safetensors"} : std::vector<fs::path>{});
  }

 private:
  fs::path fold_folder_, folder_;
  const TrainOptions& options_;
  std::uint32_t epochs_;
  bool is_last_;  // the training whose network is the fold's
  AuditFiles files_;
  StepRecording recording_;
};

}  // namespace

std::unique_ptr<StepWatch> open_fold_audit(const FoldStart& start) { return std::make_unique<FoldAudit>(start); }

void watch_as_asked(TrainOptions& options) {
  if (options.keeping.audit != "off") options.keeping.watch_steps = open_fold_audit;
}

}  // namespace vitrine::audit
