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

namespace vitrine {

// How a run is kept on disk; no byte of its results depends on it.
struct Keeping {
  int save_every = 1;            // epochs between two saved states
  double save_seconds = 10;      // and at least so long between them: what a kill may cost, beside the epoch that it falls into
  bool tensorboard = false;      // write each fold's history as an event file, too (train/watch/event_file.h)
  bool retrain_damaged = false;  // train a finished fold again when one of its files is not what it was
};

struct TrainOptions {
  std::string arch = "b0";
  std::string inputs = "t1c+flair+t2";
  std::string weights;        // checkpoint to start from; empty: drawn weights
  std::string from = "auto";  // its family (weights/key_tables.h)
  bool ema = false;           // its averaged weights instead of the plain ones
  int epochs = 100;
  int batch_size = 16;
  double lr = 1e-3;    // highest learning rate of the one-cycle schedule
  double mixup = 0.4;  // alpha of the Beta distribution; 0 switches mixup off
  double label_smoothing = 0;
  double dropout = 0.2;
  double drop_connect = 0.2;
  std::string first_conv = "replicate";  // how the first convolution takes the inputs (nn/efficientnet/first_conv.h)
  std::string freeze = "none";  // the last part that keeps its weights and statistics: none, stem, stage0 to stage6, head
  std::string lr_scale;         // learning rates by part, relative to lr: "stem=0.1,stage0=0.1"; 1 for the parts not named
  double bn_momentum = 0.1;     // weight of the new batch in the running statistics; 0: the weights' own
  Balance balance = Balance::oversample;
  bool augmentation = true;
  AugmentOptions augment;
  OptimizerOptions optimizer;
  std::uint64_t seed = 42;
  Keeping keeping;
  std::vector<Device> more_devices;  // that train together with `device`, a share of each batch each
  Device device;                     // the tier and precision of a CUDA device: tensor/cuda/settings.h
};

// UsageError naming the option, its value and its range (train/option_table.h).
void check(const TrainOptions& options);

// Number of frozen parts that `freeze` means; factor of each part's learning rate. UsageError naming the option.
int frozen_parts(const std::string& freeze);
std::map<std::string, double> lr_scales(const std::string& lr_scale);

// Every option with its value, in a fixed order: written to config.json and shown in the report.
std::vector<std::pair<std::string, std::string>> describe(const TrainOptions& options);

}  // namespace vitrine
