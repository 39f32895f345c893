#include "report/qc.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"
#include "report/qc_order.h"
#include "report/qc_style.h"

namespace vitrine::report {
namespace {

std::string anchor(std::size_t subject) { return text("subject-", subject + 1); }

std::string count_text(int n, const char* one, const char* many) { return text(n, " ", n == 1 ? one : many); }

std::string value_text(const QcMeasure& m, double value) { return fixed(value, m.digits); }

// A relative path as an address: everything that has a meaning there is written as %XX.
std::string address(const std::string& path) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/",
                             kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != kPlain.npos) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

// Writes the page piece by piece.
class Writer {
 public:
  explicit Writer(const QcPage& page) : page_(page), order_(worst_first(page)) {}

  std::string page() {
    std::string out = text("<!DOCTYPE html>\n<html lang=\"en\">\n", qc_head(page_.title),
                           "<body>\n<a class=\"skip\" href=\"#pictures\">Skip to the pictures</a>\n<h1>", escaped(page_.title),
                           "</h1>\n<main>\n");
    std::string refused, cards;
    for (std::size_t n = 0; n < order_.subjects.size(); ++n) {
      const std::size_t i = order_.subjects[n];
      if (!page_.subjects[i].refused.empty()) {
        refused += refused_item(i);
      } else {
        cards += card(n);
      }
    }
    for (const std::string& line : page_.lines) out += text("<p>", escaped(line), "</p>\n");
    if (linked_ > 0)
      out += text("<p>", count_text(linked_, "picture stands", "pictures stand"),
                  " in files beside this page: keep them together.</p>\n");
    out +=
        "<p class=\"small keys\">The worst come first. <kbd>j</kbd> and <kbd>k</kbd> lead to the next and the previous "
        "subject.</p>\n";
    if (!refused.empty()) out += "<h2>Refused</h2>\n<ul class=\"notes\">\n" + refused + "</ul>\n";
    out += "<h2>Subjects</h2>\n" + subject_table();
    out +=
        "<h2 id=\"pictures\" tabindex=\"-1\">Pictures</h2>\n<p class=\"small\">Axial and coronal pictures are seen from the "
        "feet and "
        "from the front: the patient's right (R) lies at the left of the picture, the left (L) at the right. A anterior, P "
        "posterior, S "
        "superior, I inferior.</p>\n" +
        cards;
    return out + "</main>\n" + qc_script() + "</body>\n</html>\n";
  }

 private:
  const QcSubject& subject(std::size_t i) const { return page_.subjects[i]; }

  std::string state(std::size_t i, const char* element) const {
    const QcSubject& s = subject(i);
    const auto cell = [&](const char* kind, const std::string& what) {
      return text("<", element, " class=\"left state", kind, "\">", what, "</", element, ">");
    };
    if (!s.refused.empty()) return cell(" refused", "refused");
    std::string what;
    if (!order_.far[i].empty())
      what = text(count_text(static_cast<int>(order_.far[i].size()), "figure", "figures"), " out of range");
    if (s.warnings() > 0) what += text(what.empty() ? "" : ", ", count_text(s.warnings(), "warning", "warnings"));
    if (!what.empty()) return cell(" warning", what);
    if (!s.notes.empty()) return cell("", count_text(static_cast<int>(s.notes.size()), "note", "notes"));
    return cell("", "nothing to note");
  }

  std::optional<double> value(std::size_t i, std::size_t m) const {
    return m < subject(i).values.size() ? subject(i).values[m] : std::nullopt;
  }

  bool is_far(std::size_t i, std::size_t m) const {
    return std::any_of(order_.far[i].begin(), order_.far[i].end(), [m](const QcFar& f) { return f.measure == m; });
  }

