#include <algorithm>
#include <map>

#include "audit/page/chart.h"
#include "audit/page/parts.h"
#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"
#include "report/section.h"
#include "report/table.h"

namespace vitrine::audit {
namespace {

using report::escaped;

std::string lambda_figure(const LineageFigures& l) {
  constexpr double kWidth = 360, kHeight = 130, kLeft = 8, kTop = 24, kBottom = 104;
  const std::uint64_t most = std::max<std::uint64_t>(1, *std::ranges::max_element(l.lambda));
  std::string bars, spoken;
  const double wide = (kWidth - 2 * kLeft) / static_cast<double>(l.lambda.size());
  for (std::size_t i = 0; i < l.lambda.size(); ++i) {
    const double high = (kBottom - kTop) * static_cast<double>(l.lambda[i]) / static_cast<double>(most);
    bars += text("<rect x=\"", fixed(kLeft + wide * static_cast<double>(i) + 0.5, 1), "\" y=\"", fixed(kBottom - high, 1),
                 "\" width=\"", fixed(wide - 1, 1), "\" height=\"", fixed(high, 1), "\"/>");
    spoken += text(i > 0 ? ", " : "", l.lambda[i]);
  }
  std::string ticks;
  for (const auto& [place, what, anchor] :
       {std::tuple{0.0, "0", "start"}, std::tuple{0.5, "0.5", "middle"}, std::tuple{1.0, "1", "end"}})
    ticks += text("<text class=\"tick\" x=\"", fixed(kLeft + place * (kWidth - 2 * kLeft), 1), "\" y=\"",
                  fixed(kBottom + 15, 1), "\" text-anchor=\"", anchor, "\">", what, "</text>\n");
  return text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", fixed(kWidth, 0), " ", fixed(kHeight, 0),
              "\" role=\"img\" aria-label=\"Histogram of the share of the first sample, from 0 to 1 in ", l.lambda.size(),
              " bins: ", spoken,
              "\">\n<text class=\"title\" x=\"2\" y=\"15\">Mixup: share of the first sample</text>\n<g class=\"bars\">", bars,
              "</g>\n", ticks, "</svg>\n");
}

struct ClassFigures {
  std::uint64_t samples = 0, uses = 0, partners = 0, fewest = ~std::uint64_t{0}, most = 0;
};

}  // namespace

std::string lineage_part(const FoldReport& fold) {
  const LineageFigures& l = fold.lineage;
  if (l.lines == 0) return {};
  std::map<std::string, ClassFigures> classes;
  ClassFigures all;
  for (const auto& [id, use] : l.samples) {
    for (ClassFigures* f : {&classes[use.label], &all}) {
      ++f->samples;
      f->uses += use.uses;
      f->partners += use.as_partner;
      f->fewest = std::min(f->fewest, use.uses);
      f->most = std::max(f->most, use.uses);
    }
  }
  report::Table table(
      "Samples of the training part and how often they were used",
      {{"class", true}, {"samples"}, {"uses"}, {"uses per sample"}, {"fewest"}, {"most"}, {"as mixup partner"}});
  const auto row = [&](const std::string& name, const ClassFigures& f, const char* kind) {
    table.row({name, text(f.samples), text(f.uses), number_of(static_cast<double>(f.uses) / static_cast<double>(f.samples)),
               text(f.fewest), text(f.most), text(f.partners)},
              kind);
  };
  for (const auto& [name, f] : classes) row(name.empty() ? "not known" : escaped(name), f, "");
  row("all", all, "total");
  std::string out =
      text("<p>", l.lines, " uses of ", all.samples, " samples in ", fold.verified.steps,
           " steps. Where a class has more uses per sample than another, its samples were repeated (oversampling).</p>\n");
  if (!l.labels_note.empty()) out += text("<p class=\"note\">", escaped(l.labels_note), "</p>\n");
  if (l.unread > 0)
    out += text("<p class=\"note\">", l.unread,
                " lines of lineage.jsonl are none of the format, or beyond a million samples; they are not counted.</p>\n");
  out += table.html();
  if (l.mixed > 0)
    out += "<div class=\"panels\">\n<figure>\n" + lambda_figure(l) +
           text("<figcaption>", l.mixed,
                " mixes. A share of 1 leaves the sample as it is; its partner is not counted "
                "then.</figcaption>\n</figure>\n</div>\n");
  return section(fold, "lineage", "Which samples were used",
                 out + report::source_line("lineage.jsonl, the run’s manifest of crops", "samples.csv, mixup.csv"));
}

}  // namespace vitrine::audit
