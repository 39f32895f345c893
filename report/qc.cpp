#include "report/qc.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/error.h"
#include "report/markup.h"

namespace vitrine::report {
namespace {

constexpr std::size_t kMostPictureBytes = std::size_t{48} << 20;  // of all crops together: a browser has to hold the page

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1f2328; --faint: #57606a; --paper: #ffffff; --line: #d9dde3; --box: #f6f8fa;
  --warn: #9a5b00; --warn-box: #fff6e0; --bad: #b3261e; --bad-box: #fdeceb; --good: #00704f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --faint: #9aa4af; --paper: #14171b; --line: #343b44; --box: #1d2228;
    --warn: #f0b75a; --warn-box: #2e2617; --bad: #ff8f86; --bad-box: #331c1b; --good: #5ec9a2; }
}
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 1040px; margin: 2em auto; padding: 0 1.2em; overflow-wrap: anywhere; }
h1 { font-size: 1.6em; line-height: 1.25; margin: 0 0 .4em; }
h2 { font-size: 1.18em; margin: 2em 0 .5em; padding-bottom: .2em; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.02em; margin: 0 0 .4em; }
a { color: inherit; }
p { margin: .3em 0; max-width: 80ch; }
.small { color: var(--faint); font-size: .87em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5em 0; }
th, td { padding: .25em .8em .25em 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; white-space: normal; overflow-wrap: normal; }
.left { text-align: left; }
ul.notes { list-style: none; margin: .5em 0; padding: 0; }
ul.notes li { margin: .3em 0; padding: .35em .7em; border-left: 4px solid var(--line); background: var(--box); }
ul.notes li.warning { border-color: var(--warn); background: var(--warn-box); }
ul.notes li.refused { border-color: var(--bad); background: var(--bad-box); }
.tag { font-weight: 600; } .warning .tag, td.warning { color: var(--warn); } .refused .tag, td.refused { color: var(--bad); }
section.subject { border: 1px solid var(--line); border-radius: 6px; padding: .9em 1em; margin: 1em 0; }
.crops { display: flex; flex-wrap: wrap; gap: 1em; margin-top: .7em; }
figure { margin: 0; }
.panels { display: flex; gap: 4px; }
.panel { position: relative; width: 128px; max-width: 28vw; }
.panel img { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated; background: #000; }
.panel i { position: absolute; top: 2px; font: 600 11px/1 system-ui, sans-serif; color: #fff; text-shadow: 0 0 2px #000, 0 0 2px #000; }
.panel i.r { left: 4px; } .panel i.l { right: 4px; }
.panel b { position: absolute; left: 4px; bottom: 3px; font: 600 10px/1 system-ui, sans-serif; color: #fff; text-shadow: 0 0 2px #000, 0 0 2px #000; }
figcaption { font-size: .84em; color: var(--faint); margin-top: .25em; }
details { margin-top: .6em; } summary { cursor: pointer; color: var(--faint); font-size: .9em; }
details td { white-space: normal; vertical-align: top; }
@media (max-width: 560px) { body { margin: 1em auto; padding: 0 .8em; } section.subject { padding: .7em; } }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } section.subject, figure, tr { break-inside: avoid; } }
)";

std::string anchor(std::size_t subject) { return text("subject-", subject + 1); }

int notes_only(const QcSubject& s) { return static_cast<int>(s.notes.size()) - s.warnings(); }

std::vector<std::size_t> worst_first(const std::vector<QcSubject>& subjects) {
  std::vector<std::size_t> order(subjects.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto key = [&](const QcSubject& s) { return std::tuple(s.refused.empty(), -s.warnings(), -notes_only(s)); };
    return key(subjects[a]) < key(subjects[b]);
  });
  return order;
}

std::string count_text(int n, const char* one, const char* many) { return text(n, " ", n == 1 ? one : many); }

std::string state_cell(const QcSubject& s) {
  if (!s.refused.empty()) return "<td class=\"left refused\">refused</td>";
  if (s.warnings() > 0) return text("<td class=\"left warning\">", count_text(s.warnings(), "warning", "warnings"), "</td>");
  if (!s.notes.empty()) return text("<td class=\"left\">", count_text(notes_only(s), "note", "notes"), "</td>");
  return "<td class=\"left\">nothing to note</td>";
}

