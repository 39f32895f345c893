#include <algorithm>

#include "audit/page/chart.h"
#include "audit/page/parts.h"
#include "base/error.h"
#include "report/markup.h"
#include "report/section.h"
#include "report/table.h"

namespace vitrine::audit {
namespace {

using report::escaped;

std::string code(const std::string& what) { return "<code>" + escaped(what) + "</code>"; }

std::string list_of(const Facts& facts) {
  std::string out = "<dl>\n";
  for (const auto& [name, value] : facts)
    out += text("<dt>", escaped(name), "</dt><dd>",
                value.size() >= 32 ? code(value)
                : value.empty()    ? std::string("-")
                                   : escaped(value),
                "</dd>\n");
  return out + "</dl>\n";
}

std::string state_of(const FoldReport& fold) {
  if (fold.verified.finished && !fold.holds()) return "it has a manifest: the fold was finished before it was changed";
  if (!fold.holds()) return "there is no manifest";
  return fold.verified.finished ? std::string("the fold is finished and sealed by its manifest")
                                : std::string("there is no manifest: the fold is still being trained, or was stopped");
}

}  // namespace

bool AuditPage::holds() const { return std::ranges::all_of(folds, &FoldReport::holds); }
bool AuditPage::within() const { return std::ranges::all_of(folds, &FoldReport::within); }
bool AuditPage::remade() const {
  return std::ranges::all_of(folds, [](const FoldReport& f) { return std::ranges::all_of(f.remade, &Remade::same); });
}

std::string fold_option(const AuditPage& page, const FoldReport& fold) {
  return page.folds.size() > 1 ? text(" --fold ", fold.verified.identity.fold) : std::string();
}

std::string steps_to_check(const AuditPage& page) {
  const std::uint64_t steps = page.folds.empty() ? 0 : page.folds.front().verified.steps;
  return text("0..", std::min<std::uint64_t>(10, std::max<std::uint64_t>(steps, 1)) - 1);
}

std::string section(const FoldReport& fold, const char* id, const char* heading, const std::string& content) {
  return report::html_of({fold.name + "-" + id, heading, content});
}

std::string fold_verdict(const FoldReport& fold) {
  const Verified& v = fold.verified;
  std::string out =
      fold.holds() ? text("holds: ", v.steps, v.steps == 1 ? " step" : " steps")
      : fold.broken_at
          ? text("BROKEN at step ", *fold.broken_at, "; ", v.steps, v.steps == 1 ? " step" : " steps", " before it held")
          : text("BROKEN: the files of the audit or of its fold are not those that were written; the chain of ", v.steps,
                 " steps holds");
  if (v.identity.sha256.empty()) return "BROKEN: there is no run.json that can be read";
  if (v.shadowed > 0) {
    out += text("; of ", v.shadowed, " records that were compared with float64 ", v.above == 0 ? "none" : text(v.above),
                v.above == 1 ? " lies" : " lie", " above the bound of ", v.above == 1 ? "its" : "their", " op (worst rho ",
                rho_text(v.worst_rho), ")");
    if (v.above == 0) {
      const std::size_t at = out.find("none lie ");
      out.replace(at, 9, "none lies ");
      out.replace(out.find("of their op"), 11, "of its op");
    }
  } else {
    out += "; no record was compared with float64";
  }
  return out + "; " + state_of(fold);
}

std::string page_verdict(const AuditPage& page) {
  const bool good = page.holds() && page.within() && page.remade();
  std::string said = !page.holds()    ? "Broken: what is here is not what was written."
                     : !page.within() ? "Holds, and has values above their bound: something computed wrong."
                     : !page.remade() ? "Holds, but a step that was made again is another one."
                                      : "Holds, and no value that was compared lies above its bound.";
  const auto unfinished = std::ranges::count_if(page.folds, [](const FoldReport& f) { return !f.verified.finished; });
  if (unfinished > 0)
    said += text(" ", unfinished, " of ", report::counted(static_cast<int>(page.folds.size()), "fold"),
                 unfinished == 1 ? " is" : " are", " not finished.");
  std::string out =
      text("<div class=\"verdict", good ? "" : " bad", "\" role=\"status\">\n<p><b>", good ? "✓ " : "✗ ", said, "</b></p>\n");
  for (const FoldReport& fold : page.folds) {
    out += text("<p><a href=\"#", fold.name, "\">", escaped(fold.name), "</a> ", escaped(fold_verdict(fold)), ".</p>\n");
    for (const std::string& what : fold.broken) out += text("<p class=\"small\">", escaped(what), ".</p>\n");
  }
  return out + "</div>\n";
}

std::string identity_part(const AuditPage& page, const FoldReport& fold) {
  const Verified& v = fold.verified;
  if (v.identity.sha256.empty()) return {};
  Facts facts = fold.identities;
  facts.emplace_back("SHA-256 of run.json", v.identity.sha256);
  facts.emplace_back(fold.holds() ? "head of the chain" : "head of the part of the chain that holds", v.head);
  facts.emplace_back("SHA-256 of MANIFEST.json",
                     v.manifest_sha256.empty() ? (v.finished ? "it does not hold" : "not written yet") : v.manifest_sha256);
  std::string out = list_of(facts);
  std::string notes;
  for (const std::string& remark : v.remarks) notes += text("<li>", escaped(remark), ".</li>\n");
  if (!notes.empty()) out += "<h4>Noted</h4>\n<ul>\n" + notes + "</ul>\n";
  if (&fold != &page.folds.front() && fold.options == page.folds.front().options)
    return section(fold, "identity", "Identities",
                   out + text("<p class=\"small\">Options: those of ", escaped(page.folds.front().name), ".</p>\n"));
  std::string options;
  for (const auto& [name, value] : fold.options)
    options += text(options.empty() ? "" : ", ", escaped(name), " ", value.empty() ? "-" : escaped(value));
  return section(fold, "identity", "Identities",
                 out + "<h4>Options that decide a result</h4>\n<p class=\"small\">" + options + "</p>\n");
}

std::string files_part(const FoldReport& fold) {
  const Verified& v = fold.verified;
  if (fold.files.empty()) return {};
  report::Table table(v.finished ? "Files that the manifest seals" : "Files so far; no manifest seals them yet",
                      {{"file", true}, {"bytes"}, {"SHA-256", true}});
  for (const FileRow& f : fold.files)
    table.row({escaped(f.path), text(f.bytes), f.sha256.empty() ? std::string("-") : code(f.sha256)});
  std::string refused;
  for (const std::string& what : fold.broken) refused += text("<li>", escaped(what), ".</li>\n");
  if (!refused.empty()) refused = "<p><b>Refused:</b></p>\n<ul>\n" + refused + "</ul>\n";
  return section(fold, "files", "Chain and files",
                 refused +
                     text("<p>", v.steps, " lines of the chain, ", v.blocks, " blocks of the trace and ", fold.lineage.lines,
                          " lines of the lineage ", fold.holds() ? "hold together" : "held together before that",
                          ": each line has the SHA-256 of the one before, "
                          "each block the seal of the one before, and the chain names both.</p>\n") +
                     table.html() + report::source_line("steps.jsonl, trace.vtr, lineage.jsonl, MANIFEST.json", "files.csv"));
}

std::string remade_part(const AuditPage& page, const FoldReport& fold) {
  const std::string command = text("vitrine audit verify ", escaped(fold.run), fold_option(page, fold), " --steps 0..",
                                   fold.verified.steps > 0 ? fold.verified.steps - 1 : 0);
  if (fold.remade.empty())
    return section(fold, "remade", "Steps made again",
                   text("<p>No step was made again for this page: <code>vitrine audit report RUN --remake 5 -o "
                        "audit.html</code> does so for five that are "
                        "spread over the run, ",
                        code(command), " for all of them.</p>\n"));
  report::Table table("Steps made again from the run’s own files", {{"step"}, {"records compared"}, {"result", true}});
  for (const Remade& r : fold.remade)
    table.row(
        {text(r.step), r.same ? text(r.records) : std::string("-"),
         r.same ? std::string("✓ every hash of its line and every byte of its records is the same") : "✗ " + escaped(r.said)});
  return section(fold, "remade", "Steps made again",
                 text("<p>On ", escaped(fold.remade_on), ", from the nearest state that was kept.</p>\n") + table.html() +
                     text("<p class=\"small\">All of them: ", code(command), "</p>\n"));
}

std::string promises_part(const AuditPage& page) {
  const bool portable = std::ranges::all_of(page.folds, [](const FoldReport& f) {
    return std::ranges::any_of(f.identities,
                               [](const auto& fact) { return fact.first == "machine tier" && fact.second == "portable"; });
  });
  const std::string promise =
      portable
          ? "This run was computed in the portable tier. Promised there: the same bits on any number of threads, any "
            "instruction set of the CPU and on the "
            "CUDA back end, so that every file of the audit but run.json, which names the machine, is the same byte for byte."
          : "This run was not computed in the portable tier. Promised are the same bits on the same kind of device with the "
            "same libraries, no more.";
  const std::string again =
      text(" vitrine audit verify ", page.folds.empty() ? std::string("RUN") : escaped(page.folds.front().run), " --steps ",
           steps_to_check(page), "\n");
  return text(
      "<section aria-labelledby=\"promises\">\n<h2 id=\"promises\">Evidence that the run can be repeated</h2>\n<p>", promise,
      " The page shows of it only the steps that were made again above; these commands show the rest, each by comparing every "
      "hash:</p>\n<pre>",
      "VITRINE_THREADS=1", again, "VITRINE_THREADS=4", again, "VITRINE_SIMD=scalar", again,
      "vitrine audit bisect RUN OTHER_RUN</pre>\n",
      "<p class=\"small\">RUN is the folder that this page was made of.</p>\n</section>\n");
}

std::string limits_part() {
  return "<section aria-labelledby=\"limits\">\n<h2 id=\"limits\">What this does not show</h2>\n<ul>\n"
         "<li>Accidents, bit rot, faults of a machine and later edits by anyone who cannot train anew are found. An owner who "
         "trains anew with other "
         "data can write a folder that holds as well: whoever wants to be sure publishes the head of the chain or the SHA-256 "
         "of the manifest at the time.</li>\n"
         "<li>rho is the difference from float64 as a share of the op’s a-priori bound, for the elements that were compared "
         "and for no others; at level "
         "summary a step has records of one op in 32. A rho of at most 1 says that the op computed what it is defined to "
         "compute, not that the network is any good.</li>\n"
         "<li>Inner values of fused ops are computed again for the record, or shown by their node; records say which.</li>\n"
         "<li>Nothing here says whether the crops are right, whom they are of, or whether the network may be used on anyone. "
         "The page names samples by "
         "their ids only.</li>\n"
         "<li>The page supports a review of the run. It is no certification; Vitrine is not a medical "
         "device.</li>\n</ul>\n</section>\n";
}

}  // namespace vitrine::audit
