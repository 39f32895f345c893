#include "report/paper_part.h"

#include "base/error.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/paper.h"
#include "report/table.h"

namespace vitrine::report {
namespace {

std::string cohort_table(const std::vector<CohortRow>& cohort) {
  Table table("Subjects, lesions and slices of each class", {{"class", true},
                                                             {"subjects"},
                                                             {"subjects, paper", false, true},
                                                             {"of them test"},
                                                             {"of them test, paper", false, true},
                                                             {"lesions"},
                                                             {"lesions, paper", false, true},
                                                             {"slices"},
                                                             {"slices, paper", false, true}});
  CohortRow all;
  const auto add = [&](const CohortRow& r, const std::string& label, const char* kind) {
    table.row({label.empty() ? "all" : escaped(label), std::to_string(r.subjects), paper_subjects(label),
               std::to_string(r.test_subjects), paper_test_subjects(label), std::to_string(r.lesions), paper_lesions(label),
               std::to_string(r.slices), paper_slices(label)},
              kind);
  };
  for (const CohortRow& r : cohort) {
    add(r, r.label, "");
    all.subjects += r.subjects;
    all.test_subjects += r.test_subjects;
    all.lesions += r.lesions;
    all.slices += r.slices;
  }
  add(all, "", "total");
  return table.html() +
         "<p class=\"small\">The paper’s abstract has 69 subjects, 44 and 25; its Results say 45 and 25. Its scanners: 44 GE, "
         "55 "
         "Siemens, 2 Philips. Lesion volume there: 18.3 ± 22.9 cc (NSCLC 16.8 ± 15.3, SCLC 19.4 ± 30.9).</p>\n";
}

// With the number of folds that have the figure, where some have none.
std::string value_cell(const Value& value, const InputResult& input) {
  const bool some = value.count > 0 && value.count < static_cast<int>(input.folds.size());
  return value_text(value) + (some ? text(" <small>(n = ", value.count, ")</small>") : std::string());
}

// The paper's form: per input configuration a line for each class, accuracy and AUC beside the first.
std::string results_table(const std::vector<InputResult>& inputs, bool test) {
  Table table(test ? "By slice, mean ± standard deviation over the folds’ networks on one and the same test part"
                   : "By slice, mean ± standard deviation (n − 1) over the folds",
              {{"input", true},
               {"class", true},
               {"precision"},
               {"recall"},
               {"F1"},
               {"F1, paper", false, true},
               {"accuracy"},
               {"accuracy, paper", false, true},
               {"ROC AUC"},
               {"ROC AUC, paper", false, true}});
  for (const InputResult& input : inputs) {
    const PartResult& part = test ? input.test : input.validation;
    bool first = true;
    for (const ClassRow& c : part.classes) {
      const auto beside = [&](const std::string& cell) { return first ? cell : std::string(); };
      table.row({escaped(input_title(input.inputs)), escaped(c.name), value_cell(c.precision, input),
                 value_cell(c.recall, input), value_cell(c.f1, input), paper_f1(input.inputs, c.name, test),
                 beside(value_cell(part.accuracy, input)), beside(paper_accuracy(input.inputs, test)),
                 beside(value_cell(part.auc, input)), beside(paper_auc(input.inputs, test))},
                first ? "group" : "");
      first = false;
    }
  }
  std::string out = "<div class=\"dense\">" + table.html() + "</div>";
  for (const InputResult& input : inputs) {
    const Value& auc = (test ? input.test : input.validation).auc;
    const auto folds = static_cast<int>(input.folds.size());
    if (auc.count < folds)
      out += text("<p class=\"small\">", escaped(input_title(input.inputs)), ": the ROC AUC is defined in ", auc.count, " of ",
                  counted(folds, "fold"), "; the others have one class only. n/a: no fold has the figure.</p>\n");
  }
  return out;
}

}  // namespace

std::vector<Section> paper_sections(const StudyResult& study) {
  const std::string validation = study.runs + "fold_*/preds_val.csv", test = study.runs + "fold_*/preds_test.csv";
  const bool has_run = !study.inputs.empty();
  const auto of_run = [&](const std::string& content) { return has_run ? content : std::string(); };
  return {
      {"table-1", "Table 1. Cohort",
       cohort_table(study.cohort) + source_line("the manifest and splits.json", "table1_cohort.csv")},
      {"figure-1", "Figure 1. Input: lesion crops as the network sees them",
       study.examples.empty()
           ? ""
           : examples_figure(study.examples) + source_line("the crops that the manifest names", "figure1_examples.csv")},
      {"table-2", "Table 2. Validation",
       of_run(
           results_table(study.inputs, false) +
           "<p class=\"small\">The copy of the paper that its column is taken from gives one mean ROC AUC for each input and "
           "does not say of which part; it stands here beside validation, whose curves are Figure 3.</p>\n" +
           source_line(validation, "table2_validation.csv"))},
      {"table-3", "Table 3. Test", of_run(results_table(study.inputs, true) + source_line(test, "table3_test.csv"))},
      {"figure-2", "Figure 2. Representative predictions on the test part",
       study.predictions.empty()
           ? ""
           : text("<p class=\"legend\">The most confident right and wrong predictions, one of each lesion, of the networks on ",
                  escaped(input_title(study.inputs.empty() ? "" : study.inputs.back().inputs)), ".</p>\n",
                  predictions_figure(study.predictions), source_line(test + " and the crops", "figure2_predictions.csv"))},
      {"figure-3", "Figure 3. ROC curves of the validation parts",
       of_run(
           "<p class=\"legend\">By slice. Thin: one fold. Bold: vertical mean over the folds, band ± one standard deviation. "
           "Dashed: chance.</p>\n" +
           roc_figure(study.inputs, false) + source_line(validation, "roc.csv (level slice, the folds), mean_roc.csv"))},
  };
}

}  // namespace vitrine::report
