#include <algorithm>

#include "base/error.h"
#include "base/number.h"
#include "report/beyond_part.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/table.h"

namespace vitrine::report {
namespace {

struct ShownFigure {
  const char *key, *title;
};
constexpr ShownFigure kShown[] = {{"accuracy", "accuracy"},
                                  {"balanced_accuracy", "balanced accuracy"},
                                  {"sensitivity", "sensitivity"},
                                  {"specificity", "specificity"},
                                  {"auc", "ROC AUC"},
                                  {"average_precision", "PR AUC"},
                                  {"brier", "Brier score"},
                                  {"calibration_error", "ECE"}};

std::string small(const std::string& what) { return text("<span class=\"small\">", what, "</span>"); }

// Reasons why something is missing, each once, with a letter or two.
class Reasons {
 public:
  std::string mark(const std::string& why) {
    const auto found = std::find(all_.begin(), all_.end(), why);
    const auto at = static_cast<std::size_t>(found - all_.begin());
    if (found == all_.end()) all_.push_back(why);
    return name_of(at);
  }
  std::string html() const {
    std::string out;
    for (std::size_t i = 0; i < all_.size(); ++i)
      out += text("<p class=\"small\"><b>", name_of(i), "</b> ", escaped(all_[i]), "</p>\n");
    return out;
  }