std::string subject_table(const QcPage& page, const std::vector<std::size_t>& order) {
  std::string out =
      "<div class=\"wide\"><table>\n<tr><th class=\"left\">subject</th><th class=\"left\">class</th><th "
      "class=\"left\">state</th>";
  for (const std::string& m : page.measures) out += text("<th>", escaped(m), "</th>");
  out += "</tr>\n";
  for (const std::size_t i : order) {
    const QcSubject& s = page.subjects[i];
    out += text("<tr><td class=\"left\"><a href=\"#", anchor(i), "\">", escaped(s.id), "</a></td><td class=\"left\">",
                escaped(s.label), "</td>", state_cell(s));
    for (std::size_t m = 0; m < page.measures.size(); ++m)
      out += text("<td>", m < s.measures.size() ? escaped(s.measures[m]) : "", "</td>");
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string note_list(const QcSubject& s) {
  if (s.notes.empty()) return {};
  std::string out = "<ul class=\"notes\">\n";
  for (const bool warning : {true, false}) {
    for (const QcNote& n : s.notes) {
      if (n.warning != warning) continue;
      out +=
          text(warning ? "<li class=\"warning\"><span class=\"tag\">Warning:</span> " : "<li><span class=\"tag\">Note:</span> ",
               escaped(n.text), "</li>\n");
    }
  }
  return out + "</ul>\n";
}

std::string crop_figure(const QcCrop& crop) {
  std::string out = "<figure><div class=\"panels\">";
  for (const QcPanel& p : crop.panels) {
    out += text("<span class=\"panel\"><img alt=\"", escaped(p.name), ", ", escaped(crop.caption),
                "\" src=\"data:image/png;base64,", base64(p.png), "\"><i class=\"r\">R</i><i class=\"l\">L</i><b>",
                escaped(p.name), "</b></span>");
  }
  return out + text("</div><figcaption>", escaped(crop.caption), "</figcaption></figure>\n");
}

std::string crop_figures(const QcSubject& s, std::size_t& picture_bytes) {
  if (s.crops.empty()) return {};
  if (picture_bytes > kMostPictureBytes) return "<p class=\"small\">Its crops are in the folder previews.</p>\n";
  std::string out = "<div class=\"crops\">\n";
  for (const QcCrop& crop : s.crops) out += crop_figure(crop);
  picture_bytes += out.size();
  return out + "</div>\n";
}

std::string fact_table(const QcSubject& s) {
  if (s.facts.empty()) return {};
  std::string out = "<details><summary>files and steps</summary><div class=\"wide\"><table>\n";
  for (const QcFact& f : s.facts)
    out += text("<tr><td class=\"left\">", escaped(f.name), "</td><td class=\"left\">", escaped(f.value), "</td></tr>\n");
  return out + "</table></div></details>\n";
}

std::string refused_section(const QcPage& page, const std::vector<std::size_t>& order) {
  std::string out;
  for (const std::size_t i : order) {
    const QcSubject& s = page.subjects[i];
    if (s.refused.empty()) continue;
    out += text("<li class=\"refused\" id=\"", anchor(i), "\"><span class=\"tag\">", escaped(s.id),
                "</span> <span class=\"small\">", escaped(s.label), "</span><br>", escaped(s.refused), "</li>\n");
  }
  return out.empty() ? out : "<h2>Refused</h2>\n<ul class=\"notes\">\n" + out + "</ul>\n";
}

}  // namespace

int QcSubject::warnings() const {
  return static_cast<int>(std::count_if(notes.begin(), notes.end(), [](const QcNote& n) { return n.warning; }));
}

std::string qc_html(const QcPage& page) {
  const std::vector<std::size_t> order = worst_first(page.subjects);
  std::string out =
      text("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", escaped(page.title),
           "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<h1>", escaped(page.title), "</h1>\n");
  for (const std::string& line : page.lines) out += text("<p>", escaped(line), "</p>\n");
  out += refused_section(page, order);
  out += "<h2>Subjects</h2>\n" + subject_table(page, order);
  out +=
      "<p class=\"small\">Crops are axial: the patient's right lies at the left of the picture (R), the left at the right (L), "
      "the front at the "
      "top.</p>\n";
  std::size_t picture_bytes = 0;
  for (const std::size_t i : order) {
    const QcSubject& s = page.subjects[i];
    if (!s.refused.empty()) continue;
    out +=
        text("<section class=\"subject\" id=\"", anchor(i), "\">\n<h3>", escaped(s.id), " <span class=\"small\">",
             escaped(s.label), "</span></h3>\n", note_list(s), crop_figures(s, picture_bytes), fact_table(s), "</section>\n");
  }
  return out + "</body>\n</html>\n";
}

}  // namespace vitrine::report
