// A study with everything that the report shows, for its tests: names that would break a page that does not escape, figures that are undefined,
// long words.
#pragma once

#include "report/png.h"
#include "report/results.h"

namespace vitrine::testing {

inline report::CropPicture sample_crop() {
  report::CropPicture crop;
  crop.sample_id = "<script>alert(1)</script>";
  crop.subject_id = "sub'1\"&" + std::string(60, 'w');
  crop.label = "SCLC";
  crop.predicted = "NSCLC";
  crop.probability = 0.75;
  crop.actual_probability = 0.25;
  crop.part = "test";
  crop.lesion = 2;
  crop.slice = 31;
  crop.width = crop.height = 2;
  crop.channels = {{"T1c", {0, 0.5f, 1, 2}}, {"FLAIR", {0, 0, 0, 0}}, {"T2", {1, 1, 0, 0}}};
  return crop;
}

inline report::LevelResult sample_level(const std::string& part, const std::string& level) {
  report::LevelResult l;
  l.part = part;
  l.level = level;
  l.units = level == "slice" ? 40 : level == "lesion" ? 14 : 10;
  l.positives = l.units / 2;
  l.subjects = 10;
  l.folds = 5;
  l.threshold =
      part == "test" ? "threshold 0.431, chosen on the validation units of all folds" : "thresholds of the folds: 0.4, 0.5";
  for (const char* key :
       {"accuracy", "balanced_accuracy", "sensitivity", "specificity", "average_precision", "brier", "calibration_error"})
    l.figures.push_back({key, 0.81, 0.62, 0.97, "", {0.8, 0.05, 5}});
  if (part == "test" && level == "subject") {
    l.figures.push_back({"auc", {}, {}, {}, "only one class is present", {}});
  } else {
    l.figures.push_back({"auc", 0.85, 0.7, 0.95, "", {0.84, 0.06, 4}});
  }
  l.confusion = {{15, 5}, {0, 0}};
  l.bins = {{0, 0.5, 20, 0.3, 0.25}, {0.5, 1, 0, {}, {}}};
  l.pr = {{0, 0.5, 1}, {1, 0.8, 0.5}};
  return l;
}

inline report::InputResult sample_input(const std::string& inputs) {
  report::InputResult input;
  input.inputs = inputs;
  input.classes = {"NSCLC", "SCLC"};
  input.validation.accuracy = {0.9, 0.04, 5};
  input.validation.auc = {0.95, 0.02, 4};
  input.validation.classes = {{"NSCLC", {0.8, 0.1, 5}, {0.7, 0.1, 5}, {0.75, 0.1, 5}}, {"SCLC", {}, {0.5, 0, 1}, {}}};
  input.validation.roc = {{{0, 0, 1}, {0, 0.5, 1}}, {{0, 0.5, 1}, {0, 1, 1}}};
  input.test = input.validation;
  input.folds = {{{0.7, 0.5}, {0.8, 0.6}, {0.5, 0.9}, 1}, {{0.7, 0.6}, {0.9, 0.7}, {0.6, 0.7}, 0}};
  for (const char* part : {"validation", "test"}) {
    for (const char* level : {"slice", "lesion", "subject"}) input.levels.push_back(sample_level(part, level));
  }
  return input;
}

inline report::StudyResult sample_study() {
  report::StudyResult study;
  study.title = "A <study> & \"more\"";
  study.synthetic_note = "made <b>up</b>";
  study.cohort = {{"NSCLC", 7, 9, 25, 1}, {"SCLC", 5, 6, 17, 1}};
  report::CropPicture other = sample_crop();
  other.correct = true;
  study.examples = study.predictions = study.losses = {sample_crop(), other};
  study.inputs = {sample_input("t1c"), sample_input("flair"), sample_input("t2"), sample_input("t1c+flair+t2")};
  study.differences = {
      {"t1c+flair+t2", "t1c", "validation", "subject", "DeLong", 40, 10, 0.03, -0.1, 0.2, 0.0004, ""},
      {"t1c+flair+t2", "t2", "test", "slice", "bootstrap", 40, 10, {}, {}, {}, {}, "only one class is present"}};
  study.controls = {
      {"study", "study", "the study's run", 0.85, 0.7, 0.95, {}, {}, {}},
      {"controls", "permuted-labels-" + std::string(60, 'p'), "labels <dealt> anew", 0.5, 0.3, 0.7, -0.35, -0.5, -0.1},
      {"choices", "no-normalisation", "of ImageNet's statistics", {}, {}, {}, {}, {}, {}}};
  study.verdicts = {"Permuted labels: <0.5> is expected."};
  study.explanations = {{report::png_bytes({2, 2, 1, {0, 1, 2, 3}}), {{"method", "gradcam"}, {"sample", "<i>x</i>"}}}};
  study.splits = {{"test", {1, 1}}, {"fold 0, training", {4, 2}}, {"fold 0, validation", {2, 2}}};
  study.environment = {{"version", "1.0"}, {"manifest_sha256", std::string(64, 'a')}};
  study.configuration = {
      {"arch", "b0"}, {"select", "best epoch by validation accuracy, the first of equals"}, {"lr-scale", std::string(90, 's')}};
  study.caveats = {"Small <numbers>."};
  return study;
}

}  // namespace vitrine::testing