  std::string subject_table() const {
    std::string out =
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"all subjects\"><table "
        "class=\"all-subjects\">\n<tr><th "
        "class=\"left\">subject</th><th class=\"left\">class</th><th class=\"left\">state</th>";
    for (const QcMeasure& m : page_.measures) {
      if (m.in_table) out += text("<th class=\"value\">", escaped(m.name), "</th>");
    }
    out += "</tr>\n";
    for (const std::size_t i : order_.subjects) {
      const QcSubject& s = subject(i);
      out += text("<tr><td class=\"left\"><a href=\"#", anchor(i), "\">", escaped(s.id), "</a></td><td class=\"left\">",
                  escaped(s.label), "</td>", state(i, "td"));
      for (std::size_t m = 0; m < page_.measures.size(); ++m) {
        if (!page_.measures[m].in_table) continue;
        const auto v = value(i, m);
        out += text("<td class=\"value", is_far(i, m) ? " warning" : "", "\">", v ? value_text(page_.measures[m], *v) : "",
                    "</td>");
      }
      out += "</tr>\n";
    }
    return out + "</table></div>\n";
  }

  std::string refused_item(std::size_t i) const {
    const QcSubject& s = subject(i);
    return text("<li class=\"refused subject\" id=\"", anchor(i), "\" tabindex=\"-1\"><span class=\"tag\">", escaped(s.id),
                "</span> <span class=\"small\">", escaped(s.label), "</span><br>", escaped(s.refused), "</li>\n");
  }

  // The card of the nth subject in order.
  std::string card(std::size_t n) {
    const std::size_t i = order_.subjects[n];
    const QcSubject& s = subject(i);
    std::string links;
    if (n > 0) links += text("<a href=\"#", anchor(order_.subjects[n - 1]), "\">previous</a>");
    if (n + 1 < order_.subjects.size()) links += text("<a href=\"#", anchor(order_.subjects[n + 1]), "\">next</a>");
    return text("<section class=\"subject\" id=\"", anchor(i), "\" tabindex=\"-1\" aria-labelledby=\"", anchor(i),
                "-name\">\n<header><h3 id=\"", anchor(i), "-name\">", escaped(s.id), " <span class=\"small\">",
                escaped(s.label), "</span></h3>", state(i, "span"), "<nav aria-label=\"from ", escaped(s.id), "\">", links,
                "</nav></header>\n", note_list(i), figures(i), pictures(s), crops(s), all_figures(i), fact_table(s),
                "</section>\n");
  }

  // What a figure is compared with.
  std::string range_text(std::size_t m) const {
    const auto& range = order_.ranges[m];
    return range ? text("median ", value_text(page_.measures[m], range->median)) : std::string();
  }

  std::string note_list(std::size_t i) const {
    const QcSubject& s = subject(i);
    std::string out;
    if (!order_.far[i].empty()) {
      std::string list;
      for (const QcFar& f : order_.far[i])
        list += text(list.empty() ? "" : "; ", escaped(page_.measures[f.measure].name), " ",
                     value_text(page_.measures[f.measure], *value(i, f.measure)), " (", range_text(f.measure), ", ",
                     fixed(f.deviations, 1), " deviations away)");
      out += text("<li class=\"warning far\"><span class=\"tag\">Out of the cohort's range:</span> ", list, "</li>\n");
    }
    for (const bool warning : {true, false}) {
      for (const QcNote& n : s.notes) {
        if (n.warning != warning) continue;
        out += text(
            warning ? "<li class=\"warning\"><span class=\"tag\">Warning:</span> " : "<li><span class=\"tag\">Note:</span> ",
            escaped(n.text), "</li>\n");
      }
    }
    return out.empty() ? out : "<ul class=\"notes\">\n" + out + "</ul>\n";
  }

  std::string figures(std::size_t i) const {
    std::string out;
    for (std::size_t m = 0; m < page_.measures.size(); ++m) {
      const auto v = value(i, m);
      const bool far = is_far(i, m);
      if (!v || !(page_.measures[m].in_card || far)) continue;
      out += text("<div", far ? " class=\"far\"" : "", "><dt>", escaped(page_.measures[m].name), "</dt><dd>",
                  value_text(page_.measures[m], *v), " <span>", range_text(m), "</span></dd></div>\n");
    }
    return out.empty() ? out : "<dl class=\"figures\">\n" + out + "</dl>\n";
  }

