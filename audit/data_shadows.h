// DataShadows: what a step's batch should hold, made again from the crops, the options and the coordinates of its draws.
//
// The order of the epoch, the views, the partners and shares of mixup and the normalisation are written here a second time, on nothing of data/ but
// the value of a view at one pixel (data/view.h) and the geometry of a warp. The kernels promise the reference's bits: every value is compared exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "audit/rule_shadow.h"
#include "data/drawn_view.h"
#include "tensor/tensor_hash.h"
#include "train/step_watch.h"
#include "train/trainer.h"

namespace vitrine::audit {

class DataShadows {
 public:
  // Both outlive it. Hashes every crop once, so that one that changes in memory is found.
  DataShadows(const TrainOptions& options, const Dataset& data);

  // Of every slot, or of kSlots of them, others each step: the crop, the image and the targets; and of the batch, the samples.
  static constexpr std::int64_t kSlots = 2;
  std::vector<NamedShadow> of_batch(const StepFacts& step, const Batch& batch, const Semantics& semantics, bool every_slot);

 private:
  struct Mixed {
    float share = 1;
    std::size_t partner = 0;
  };

  void make_order(std::uint32_t epoch);
  std::vector<Mixed> mixes(const StepFacts& step) const;
  View view_of(std::uint32_t place) const;
  Shadow image(const StepFacts& step, const Batch& batch, const Semantics& semantics, std::size_t slot, const Mixed& mix) const;
  Shadow targets(const StepFacts& step, const Batch& batch, std::size_t slot, const Mixed& mix) const;

  const TrainOptions& options_;
  const Dataset& data_;
  std::vector<Hash128> crops_;
  std::uint32_t order_of_ = 0;  // epoch; 0: none yet
  std::vector<double> order_;
};

}  // namespace vitrine::audit
