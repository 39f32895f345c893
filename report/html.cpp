#include "report/html.h"

#include "base/error.h"
#include "base/number.h"
#include "report/figures.h"
#include "report/markup.h"

namespace vitrine::report {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: #1f2328; background: #fff;
  max-width: 1040px; margin: 2.2em auto; padding: 0 1.4em; }
h1 { font-size: 1.65em; line-height: 1.25; margin: 0 0 .4em; }
h2 { font-size: 1.18em; margin: 2.1em 0 .5em; padding-bottom: .2em; border-bottom: 1px solid #d9dde3; }
p { max-width: 75ch; }
.note { background: #fff6e0; border-left: 4px solid #e69f00; padding: .6em 1em; margin: 1em 0; max-width: none; }
.small, .legend { color: #57606a; font-size: .87em; max-width: none; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5em 0; }
th, td { padding: .28em .9em; text-align: right; border-bottom: 1px solid #eaedf1; }
th { font-weight: 600; border-bottom: 1.5px solid #8a8f98; vertical-align: bottom; }
th:first-child, td:first-child, td.left, th.left { text-align: left; }
tr.group td { border-top: 1.5px solid #c5cad2; }
tr.total td { font-weight: 600; border-top: 1.5px solid #8a8f98; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, 480px); gap: .8em 1.2em; }
.panels svg { max-width: 100%; height: auto; }
svg text { font-family: inherit; }
.crops { display: flex; flex-wrap: wrap; gap: 1em; }
.crop { margin: 0; padding: .5em; border: 1px solid #d9dde3; border-radius: 4px; }
.crop img { display: block; image-rendering: pixelated; max-width: 100%; }
.crop.right { border-color: #009e73; } .crop.wrong { border-color: #d55e00; }
figcaption { margin-top: .35em; font-size: .88em; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } h2 { break-after: avoid; } figure, tr, svg { break-inside: avoid; } }
)";

std::string row(const std::vector<std::string>& cells, const char* tag = "td", const char* row_class = "") {
  std::string out = *row_class ? text("<tr class=\"", row_class, "\">") : std::string("<tr>");
  for (const std::string& cell : cells) out += text("<", tag, ">", cell, "</", tag, ">");
  return out + "</tr>\n";
}

std::string cohort_table(const std::vector<CohortRow>& cohort) {
  std::string out = "<table>\n" + row({"class", "subjects", "of them in the test part", "lesions", "slices"}, "th");
  CohortRow total;
  for (const CohortRow& r : cohort) {
    out += row({escaped(r.label), std::to_string(r.subjects), std::to_string(r.test_subjects), std::to_string(r.lesions),
                std::to_string(r.slices)});
    total.subjects += r.subjects;
    total.test_subjects += r.test_subjects;
    total.lesions += r.lesions;
    total.slices += r.slices;
  }
  out += row({"all", std::to_string(total.subjects), std::to_string(total.test_subjects), std::to_string(total.lesions),
              std::to_string(total.slices)},
             "td", "total");
  return out + "</table>\n";
}

// The paper's form: per input configuration a line for each class, accuracy and AUC beside the first.
std::string results_table(const std::vector<InputResult>& inputs, bool test) {
  std::string out = "<table>\n" + row({"input", "class", "precision", "recall", "F1", "accuracy", "ROC AUC"}, "th");
  for (const InputResult& input : inputs) {
    const PartResult& part = test ? input.test : input.validation;
    bool first = true;
    for (const ClassRow& c : part.classes) {
      out += row({first ? escaped(input.inputs) : "", escaped(c.name), value_text(c.precision), value_text(c.recall),
                  value_text(c.f1), first ? value_text(part.accuracy) : "", first ? value_text(part.auc) : ""},
                 "td", first ? "group" : "");
      first = false;
    }
  }
  return out + "</table>\n";
}

std::string summary(const StudyResult& study) {
  if (study.inputs.empty()) return "<p>No run has finished yet.</p>\n";
  const InputResult& main = study.inputs.back();
  const std::size_t folds = main.folds.size();
  return text("<p>An EfficientNet was trained to tell the two classes apart on lesion crops, with ", folds,
              folds == 1 ? " fold" : " folds", " of the subjects. With the input <b>", escaped(main.inputs),
              "</b> it reached an accuracy of <b>", value_text(main.validation.accuracy), "</b> and a ROC AUC of <b>",
              value_text(main.validation.auc), "</b> on the validation parts, and <b>", value_text(main.test.accuracy),
              "</b> and <b>", value_text(main.test.auc),
              "</b> on the fixed test part (mean ± standard deviation over the folds' models).</p>\n");
}

std::string caveat_list(const std::vector<std::string>& caveats) {
  if (caveats.empty()) return {};
  std::string out = "<ul class=\"small\">\n";
  for (const std::string& c : caveats) out += text("<li>", escaped(c), "</li>\n");
  return out + "</ul>\n";
}

std::string configuration_table(const std::vector<std::pair<std::string, std::string>>& configuration) {
  std::string out = "<table>\n<tr><th class=\"left\">option</th><th class=\"left\">value</th></tr>\n";
  for (const auto& [name, value] : configuration) {
    out += text("<tr><td class=\"left\">", escaped(name), "</td><td class=\"left\">", escaped(value), "</td></tr>\n");
  }
  return out + "</table>\n";
}

}  // namespace

std::string html_report(const StudyResult& study) {
  std::string out =
      text("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", escaped(study.title),
           "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<h1>", escaped(study.title), "</h1>\n");
  if (!study.synthetic_note.empty()) out += text("<p class=\"note\">", escaped(study.synthetic_note), "</p>\n");
  out += summary(study);
  out +=
      "<p class=\"small\">After Grossman et al. 2021, doi 10.1177/15330338211004919; tables and figures are numbered as "
      "there.</p>\n";
  out += "<h2>Table 1. Cohort</h2>\n" + cohort_table(study.cohort);
  out += "<h2>Figure 1. Input: lesion crops as the network sees them</h2>\n" + examples_figure(study.examples);
  out += "<h2>Table 2. Validation, mean ± standard deviation over the folds</h2>\n" + results_table(study.inputs, false);
  out += "<h2>Table 3. Test, mean ± standard deviation over the folds' models</h2>\n" + results_table(study.inputs, true);
  out += caveat_list(study.caveats);
  out += "<h2>Figure 2. Representative predictions on the test part</h2>\n" + predictions_figure(study.predictions);
  out +=
      "<h2>Figure 3. ROC curves of the validation parts</h2>\n"
      "<p class=\"legend\">Thin: one fold. Bold: vertical mean over the folds, band ± one standard deviation. Dashed: "
      "chance.</p>\n" +
      roc_figure(study.inputs, false);
  out += "<h2>Figure 4. ROC curves of the test part</h2>\n" + roc_figure(study.inputs, true);
  out += "<h2>Figure 5. Training</h2>\n" + loss_figure(study.inputs);
  out += "<h2>Configuration</h2>\n" + configuration_table(study.configuration);
  return out + "</body>\n</html>\n";
}

}  // namespace vitrine::report