  std::string all_figures(std::size_t i) const {
    std::string out;
    for (std::size_t m = 0; m < page_.measures.size(); ++m) {
      const auto v = value(i, m);
      if (!v) continue;
      const auto& range = order_.ranges[m];
      out += text("<tr><td class=\"left\">", escaped(page_.measures[m].name), "</td><td",
                  is_far(i, m) ? " class=\"warning\"" : "", ">", value_text(page_.measures[m], *v), "</td><td>",
                  range ? value_text(page_.measures[m], range->median) : "", "</td></tr>\n");
    }
    if (out.empty()) return out;
    return "<details><summary>all figures</summary><div class=\"wide\"><table>\n<tr><th "
           "class=\"left\">figure</th><th>value</th><th>"
           "cohort's median</th></tr>\n" +
           out + "</table></div></details>\n";
  }

  bool is_embedded(std::size_t bytes) {
    const std::size_t written = 4 * (bytes + 2) / 3;  // base64
    if (bytes == 0 || embedded_ + written > page_.most_embedded) return false;
    embedded_ += written;
    return true;
  }

  std::string pictures(const QcSubject& s) {
    std::string out;
    for (const QcPicture& p : s.pictures) {
      const bool embedded = is_embedded(p.png.size());
      if (!embedded && p.file.empty()) {
        out += text("<p class=\"small\">Not shown here: ", escaped(p.caption), ".</p>\n");
        continue;
      }
      linked_ += embedded ? 0 : 1;
      out += text("<figure><img alt=\"", escaped(p.caption), "\" width=\"", p.width, "\" height=\"", p.height, "\" ",
                  embedded ? text("decoding=\"async\" src=\"data:image/png;base64,", base64(p.png), "\"")
                           : text("loading=\"lazy\" src=\"", address(p.file), "\""),
                  "><figcaption>", escaped(p.caption), "</figcaption></figure>\n");
    }
    return out.empty() ? out : "<div class=\"pictures\">\n" + out + "</div>\n";
  }

  std::string crop_figure(const QcCrop& crop) {
    std::size_t bytes = 0;
    for (const QcPanel& p : crop.panels) bytes += p.png.size();
    const std::string caption = text("<figcaption>", escaped(crop.caption), "</figcaption></figure>\n");
    if (is_embedded(bytes)) {
      std::string out = "<figure><div class=\"panels\">";
      for (const QcPanel& p : crop.panels) {
        out += text("<span class=\"panel\"><img alt=\"", escaped(p.name), ", ", escaped(crop.caption),
                    "\" src=\"data:image/png;base64,", base64(p.png), "\"><i class=\"r\">R</i><i class=\"l\">L</i><b>",
                    escaped(p.name), "</b></span>");
      }
      return out + "</div>" + caption;
    }
    if (crop.file.empty()) return {};
    ++linked_;
    return text("<figure><img class=\"strip\" alt=\"crop, ", escaped(crop.caption), "\" loading=\"lazy\" src=\"",
                address(crop.file), "\">", caption);
  }

  std::string crops(const QcSubject& s) {
    if (s.crops.empty()) return {};
    std::string out;
    for (const QcCrop& crop : s.crops) out += crop_figure(crop);
    if (out.empty()) return "<p class=\"small\">Its crops are in the folder previews.</p>\n";
    return "<h4>Crops, as the network sees them</h4>\n<div class=\"crops\">\n" + out + "</div>\n";
  }

  static std::string fact_table(const QcSubject& s) {
    if (s.facts.empty()) return {};
    std::string out = "<details><summary>files and steps</summary><div class=\"wide\"><table>\n";
    for (const QcFact& f : s.facts)
      out += text("<tr><td class=\"left\">", escaped(f.name), "</td><td class=\"left\">", escaped(f.value), "</td></tr>\n");
    return out + "</table></div></details>\n";
  }

  const QcPage& page_;
  QcOrder order_;
  std::size_t embedded_ = 0;  // bytes of the page
  int linked_ = 0;            // pictures in files
};

}  // namespace

int QcSubject::warnings() const {
  return static_cast<int>(std::count_if(notes.begin(), notes.end(), [](const QcNote& n) { return n.warning; }));
}

std::string qc_html(const QcPage& page) { return Writer(page).page(); }

}  // namespace vitrine::report