 private:
  static std::string name_of(std::size_t at) {
    return (at < 26 ? std::string() : std::string(1, static_cast<char>('a' + at / 26 - 1))) + static_cast<char>('a' + at % 26);
  }
  std::vector<std::string> all_;
};

// Value, its interval, and the mean over the folds; what is missing has the letter of its reason.
std::string estimate_cell(const LevelResult& level, const char* key, Reasons& reasons) {
  const auto found = std::find_if(level.figures.begin(), level.figures.end(), [&](const Estimate& e) { return e.key == key; });
  if (found == level.figures.end()) return "n/a" + small("reason " + reasons.mark("it was not computed"));
  const Estimate& e = *found;
  std::string cell = number_text(e.value);
  if (e.value && e.low && e.high) {
    cell += small(interval_text(e.low, e.high));
  } else {
    cell += small((e.value ? "no interval, " : "reason ") + reasons.mark(e.why));
  }
  if (e.over_folds.count > 0) cell += small(text(value_text(e.over_folds), " (", e.over_folds.count, ")"));
  return cell;
}

std::string level_table(const StudyResult& study, const std::string& part) {
  std::vector<Column> columns{{"input, level", true}};
  for (const ShownFigure& f : kShown) columns.push_back({f.title});
  Reasons reasons;
  Table table(
      part == "validation"
          ? "Validation, all folds together: figure, 95 % interval, mean ± standard deviation over folds (how many have it)"
          : "Test, mean probability of the folds’ networks: figure, 95 % interval, mean ± standard deviation over networks "
            "(how many have it)",
      columns);
  for (const InputResult& input : study.inputs) {
    bool first = true;
    for (const LevelResult& level : input.levels) {
      if (level.part != part) continue;
      std::vector<std::string> cells{
          text("<b>", escaped(input_title(input.inputs)), "</b>, ", level.level, "s",
               small(text(counted(level.units, level.level),
                          level.level == "subject" ? std::string() : " of " + counted(level.subjects, "subject"))))};
      for (const ShownFigure& f : kShown) cells.push_back(estimate_cell(level, f.key, reasons));
      table.row(cells, first ? "group" : "");
      first = false;
    }
  }
  return "<div class=\"dense even\">" + table.html() + "</div>\n" + reasons.html();
}

std::string thresholds(const StudyResult& study, const std::string& part) {
  std::string out = "<ul class=\"small\">\n";
  for (const InputResult& input : study.inputs) {
    for (const LevelResult& level : input.levels) {
      if (level.part == part && level.level != "lesion")
        out += text("<li>", escaped(input_title(input.inputs)), ", ", level.level, "s: ", escaped(level.threshold), "</li>\n");
    }
  }
  return out + "</ul>\n";
}

std::string difference_table(const std::vector<Difference>& differences) {
  Table table(
      "Differences of the ROC AUC between inputs on the same units",
      {{"inputs", true}, {"part", true}, {"level", true}, {"difference"}, {"95 % interval"}, {"p"}, {"method, remarks", true}});
  std::string last;
  for (const Difference& d : differences) {
    const std::string pair = d.a + " − " + d.b;
    std::string method = d.method;
    if (!d.why.empty()) method += ": " + d.why;
    table.row(
        {escaped(input_title(d.a)) + " − " + escaped(input_title(d.b)), d.part,
         text(d.level, small(counted(d.level == "subject" ? d.subjects : d.units, d.level))),
         d.value ? text(*d.value < 0 ? "" : "+", fixed(*d.value, 3)) : std::string("n/a"), interval_text(d.low, d.high, 3),
         d.p ? (*d.p < 0.001 ? std::string("&lt; 0.001") : fixed(*d.p, 3)) : std::string("n/a"), escaped(method)},
        pair == last ? "" : "group");
    last = pair;
  }
  return "<div class=\"dense\">" + table.html() + "</div>";
}

std::string confusion_table(const InputResult& input, const LevelResult& level) {
  std::string caption = text(input_title(input.inputs), ", ", level.part, ", ", level.level, "s");
  std::string out = text("<div><table>\n<caption>", escaped(caption), "</caption>\n<thead><tr><th scope=\"col\">actual</th>");
  for (const std::string& name : input.classes) out += text("<th scope=\"col\">as ", escaped(name), "</th>");
  out += "</tr></thead>\n<tbody>\n";
  for (std::size_t a = 0; a < level.confusion.size(); ++a) {
    int all = 0;
    for (const int count : level.confusion[a]) all += count;
    out += text("<tr><th scope=\"row\">", escaped(input.classes[a]), "</th>");
    for (const int count : level.confusion[a])
      out += text("<td>", count, small(all > 0 ? fixed(100.0 * count / all, 0) + " %" : std::string("n/a")), "</td>");
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::string confusion_figure(const StudyResult& study) {
  std::string out;
  for (const char* part : {"validation", "test"}) {
    out +=
        text("<h4>",
             std::string(part) == "test" ? "Test, mean probability of the folds’ networks" : "Validation, all folds together",
             "</h4>\n<div class=\"matrices\">\n");
    for (const char* level : {"slice", "subject"}) {
      for (const InputResult& input : study.inputs) {
        if (const LevelResult* found = find_level(input, part, level)) out += confusion_table(input, *found);
      }
    }
    out += "</div>\n";
  }
  return out;
}

bool has_levels(const StudyResult& study) {
  return std::any_of(study.inputs.begin(), study.inputs.end(), [](const InputResult& i) { return !i.levels.empty(); });
}

}  // namespace

std::vector<Section> evaluation_sections(const StudyResult& study) {
  if (!has_levels(study)) return {};
  const std::string validation = study.runs + "fold_*/preds_val.csv", test = study.runs + "fold_*/preds_test.csv";
  const std::string both = study.runs + "fold_*/preds_val.csv and preds_test.csv";
  const std::string positive = escaped(study.inputs.front().classes.empty() ? "" : study.inputs.front().classes.back());
  return {
      {"levels-validation", "Validation by slice, lesion and subject",
       text(
           "<p>A lesion’s or subject’s probability is the mean over its slices. Intervals: bootstrap of subjects, whose slices "
           "come and go together. The positive class is ",
           positive,
           ". Sensitivity and specificity are at a threshold (Youden’s) chosen on the other folds. Brier score and calibration "
           "error (ECE, ten bins): the lower the better.</p>\n") +
           level_table(study, "validation") + thresholds(study, "validation") + source_line(validation, "metrics.csv")},
      {"levels-test", "Test by slice, lesion and subject",
       "<p>The same figures of the fixed test part. The threshold is chosen on validation. The deviation over networks is no "
       "deviation over patients; the interval is, as far as so many subjects can tell.</p>\n" +
           level_table(study, "test") + thresholds(study, "test") + source_line(both, "metrics.csv")},
      {"differences", "Differences between inputs",
       study.differences.empty() ? "<p>One input has a finished run; two are needed for a difference.</p>\n"
                                 : "<p>Paired on common units. By subject: DeLong’s test; by slice and lesion, where DeLong’s "
                                   "would be too narrow: bootstrap "
                                   "of subjects, which gives no p. No correction for the number of comparisons.</p>\n" +
                                       difference_table(study.differences) + source_line(both, "differences.csv")},
      {"confusion", "Confusion matrices",
       "<p class=\"legend\">Rows: the actual class. Counts, and the share of the row. Lesions stand in confusion.csv.</p>\n" +
           confusion_figure(study) + source_line(both, "confusion.csv")},
      {"figure-4", "Figure 4. ROC curves of the test part",
       "<p class=\"legend\">By slice. Thin: the network of one fold. Bold: vertical mean, band ± one standard deviation over "
       "networks.</p>\n" +
           roc_figure(study.inputs, true) + source_line(test, "roc.csv (level slice, the folds), mean_roc.csv")},
      {"figure-5", "Figure 5. Precision-recall curves",
       text("<p class=\"legend\">By slice; positive class ", positive,
            ". Dashed: the share of that class, which chance reaches.</p>\n") +
           pr_figure(study.inputs) + source_line(both, "pr.csv (level slice; pooled, ensemble)")},
      {"figure-6", "Figure 6. Reliability: can the probabilities be taken at their word?",
       text(
           "<p class=\"legend\">By slice, ten bins of equal width; a dot’s area grows with the number of slices. On the dashed "
           "line the share of ",
           positive, " is what the networks say.</p>\n") +
           reliability_figure(study.inputs) + source_line(both, "calibration.csv (level slice; pooled, ensemble)")},
  };
}

}  // namespace vitrine::report
