#include "report/html.h"

#include "base/error.h"
#include "report/beyond_part.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/paper_part.h"
#include "report/record_part.h"
#include "report/report_style.h"

namespace vitrine::report {
namespace {

struct ReportPart {
  const char *id, *heading;
  std::vector<Section> sections;
};

std::string summary(const StudyResult& study) {
  if (study.inputs.empty()) return "<p>No run has finished yet.</p>\n";
  const InputResult& main = study.inputs.back();
  const auto folds = static_cast<int>(main.folds.size());
  return text("<p>An EfficientNet was trained to tell the two classes apart on lesion crops, with ", counted(folds, "fold"),
              " of the subjects. With the input <b>", escaped(input_title(main.inputs)), "</b> it reached an accuracy of <b>",
              value_text(main.validation.accuracy), "</b> and a ROC AUC of <b>", value_text(main.validation.auc),
              "</b> on the validation parts, and <b>", value_text(main.test.accuracy), "</b> and <b>",
              value_text(main.test.auc),
              "</b> on the fixed test part (by slice, mean ± standard deviation over the folds’ networks).</p>\n");
}

std::string worth_note(const StudyResult& study) {
  std::string out;
  for (const std::string& sentence : worth(study)) out += (out.empty() ? "" : " ") + escaped(sentence);
  for (const std::string& sentence : study.caveats) out += (out.empty() ? "" : " ") + escaped(sentence);
  return out.empty() ? out : text("<p class=\"note\"><b>What these figures are worth.</b> ", out, "</p>\n");
}

std::string contents(const std::vector<ReportPart>& parts) {
  std::string out = "<nav aria-label=\"Contents\">\n<ol>\n";
  for (const ReportPart& part : parts) {
    for (const Section& s : part.sections) {
      if (!s.content.empty()) out += text("<li><a href=\"#", s.id, "\">", escaped(s.heading), "</a></li>\n");
    }
  }
  return out + "</ol>\n</nav>\n";
}

}  // namespace

std::string html_report(const StudyResult& study) {
  std::vector<ReportPart> parts{{"paper", "The paper’s tables and figures", paper_sections(study)},
                                {"beyond", "What the paper does not show", evaluation_sections(study)},
                                {"record", "What was done, and its limits", record_sections(study)}};
  for (Section& s : run_sections(study)) parts[1].sections.push_back(std::move(s));
  std::string out = text("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
                         escaped(study.title), "</title>\n<style>", kReportStyle,
                         "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n",
                         "<header>\n<h1>", escaped(study.title), "</h1>\n");
  if (!study.synthetic_note.empty()) out += text("<p class=\"note\">", escaped(study.synthetic_note), "</p>\n");
  out += summary(study) + worth_note(study);
  out +=
      "<p class=\"small\">After Grossman et al. 2021, doi 10.1177/15330338211004919; Tables 1 to 3 and Figures 1 to 3 are "
      "numbered "
      "as there, with the paper’s own figures in italics. This is not a medical device.</p>\n</header>\n";
  out += contents(parts) + "<main id=\"main\">\n";
  for (const ReportPart& part : parts) {
    std::string sections;
    for (const Section& s : part.sections) sections += html_of(s);
    if (!sections.empty()) out += text("<h2 id=\"", part.id, "\">", part.heading, "</h2>\n", sections);
  }
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace vitrine::report
