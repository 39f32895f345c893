// What `vitrine explain` is made of: the samples that it shows (cli/explain_samples.cpp), their files (cli/explain_files.cpp).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/split.h"
#include "evaluation/prediction.h"
#include "nn/explain/randomisation.h"

namespace vitrine::cli {

// --samples: the words of it.
struct SampleChoice {
  enum class Kind { top_losses, wrong, named };
  Kind kind = Kind::named;
  int count = 0;                 // of top_losses and wrong
  std::vector<std::string> ids;  // of named
};
SampleChoice sample_choice(const std::string& words);  // UsageError

// What a network said of a sample.
struct Candidate {
  int fold = -1;  // -1: a checkpoint, not a run
  Prediction prediction;

  int predicted() const;  // the first class with the highest probability
  double loss() const;    // -log of the true class's probability
};

// Where the samples and the networks come from: a run, or a checkpoint and a manifest.
struct ExplainSource {
  Manifest manifest;
  std::optional<Splits> splits;  // of a run
  std::string where, inputs;     // "the validation part of runs/all"; "t1c+flair+t2"
  std::string elsewhere;         // what finds a sample of the manifest that is not there
  std::vector<std::string> classes;
  std::vector<Candidate> candidates;
  std::map<int, EfficientNet> networks;  // by fold
  std::string control = "none";          // train/control.h
  std::uint64_t seed = 0;                // of the control
};

struct ExplainRequest {
  std::string source, manifest;  // a run or a checkpoint; of a checkpoint
  std::optional<int> fold;
  std::optional<std::string> part;  // val or test
  SampleChoice samples;
};
ExplainSource explain_source(const ExplainRequest& request);

// Each sample once, of several folds' networks the one with the highest loss; top_losses and wrong by descending loss, named as they are named.
// UsageError naming the nearest for one that is none.
std::vector<Candidate> chosen_candidates(const SampleChoice& choice, const ExplainSource& source);

// The image of each candidate as its network saw it. DataError when a crop is missing or damaged.
std::vector<Tensor> images_of(const ExplainSource& source, const std::vector<Candidate>& candidates);

struct Explained {
  Candidate candidate;
  int of_class = 0;
  Saliency saliency;
  Cascade cascade;  // nn/explain/randomisation.h

  std::string picture() const { return "map_" + candidate.prediction.sample_id + ".png"; }
  std::optional<double> above_layer(const EfficientNet& net) const;  // everything above the layer redrawn
  std::string remark() const;  // "zero map", "coarse map", "does not depend on the weights"; empty: none
};

// Two rows: each channel of the crop, the layer's cells; the map over each channel, the map.
std::string explained_png(const Explained& e, const CropChannels& crop);
std::string explained_csv(const std::vector<Explained>& all, const std::vector<std::string>& classes, SaliencyMethod method);
// <sample>/cells [h, w] as they are, <sample>/pixels [H, W] in [0, 1].
TensorFile explained_maps(const std::vector<Explained>& all, const std::vector<CropChannels>& crops, SaliencyMethod method);

}  // namespace vitrine::cli
