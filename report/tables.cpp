#include "report/tables.h"

#include <algorithm>

#include "base/csv.h"
#include "base/error.h"
#include "base/number.h"
#include "report/figures.h"
#include "report/paper.h"
#include "report/record_part.h"

namespace vitrine::report {
namespace {

using Cells = std::vector<std::string>;

std::string cell(const std::optional<double>& v) { return v ? shortest(*v) : "n/a"; }

std::string cohort_csv(const StudyResult& study) {
  std::string csv = csv_line({"class", "subjects", "subjects_paper", "test_subjects", "test_subjects_paper", "lesions",
                              "lesions_paper", "slices", "slices_paper"});
  CohortRow all;
  const auto add = [&](const CohortRow& r, const std::string& label) {
    csv += csv_line({label.empty() ? "all" : label, std::to_string(r.subjects), paper_subjects(label),
                     std::to_string(r.test_subjects), paper_test_subjects(label), std::to_string(r.lesions),
                     paper_lesions(label), std::to_string(r.slices), paper_slices(label)});
  };
  for (const CohortRow& r : study.cohort) {
    add(r, r.label);
    all.subjects += r.subjects;
    all.test_subjects += r.test_subjects;
    all.lesions += r.lesions;
    all.slices += r.slices;
  }
  add(all, "");
  return csv;
}

std::string results_csv(const StudyResult& study, bool test) {
  std::string csv = csv_line({"input", "class", "figure", "mean", "sd", "folds", "paper"});
  for (const InputResult& input : study.inputs) {
    const PartResult& part = test ? input.test : input.validation;
    const auto add = [&](const std::string& name, const char* figure, const Value& v, const std::string& paper) {
      csv += csv_line({input.inputs, name, figure, v.count > 0 ? shortest(v.mean) : "n/a", v.count > 1 ? shortest(v.sd) : "n/a",
                       std::to_string(v.count), paper});
    };
    for (const ClassRow& c : part.classes) {
      add(c.name, "precision", c.precision, kNotInOurCopy);
      add(c.name, "recall", c.recall, kNotInOurCopy);
      add(c.name, "f1", c.f1, paper_f1(input.inputs, c.name, test));
    }
    add("", "accuracy", part.accuracy, paper_accuracy(input.inputs, test));
    add("", "auc", part.auc, paper_auc(input.inputs, test));
  }
  return csv;
}

std::string pictures_csv(const std::vector<CropPicture>& pictures) {
  std::string csv = csv_line({"sample_id", "subject_id", "lesion_id", "slice", "label", "part", "fold", "predicted",
                              "probability", "actual_probability", "loss"});
  for (const CropPicture& p : pictures) {
    const bool predicted = !p.predicted.empty();
    csv += csv_line({p.sample_id, p.subject_id, std::to_string(p.lesion), std::to_string(p.slice), p.label, p.part,
                     p.part == "test" ? std::to_string(p.fold) : "", p.predicted, predicted ? shortest(p.probability) : "n/a",
                     predicted ? shortest(p.actual_probability) : "n/a", predicted ? fixed(loss_of(p), 6) : "n/a"});
  }
  return csv;
}

std::string mean_roc_csv(const StudyResult& study) {
  std::string csv = csv_line({"input", "part", "false_positive_rate", "mean", "low", "high"});
  for (const InputResult& input : study.inputs) {
    for (const bool test : {false, true}) {
      const MeanRoc roc = mean_roc((test ? input.test : input.validation).roc);
      for (std::size_t i = 0; i < roc.x.size(); ++i)
        csv += csv_line({input.inputs, test ? "test" : "validation", shortest(roc.x[i]), shortest(roc.mean[i]),
                         shortest(roc.low[i]), shortest(roc.high[i])});
    }
  }
  return csv;
}

std::string history_csv(const StudyResult& study) {
  std::string csv =
      csv_line({"input", "fold", "epoch", "train_loss", "validation_loss", "validation_accuracy", "kept", "refit_train_loss"});
  for (const InputResult& input : study.inputs) {
    for (std::size_t f = 0; f < input.folds.size(); ++f) {
      const History& h = input.folds[f];
      for (std::size_t e = 0; e < h.train_loss.size(); ++e)
        csv += csv_line({input.inputs, std::to_string(h.fold), std::to_string(e + 1), shortest(h.train_loss[e]),
                         shortest(h.validation_loss[e]), shortest(h.validation_accuracy[e]),
                         static_cast<int>(e) == h.best_epoch ? "1" : "0",
                         e < h.refit_loss.size() ? shortest(h.refit_loss[e]) : "n/a"});
    }
  }
  return csv;
}

std::string controls_csv(const StudyResult& study) {
  std::string csv = csv_line({"group", "name", "what", "validation_auc", "validation_low", "validation_high", "difference",
                              "difference_low", "difference_high"});
  for (const ControlRow& r : study.controls)
    csv += csv_line({r.group, r.name, r.what, cell(r.auc), cell(r.low), cell(r.high), cell(r.difference),
                     cell(r.difference_low), cell(r.difference_high)});
  return csv;
}

std::string explanations_csv(const StudyResult& study) {
  std::string csv = csv_line({"picture", "name", "value"});
  for (std::size_t i = 0; i < study.explanations.size(); ++i) {
    for (const auto& [name, value] : study.explanations[i].facts) csv += csv_line({std::to_string(i), name, value});
  }
  return csv;
}

std::string splits_csv(const StudyResult& study) {
  std::string csv = csv_line({"part", "class", "subjects"});
  for (const SplitRow& r : study.splits) {
    for (std::size_t c = 0; c < std::min(r.subjects.size(), study.cohort.size()); ++c)
      csv += csv_line({r.part, study.cohort[c].label, std::to_string(r.subjects[c])});
  }
  return csv;
}

std::string pairs_csv(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string csv = csv_line({"name", "value"});
  for (const auto& [name, value] : pairs) csv += csv_line({name, value});
  return csv;
}

std::string claim_csv() {
  std::string csv = csv_line({"number", "topic", "item", "answer", "section"});
  int number = 0;
  for (const ChecklistItem& c : checklist())
    csv +=
        csv_line({std::to_string(++number), c.topic, c.item, *c.answer == '\0' ? "to be answered by you" : c.answer, c.where});
  return csv;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> csv_tables(const StudyResult& study) {
  return {{"table1_cohort.csv", cohort_csv(study)},
          {"table2_validation.csv", results_csv(study, false)},
          {"table3_test.csv", results_csv(study, true)},
          {"figure1_examples.csv", pictures_csv(study.examples)},
          {"figure2_predictions.csv", pictures_csv(study.predictions)},
          {"figure10_losses.csv", pictures_csv(study.losses)},
          {"mean_roc.csv", mean_roc_csv(study)},
          {"history.csv", history_csv(study)},
          {"controls.csv", controls_csv(study)},
          {"explanations.csv", explanations_csv(study)},
          {"splits.csv", splits_csv(study)},
          {"environment.csv", pairs_csv(study.environment)},
          {"configuration.csv", pairs_csv(study.configuration)},
          {"claim.csv", claim_csv()}};
}

std::vector<std::string> table_names() {
  std::vector<std::string> names{"metrics.csv", "roc.csv", "pr.csv", "calibration.csv", "confusion.csv", "differences.csv"};
  for (const auto& [name, bytes] : csv_tables({})) names.push_back(name);
  return names;
}

}  // namespace vitrine::report
