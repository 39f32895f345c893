#include "report/search_page.h"

#include <algorithm>

#include "base/error.h"
#include "base/number.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/search_figures.h"

namespace vitrine::report {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: #1f2328; background: #fff;
  max-width: 1080px; margin: 2em auto; padding: 0 1.2em; overflow-wrap: anywhere; }
h1 { font-size: 1.6em; line-height: 1.25; margin: 0 0 .4em; }
h2 { font-size: 1.18em; margin: 2em 0 .5em; padding-bottom: .2em; border-bottom: 1px solid #d9dde3; }
p { margin: .4em 0; max-width: 75ch; }
.note { background: #fff6e0; border-left: 4px solid #e69f00; padding: .6em 1em; margin: 1em 0; max-width: none; }
.small, figcaption { color: #57606a; font-size: .87em; }
figure { margin: 0; min-width: 0; } svg { display: block; width: 100%; height: auto; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 0 2em; align-items: start; }
.figures section { min-width: 0; } .figures figure, .options figure { max-width: 500px; }
.options { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 310px), 1fr)); gap: 1em 1.5em; }
svg text { font-family: inherit; fill: #444c56; } .tick { font-size: 11.5px; } .name { font-size: 13px; font-weight: 600; }
svg .name { fill: #1f2328; paint-order: stroke; stroke: #fff; stroke-width: 3px; } svg .tick { paint-order: stroke; stroke: #fff; stroke-width: 3.5px; }
.axis { stroke: #6e7681; } .mark { stroke: #6e7681; } .grid { stroke: #e6e9ed; }
.line { fill: none; stroke-width: 1.4; stroke-opacity: .85; stroke-linejoin: round; }
.bestline { fill: none; stroke: #b3441e; stroke-width: 3.2; stroke-linejoin: round; }
circle.best { fill: #b3441e; stroke: #fff; stroke-width: 1; } circle.run { fill: #0072b2; fill-opacity: .55; }
.so-far { fill: none; stroke: #1f2328; stroke-width: 1.6; } .mean { stroke: #1f2328; stroke-width: 2; }
.ramp { display: inline-block; width: 6em; height: .7em; border-radius: 2px; background: linear-gradient(90deg, #c9cfd8, #5ea1d1, #084078);
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.bold { display: inline-block; width: 1.6em; height: .25em; background: #b3441e; vertical-align: middle; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5em 0; }
th, td { padding: .25em .9em .25em 0; text-align: right; border-bottom: 1px solid #eaedf1; vertical-align: top; }
thead th { font-weight: 600; border-bottom: 1.5px solid #8a8f98; vertical-align: bottom; }
tbody th { font-weight: 400; } tr.best th, tr.best td { font-weight: 600; color: #9c3a18; }
.left, th:first-child { text-align: left; } td, th { white-space: nowrap; } td.text { white-space: normal; text-align: left; min-width: 12em; }
dl { display: grid; grid-template-columns: minmax(7em, max-content) 1fr; gap: .15em 1.2em; margin: .5em 0; } dt { color: #57606a; } dd { margin: 0; }
@media (max-width: 640px) {
  body { margin: 1em auto; padding: 0 .8em; } .wide { overflow-x: visible; }
  table.cards, .cards tbody, .cards tr, .cards th, .cards td { display: block; } .cards thead { position: absolute; left: -999em; }
  .cards tr { border: 1px solid #d9dde3; border-radius: 6px; padding: .4em .7em; margin: .6em 0; } .cards tr.best { border: 2px solid #b3441e; }
  .cards th, .cards td, .cards td.text { display: flex; justify-content: space-between; gap: 1em; text-align: right; white-space: normal; border: 0; padding: .1em 0; }
  .cards [data-name]::before { content: attr(data-name); color: #57606a; font-weight: 400; text-align: left; flex: none; max-width: 45%; }
  table { width: 100%; } dl { grid-template-columns: minmax(6em, 40%) 1fr; }
}
@media print { body { margin: 0; max-width: none; font-size: 10.5pt; } h2 { break-after: avoid; } figure, tr, svg { break-inside: avoid; }
  .figures { grid-template-columns: 1fr 1fr; } .options { grid-template-columns: 1fr 1fr; } .wide { overflow: visible; } td, th { white-space: normal; } }
)";

std::string score_with_sd(const Value& v) {
  if (v.count == 0) return "n/a";
  return v.count == 1 ? fixed(v.mean, 3) : text(fixed(v.mean, 3), " ± ", fixed(v.sd, 3));
}

std::string shown_value(const std::string& value) { return value.empty() ? "-" : escaped(value); }

std::string section(const char* id, const char* heading, const std::string& content) {
  return text("<section aria-labelledby=\"", id, "\">\n<h2 id=\"", id, "\">", heading, "</h2>\n", content, "</section>\n");
}

struct Column {
  std::string name;
  bool is_text = false;
};

// A table that becomes a card for each row on a phone; the roles keep it a table for those who hear it. Cells are HTML.
class Table {
 public:
  Table(std::string caption, std::vector<Column> columns) : caption_(std::move(caption)), columns_(std::move(columns)) {}

  void row(const std::vector<std::string>& cells, bool best = false) {
    rows_ += best ? "<tr role=\"row\" class=\"best\">" : "<tr role=\"row\">";
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const char* tag = c == 0 ? "th" : "td";
      rows_ += text("<", tag, c == 0 ? " scope=\"row\" role=\"rowheader\"" : " role=\"cell\"",
                    columns_[c].is_text ? " class=\"text\"" : "", " data-name=\"", escaped(columns_[c].name), "\"><span>",
                    cells[c], "</span></", tag, ">");
    }
    rows_ += "</tr>\n";
  }

  std::string html() const {
    std::string out = text("<div class=\"wide\" role=\"region\" aria-label=\"", escaped(caption_),
                           "\" tabindex=\"0\">\n<table class=\"cards\" role=\"table\" aria-label=\"", escaped(caption_),
                           "\">\n<thead role=\"rowgroup\"><tr role=\"row\">");
    for (const Column& c : columns_)
      out += text("<th scope=\"col\" role=\"columnheader\"", c.is_text ? " class=\"left\"" : "", ">", escaped(c.name), "</th>");
    return out + "</tr></thead>\n<tbody role=\"rowgroup\">\n" + rows_ + "</tbody>\n</table>\n</div>\n";
  }

 private:
  std::string caption_;
  std::vector<Column> columns_;
  std::string rows_;
};

std::size_t trials_with_score(const SearchPage& page) { return ranked_runs(page).size(); }

std::size_t trials_of(const SearchPage& page) {
  std::vector<int> numbers;
  for (const SearchRun& run : page.runs) numbers.push_back(run.trial);
  std::sort(numbers.begin(), numbers.end());
  return static_cast<std::size_t>(std::unique(numbers.begin(), numbers.end()) - numbers.begin());
}

bool has_axis(const SearchPage& page, const char* name) {
  return std::any_of(page.axes.begin(), page.axes.end(), [&](const SearchAxis& a) { return a.name == name; });
}

std::string summary(const SearchPage& page) {
  const std::string under_way =
      page.finished ? std::string()
                    : text("<p class=\"note\">The search is under way or was stopped: ", trials_of(page), " of ", page.planned,
                           " trials have run so far. The same command goes on with it.</p>\n");
  if (!page.best)
    return under_way + (page.finished ? "<p>No trial has a result.</p>\n" : "<p>No trial has a result yet.</p>\n");
  const SearchRun& best = page.runs[*page.best];
  const auto scores =
      std::count_if(page.runs.begin(), page.runs.end(), [](const SearchRun& run) { return run.score.count > 0; });
  std::string out = under_way;
  out += text("<p>Of ", trials_of(page), trials_of(page) == 1 ? " trial" : " trials", ", trial <b>", best.trial,
              "</b> has the best validation ", escaped(page.metric), ": <b>", score_with_sd(best.score), "</b> (mean",
              best.score.count > 1 ? " ± standard deviation" : "", " over ", best.score.count,
              best.score.count == 1 ? " fold" : " folds", ").</p>\n<dl>\n");
  for (std::size_t a = 0; a < page.axes.size(); ++a)
    out += text("<dt>", escaped(page.axes[a].name), "</dt><dd>", shown_value(best.values[a]), "</dd>\n");
  if (!has_axis(page, "epochs")) out += text("<dt>epochs</dt><dd>", best.epochs, "</dd>\n");
  return out + text("</dl>\n<p class=\"note\">The choice was made over ", trials_of(page),
                    trials_of(page) == 1 ? " trial (" : " trials (", scores, scores == 1 ? " score" : " scores",
                    ") by the very figure that is shown, so the winner’s validation score is optimistic. The test part "
                    "was not read "
                    "for it.</p>\n");
}

std::string beyond_text(const SearchPage& page) {
  const std::size_t beyond = scores_beyond(page);
  if (beyond == 0) return {};
  return text(" ", beyond, beyond == 1 ? " score lies" : " scores lie", " far beyond the others and ",
              beyond == 1 ? "is" : "are", " drawn at the end of the scale; the table has ", beyond == 1 ? "it." : "them.");
}

std::string parallel_section(const SearchPage& page) {
  const std::size_t scored = trials_with_score(page);
  std::string caption = text(
      "A line is a trial, from its values to its score. Colour: <span class=\"ramp\"></span> worst to best; "
      "<span class=\"bold\"></span> the best trial.");
  if (!page.rungs.empty())
    caption += " Each trial on its last rung: scores of different rungs are of different numbers of epochs.";
  caption += beyond_text(page);
  if (scored > kMostLines) caption += text(" The best ", kMostLines, " of ", scored, " are drawn.");
  return section("parallel", "Trials and their values",
                 "<figure>\n" + parallel_figure(page) + "<figcaption>" + caption + "</figcaption>\n</figure>\n");
}

std::string so_far_section(const SearchPage& page) {
  return section("so-far", "Best so far",
                 "<figure>\n" + best_so_far_figure(page) +
                     "<figcaption>A dot is a run, in the order of training; the line is the best score "
                     "so far. Cost is counted in images visited, which is the same on every machine; a larger network takes "
                     "longer for each.</figcaption>\n</figure>\n");
}

std::string options_section(const SearchPage& page) {
  std::string figures;
  for (std::size_t a = 0; a < page.axes.size(); ++a) figures += "<figure>\n" + option_figure(page, a) + "</figure>\n";
  return section("by-option", "Score by value of each option",
                 "<div class=\"options\">\n" + figures +
                     "</div>\n<p class=\"small\">A dot is a trial; a dash is the mean of the trials with that value. "
                     "The other options vary as well: a difference between two dashes is no effect of one option alone.</p>\n");
}

std::string rungs_section(const SearchPage& page) {
  Table table("Rungs of successive halving",
              {{"rung"}, {"epochs"}, {"trials"}, {"with a score"}, {"went on"}, {"best " + page.metric}, {"of trial"}});
  for (std::size_t r = 0; r < page.rungs.size(); ++r) {
    const SearchRung& rung = page.rungs[r];
    table.row({std::to_string(r + 1), std::to_string(rung.epochs), std::to_string(rung.trials), std::to_string(rung.scored),
               std::to_string(rung.went_on), score_with_sd(rung.best),
               rung.best_trial > 0 ? std::to_string(rung.best_trial) : "-"});
  }
  return section(
      "rungs", "Rungs",
      "<p class=\"small\">Each rung trains its trials anew with its number of epochs; the best go on.</p>\n" + table.html());
}

std::string trials_section(const SearchPage& page) {
  std::vector<Column> columns{{"trial"}, {page.metric}};
  if (!page.rungs.empty()) columns.push_back({"rung"});
  for (const SearchAxis& axis : page.axes) columns.push_back({axis.name});
  if (!has_axis(page, "epochs")) columns.push_back({"epochs"});
  columns.push_back({"images visited"});
  Table table("All trials, the best first", columns);
  std::vector<std::size_t> order = ranked_runs(page);
  const std::size_t scored = order.size();
  order.resize(std::min(scored, kMostTableRows));
  for (const std::size_t i : order) {
    const SearchRun& run = page.runs[i];
    std::vector<std::string> cells{std::to_string(run.trial), score_with_sd(run.score)};
    if (!page.rungs.empty()) cells.push_back(std::to_string(run.rung));
    for (const std::string& value : run.values) cells.push_back(shown_value(value));
    if (!has_axis(page, "epochs")) cells.push_back(std::to_string(run.epochs));
    cells.push_back(count_text(static_cast<double>(run.visits)));
    table.row(cells, page.best && *page.best == i);
  }
  const std::string rest = scored > kMostTableRows ? text("<p class=\"small\">The best ", kMostTableRows, " of ", scored,
                                                          " are shown; trials.csv has all.</p>\n")
                                                   : std::string();
  return section("trials", "All trials, the best first", table.html() + rest);
}

// Empty when none failed.
std::string failed_section(const SearchPage& page) {
  Table table("Trials without a score", {{"trial"}, {"values", true}, {"reason", true}});
  bool any = false;
  for (const SearchRun& run : page.runs) {
    if (run.failure.empty()) continue;
    std::string values;
    for (std::size_t a = 0; a < page.axes.size(); ++a)
      values += text(a == 0 ? "" : ", ", escaped(page.axes[a].name), " ", shown_value(run.values[a]));
    table.row({std::to_string(run.trial), values, escaped(run.failure)});
    any = true;
  }
  return any ? section("failed", "Trials without a score", table.html()) : std::string();
}

std::string final_section(const SearchPage& page) {
  const SearchFinal& f = *page.final;
  Table table("The best trial's options on validation and test", {{"part"}, {"accuracy"}, {"ROC AUC"}});
  table.row({"validation", value_text(f.validation_accuracy), value_text(f.validation_auc)});
  table.row({"test", value_text(f.test_accuracy), value_text(f.test_auc)});
  return section(
      "final", "The test part, once",
      table.html() + text("<p class=\"small\">Mean ± standard deviation over the folds’ models. ",
                          f.same
                              ? "Their validation predictions are the winner’s, byte for byte."
                              : "Their validation predictions are not the winner’s: another device or version computed them.",
                          " A choice that is made after this table has been seen is no longer free of the test part.</p>\n"));
}

std::string facts_section(const SearchPage& page) {
  std::string out = "<dl>\n";
  for (const auto& [name, value] : page.facts) out += text("<dt>", escaped(name), "</dt><dd>", shown_value(value), "</dd>\n");
  return section("how", "How the search was done", out + "</dl>\n");
}

}  // namespace

std::string search_html(const SearchPage& page) {
  std::string out = text(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, "
      "initial-scale=1\">\n<title>",
      escaped(page.title), "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<main>\n<h1>", escaped(page.title),
      "</h1>\n", section("best", "The best trial", summary(page)));
  if (page.final) out += final_section(page);
  if (trials_with_score(page) > 0) {
    out += "<div class=\"figures\">\n" + parallel_section(page) + so_far_section(page) + "</div>\n" + options_section(page);
  }
  if (!page.rungs.empty()) out += rungs_section(page);
  if (trials_with_score(page) > 0) out += trials_section(page);
  return out + failed_section(page) + facts_section(page) + "</main>\n</body>\n</html>\n";
}

}  // namespace vitrine::report
