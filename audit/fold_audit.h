// FoldAudit: records what every step of a fold computed, as the fold is trained (docs/audit-format.md).
//
//   RUN/audit/fold_0/run.json        who, what, with what (audit/identity.h)
//   RUN/audit/fold_0/steps.jsonl     a line a step, chained (audit/chain.h)
//   RUN/audit/fold_0/trace.vtr       records of tensors in sealed blocks (audit/trace_file.h)
//   RUN/audit/fold_0/lineage.jsonl   a line for every use of a sample: which, with which partner, in which view
//   RUN/audit/fold_0/state-00012.safetensors   the state after epoch 12, where --audit-every asks for them
//   RUN/audit/fold_0/MANIFEST.json   when the fold is finished: every file, its size and SHA-256, and those of the fold's network
//
// Refit    the second training of --select nested-refit has a folder of its own, RUN/audit/fold_0_refit
// Levels   summary: hashes of the batch, the logits, the weights and the running statistics after every step; of gradients and moments every 32nd
//          tensor in turn; a full record of every 32nd tensor in turn. full: all of these, every step.
// Resumed  a fold that goes on cuts the three files to the steps of its saved state: they end with the bytes of a run that was never stopped.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "train/options.h"
#include "train/step_watch.h"

namespace vitrine::audit {

// What `keeping.watch_steps` is set to where --audit says so.
std::unique_ptr<StepWatch> open_fold_audit(const FoldStart& start);
// Sets it; nothing at level off.
void watch_as_asked(TrainOptions& options);

// The samples of a step, of the data that is trained, as lines of lineage.jsonl.
std::string lineage_lines(const StepFacts& step, const Batch& batch, const Dataset& data, const TrainOptions& options);

}  // namespace vitrine::audit
