// Everything that decides a training run besides its data: two runs with equal options and data give the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/augment.h"
#include "data/sampler.h"
#include "nn/modules/optimizer.h"
#include "train/step_watch.h"

namespace vitrine {

// How a run is kept on disk; no byte of its results depends on it.
struct Keeping {
  int save_every = 1;            // epochs between two saved states
  double save_seconds = 10;      // and at least so long between them: what a kill may cost, beside the epoch that it falls into
  bool tensorboard = false;      // write each fold's history as an event file, too (train/watch/event_file.h)
  bool retrain_damaged = false;  // train a finished fold again when one of its files is not what it was
  std::string audit = "off";     // how much of every step is recorded: off, summary or full (audit/fold_audit.h)
  int audit_every = 0;           // epochs between two states that an audit keeps to begin from; 0: none but the first
  OpenStepWatch watch_steps{};   // who is told of every step; the program sets it where `audit` says so
};

struct TrainOptions {
  std::string arch = "b0";
  std::string inputs = "t1c+flair+t2";
  std::string weights;        // checkpoint to start from; empty: drawn weights
  std::string from = "auto";  // its family (weights/key_tables.h)
  bool ema = false;           // its averaged weights instead of the plain ones
  int epochs = 100;
  int batch_size = 16;
  std::string schedule = "one-cycle-v2";  // train/schedule.h
  double lr = 1e-3;                       // the schedule's highest
  std::string rule = "adam";              // adam, sgd or rmsprop: `optimizer` has the rest of it (optimizer_options)
  double mixup = 0.4;                     // alpha of the Beta distribution; 0 switches mixup off
  std::string mixup_mode = "sample";      // data/mixup.h
  double label_smoothing = 0;
  double dropout = 0.2;
  double drop_connect = 0.2;
  std::string first_conv = "replicate";  // how the first convolution takes the inputs (nn/efficientnet/first_conv.h)
  std::string freeze = "none";  // the last part that keeps its weights and statistics: none, stem, stage0 to stage6, head
  bool train_frozen_norm =
      false;            // of frozen parts, batch norm's scale, shift and statistics train all the same, as in fast.ai
  int unfreeze_at = 0;  // the first epoch, from 1, in which nothing is frozen any more; 0: never
  std::string
      lr_scale;  // learning rates by part, relative to lr: "stem=0.1,stage0=0.1", 1 for the parts not named; or "0.01:1"
  std::string head = "linear";  // or concat-pool: fast.ai's (nn/efficientnet/efficientnet.h)
  double bn_momentum = 0.1;     // weight of the new batch in the running statistics; 0: the weights' own
  Balance balance = Balance::oversample;
  std::string oversample_by = "repeats";  // or draws: with replacement (data/sampler.h)
  bool augmentation = true;
  AugmentOptions augment;
  std::string flip = "horizontal";  // none, horizontal, vertical or both
  OptimizerOptions optimizer{.weight_decay = 0.01, .decay_vectors = false};
  std::string select = "best", monitor = "accuracy";  // which epoch is kept: train/choice.h
  std::string tta =
      "none";  // views that a prediction is the mean over: none, horizontal, vertical or both (train/test_views.h)
  std::string control = "none";  // train/control.h
  std::uint64_t seed = 42;
  Keeping keeping;
  std::vector<Device> more_devices;  // that train together with `device`, a share of each batch each
  Device device;                     // the tier and precision of a CUDA device: tensor/cuda/settings.h
};

// UsageError naming the option, its value and its range (train/option_table.h).
void check(const TrainOptions& options);

void check_audit_level(const std::string& level);  // UsageError naming the levels

// Number of frozen parts that `freeze` means; factor of each part's learning rate. UsageError naming the option.
int frozen_parts(const std::string& freeze);
// What is frozen in an epoch, from 1.
struct Frozen {
  int parts = 0;  // the first so many are as in evaluation and get no gradients
  int held = 0;   // of the first so many batch norm alone is trained
};
Frozen frozen_in(const TrainOptions& options, int epoch);
std::map<std::string, double> lr_scales(const std::string& lr_scale);

const std::vector<std::string>& rule_names();
const std::vector<std::string>& flip_names();

// What a run takes of several options: the optimiser's, the augmentation's, the order of an epoch.
OptimizerOptions optimizer_options(const TrainOptions& options);
AugmentOptions augment_options(const TrainOptions& options);
Balance balance_of(const TrainOptions& options);

// Every option with its value, in a fixed order: written to config.json and shown in the report.
std::vector<std::pair<std::string, std::string>> describe(const TrainOptions& options);

}  // namespace vitrine
