// run.json: who trained what, on what, with what. Written once, before the first step; the chain and the trace begin with its SHA-256.
//
// It names no time, no user, no path but that of the weights: two runs of one program on one machine with the same data have the same run.json.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/settings_file.h"
#include "tensor/tensor_hash.h"
#include "train/option_table.h"
#include "train/step_watch.h"
#include "train/trainer.h"

namespace vitrine::audit {

inline constexpr int kFormat = 1;  // of the folder; raised when a reader of the old one would misread the new one

// The text of run.json.
std::string identity_text(const FoldStart& start);

// An input of a prediction: a photograph, or the file of a tensor.
struct PredictionInput {
  std::string file;    // its name, without its folder
  std::string sha256;  // "unreadable" where it is none that can be read
};
// A prediction that is about to begin.
struct PredictionStart {
  std::string level;  // "summary", "full"
  std::vector<std::filesystem::path> weights_files;
  std::vector<PredictionInput> inputs;
  Settings options;   // what decides a result
  EfficientNet& net;  // on its device
};
std::string identity_text(const PredictionStart& start);

struct Identity {
  std::string sha256;  // of the file
  std::string level;
  std::string program;           // SHA-256 of the binary
  std::string key;               // of options, data and split
  std::string data;              // over the SHA-256 of every crop of every part
  std::string weights, buffers;  // hashes of the network before the first step
  int fold = 0;
  bool is_prediction = false;  // no training: there are no steps to make again
  std::string part = "train";  // that was trained: "whole" of the second training of --select nested-refit
  int epochs = 0;              // of the training
  Settings options;            // by name, as a command line would give them
};
// DataError for what is no run.json of this format.
Identity read_identity(const std::filesystem::path& file);
// Of a training. DataError where this program does not take one of them; UsageError for a prediction, which has none.
RunOptions options_of(const Identity& identity);

std::string data_hash(const FoldData& data);  // Identity::data
std::string sha256_of_this_program();
// One hash of parameters, or of running statistics, in network order.
Hash128 hash_of_weights(EfficientNet& net);
Hash128 hash_of_buffers(EfficientNet& net);

// RUN/audit/fold_0 of RUN/fold_0; of its second training RUN/audit/fold_0_refit.
std::filesystem::path audit_folder(const std::filesystem::path& fold_folder, bool refit = false);

}  // namespace vitrine::audit
