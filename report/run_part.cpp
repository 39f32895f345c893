#include <algorithm>

#include "base/error.h"
#include "base/number.h"
#include "report/beyond_part.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/table.h"

namespace vitrine::report {
namespace {

std::vector<ControlRow> rows_of(const StudyResult& study, bool choices) {
  std::vector<ControlRow> rows;
  for (const ControlRow& r : study.controls) {
    const bool is_study = r.group == "study";
    if (is_study || (r.group == "choices") == choices) rows.push_back(r);
  }
  return rows.size() > 1 || (!choices && !rows.empty()) ? rows : std::vector<ControlRow>{};
}

std::string control_table(const std::vector<ControlRow>& rows, const std::string& caption) {
  Table table(
      caption,
      {{"run", true}, {"what", true}, {"ROC AUC"}, {"95 % interval"}, {"minus the study’s"}, {"95 % interval of that"}});
  for (const ControlRow& r : rows) {
    const std::string difference =
        r.difference ? text(*r.difference < 0 ? "" : "+", fixed(*r.difference, 3)) : std::string("n/a");
    table.row({escaped(r.name), escaped(r.what), number_text(r.auc, 3), interval_text(r.low, r.high, 3),
               r.group == "study" ? "" : difference,
               r.group == "study" ? "" : interval_text(r.difference_low, r.difference_high, 3)});
  }
  return "<div class=\"dense\">" + table.html() + "</div>";
}

std::string controls_content(const StudyResult& study) {
  if (study.controls.empty())
    return "<p>No controls were run. <code>vitrine controls OUT</code> trains other seeds, permuted labels, crops without "
           "their "
           "lesion, swapped channels and every choice that the paper leaves open; the report then shows them here.</p>\n";
  const std::vector<ControlRow> rows = rows_of(study, false);
  std::string out = "<ul>\n";
  for (const std::string& v : study.verdicts) out += text("<li>", escaped(v), "</li>\n");
  out += "</ul>\n";
  if (!rows.empty())
    out += "<div class=\"panels\">" +
           forest_figure(rows, "ROC AUC with interval of the study’s run, other seeds and controls") + "</div>\n" +
           control_table(rows, "Seeds and controls, by subject, validation parts together");
  return out + source_line("controls/*/fold_*/preds_val.csv by way of controls/controls.csv and controls/verdicts.txt",
                           "controls.csv");
}

std::string choices_content(const StudyResult& study) {
  const std::vector<ControlRow> rows = rows_of(study, true);
  if (rows.empty()) return {};
  return "<p>Each row changes one choice that the paper does not state. A row whose interval of the difference holds 0 says "
         "nothing against the study’s choice.</p>\n<div class=\"panels\">" +
         forest_figure(rows, "ROC AUC with interval of the study’s run and of each other choice") + "</div>\n" +
         control_table(rows, "Choices that the paper leaves open, by subject, validation parts together") +
         source_line("controls/*/fold_*/preds_val.csv by way of controls/controls.csv", "controls.csv");
}

std::string epoch_table(const StudyResult& study) {
  const bool refit = study.has_refit();
  Table table(refit ? "Epochs that were chosen, and trained anew on all of the training part" : "Epochs that were kept",
              {{"input", true}, {refit ? "chosen epoch of each fold" : "kept epoch of each fold", true}, {"of"}});
  for (const InputResult& input : study.inputs) {
    std::string kept;
    std::size_t epochs = 0;
    for (const History& h : input.folds) {
      kept += text(kept.empty() ? "" : ", ", h.best_epoch + 1);
      epochs = std::max(epochs, h.train_loss.size());
    }
    table.row({escaped(input_title(input.inputs)), kept, std::to_string(epochs)});
  }
  return table.html();
}

std::string explanations_content(const StudyResult& study) {
  if (study.explanations.empty())
    return "<p>There are no maps. <code>vitrine explain OUT</code> draws what the networks looked at; the report then shows "
           "explain/index.csv and its pictures here.</p>\n";
  return "<p>A map shows what moved the network’s answer, not whether it was right to be moved. Set each beside that of a "
         "network "
         "with random weights: where both look alike, the map shows the picture and not the network.</p>\n" +
         explanations_figure(study.explanations) + source_line("explain/index.csv and its pictures", "explanations.csv");
}

}  // namespace

std::vector<Section> run_sections(const StudyResult& study) {
  if (study.inputs.empty()) return {};
  const bool nested = study.has_inner_part();
  return {
      {"controls", "Figure 7. Seeds and controls", controls_content(study)},
      {"choices", "Figure 8. Choices that the paper leaves open", choices_content(study)},
      {"learning", "Figure 9. Learning curves",
       learning_figure(study.inputs, nested) + epoch_table(study) +
           source_line(study.runs + (study.has_refit() ? "fold_*/history.csv, refit.csv and fold.json"
                                                       : "fold_*/history.csv and fold.json"),
                       "history.csv")},
      {"losses", "Figure 10. Costliest predictions",
       study.losses.empty()
           ? "<p>There is no prediction to show.</p>\n"
           : text("<p class=\"legend\">Loss: −ln of the actual class’s probability. One slice of each lesion, the costliest of "
                  "validation, then of the test part (mean probability of the folds’ networks), on ",
                  escaped(input_title(study.inputs.back().inputs)), ".</p>\n", losses_figure(study.losses),
                  source_line(study.runs + "fold_*/preds_val.csv, preds_test.csv and the crops", "figure10_losses.csv"))},
      {"saliency", "Figure 11. Saliency", explanations_content(study)},
  };
}

}  // namespace vitrine::report
