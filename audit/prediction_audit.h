// PredictionAudit: records what a network computed of the images that it predicts (docs/audit-format.md). The folder is that of an audit of training; its
// steps are batches.
//
// What predicts is the folded network, which keeps no values between its layers: the composed network is run over the same images, op by op on a
// tape, and its ops are recorded with their shadows. A record `folded/logits` holds the folded network's logits and how far they lie from the
// composed network's. There is no a-priori bound for that difference: folding changes what is rounded in every layer.
//
// Levels   summary: one op in 32, another one each batch. full: every op.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "audit/audit_files.h"
#include "audit/identity.h"
#include "audit/step_recorder.h"

namespace vitrine::audit {

class PredictionAudit {
 public:
  // `folder` is made; of one that is there only what an audit of a prediction has written is replaced: UsageError for a folder with anything else.
  PredictionAudit(const std::filesystem::path& folder, const PredictionStart& start);

  // What the folded network said of images [N, H, W, C]: logits [N, classes], both on the host. inputs[n] is the file of image n. Cut into batches
  // of at most kMostImages, so that the tape stays small.
  void predicted(const Tensor& images, const Tensor& logits, const std::vector<PredictionInput>& inputs);
  void finish();  // writes the manifest

  static constexpr std::int64_t kMostImages = 16;

 private:
  void add_batch(const Tensor& images, const Tensor& logits, std::span<const PredictionInput> inputs);
  OpRecord folded_record(const Tensor& images, const Tensor& folded, const Tensor& composed, const StepLine& line);

  std::filesystem::path folder_;
  EfficientNet& net_;
  AuditFiles files_;
  StepRecorder recorder_;
  std::uint64_t steps_ = 0, images_ = 0;
};

}  // namespace vitrine::audit
