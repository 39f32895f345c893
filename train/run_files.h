// The files of one trained fold, from which every table and figure can be rebuilt.
//
//   history.csv      epoch, train_loss, validation_loss, validation_accuracy, validation_auc, validation_f1, lr, momentum; one row per finished
//                    epoch; with --select nested the validation columns are those of the inner part
//   refit.csv        with --select nested-refit alone: epoch, train_loss, lr, momentum of the second training, on all of the training part; as
//                    many rows as the number of the best epoch in history.csv
//   best.safetensors the network of the best epoch (nn/efficientnet/checkpoint.h); with --select nested-refit that at the end of the second
//                    training
//   preds_val.csv, preds_test.csv   sample_id, subject_id, lesion_id, slice, label, pred, prob_<class>...
//   fold.json        written last: its presence says that the fold is finished; key, best epoch, the SHA-256 of the files above, metrics,
//                    and a seal over all of it
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "evaluation/metrics.h"
#include "evaluation/prediction.h"

namespace vitrine {

struct EpochRecord {
  int epoch = 0;               // from 1
  double train_loss = 0;       // mean over the epoch's batches, mixup included
  double validation_loss = 0;  // these four on the part that chooses the epoch (train/choice.h)
  double validation_accuracy = 0;
  double validation_auc = 0;  // -1 where only one class is present: n/a in the file
  double validation_f1 = 0;
  double lr = 0;  // of the epoch's last step
  double momentum = 0;
};

// Where an epoch's time went, in seconds. Measured, so in no file.
struct EpochTime {
  std::int64_t images = 0;  // in its steps
  double steps = 0;         // making the batches included
  double evaluation = 0;    // of the validation part
  double keeping = 0;       // copies of the best network and of the state that is saved
};

struct FoldFiles {
  std::vector<EpochRecord> history;
  int best_epoch = 0;              // from 1
  std::vector<EpochRecord> refit;  // of the second training, whose epochs are not judged; empty without one
  std::vector<Prediction> validation, test;
  std::vector<std::string> classes;
  std::vector<EpochTime> times;  // of the epochs that were trained just now; none of a fold that was read
};

std::string history_csv(const std::vector<EpochRecord>& history);
std::string refit_csv(const std::vector<EpochRecord>& refit);
std::string predictions_csv(const std::vector<Prediction>& predictions, const std::vector<std::string>& classes);

std::vector<Prediction> predictions_of(const Dataset& data, const std::vector<std::vector<double>>& probability);
Metrics metrics_of(const std::vector<Prediction>& predictions, const std::vector<std::string>& classes);

// Writes all but best.safetensors, which lies there already; fold.json last.
void write_fold(const std::filesystem::path& folder, const FoldFiles& files, const std::string& key);

// What says that a finished fold, or a state of one, is of this run and this place in it. `config`: the bytes of the run's config.json.
std::string fold_key(const std::string& config, int fold);
// False when there is no fold.json. DataError when it, or a file that it names, is missing, was changed since, or belongs to another run.
bool fold_is_finished(const std::filesystem::path& folder, const std::string& key);
// DataError when a file is missing, malformed, or not the one that fold.json was written for, and when the tables contradict each other.
FoldFiles read_fold(const std::filesystem::path& folder);

}  // namespace vitrine
