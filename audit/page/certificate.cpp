#include <algorithm>

#include "audit/page/page.h"
#include "audit/page/parts.h"
#include "audit/page/style.h"
#include "base/error.h"
#include "report/markup.h"

namespace vitrine::audit {
namespace {

using report::escaped;

std::string fact(const FoldReport& fold, const std::string& name) {
  for (const auto& [key, value] : fold.identities) {
    if (key == name) return value;
  }
  return "-";
}

std::string shared_facts(const FoldReport& fold) {
  return text("<dl>\n<dt>program</dt><dd>", escaped(fact(fold, "program name")), " ", escaped(fact(fold, "program version")),
              ", compiler ", escaped(fact(fold, "program compiler")), "<br><code>", escaped(fact(fold, "program sha256")),
              "</code></dd>\n<dt>computed on</dt><dd>", escaped(fact(fold, "machine device")), ", tier ",
              escaped(fact(fold, "machine tier")), ", instruction set ", escaped(fact(fold, "machine instruction_set")),
              ", processor ", escaped(fact(fold, "machine processor")), "</dd>\n<dt>level</dt><dd>",
              escaped(fact(fold, "level")), "</dd>\n</dl>\n");
}

std::string fold_facts(const FoldReport& fold) {
  const Verified& v = fold.verified;
  std::string out = text("<section class=\"fold\" aria-labelledby=\"", fold.name, "\">\n<h2 id=\"", fold.name, "\">",
                         escaped(fold.name), "</h2>\n<dl>\n");
  const auto row = [&](const char* name, const std::string& value) {
    out += text("<dt>", name, "</dt><dd><code>", value.empty() ? std::string("-") : escaped(value), "</code></dd>\n");
  };
  row("run.json", v.identity.sha256);
  row("data", v.identity.data);
  row(v.identity.is_prediction ? "weights" : "weights it began with", v.identity.weights);
  for (const char* listed : {"weights_file_sha256", "weights_files", "inputs"}) {
    if (const std::string value = fact(fold, listed); value != "-") row(listed, value);
  }
  row("head of the chain", v.head);
  row("MANIFEST.json", v.manifest_sha256);
  for (const FileRow& file : fold.files) {
    if (file.path.ends_with("best.safetensors")) row("best.safetensors", file.sha256);
  }
  return out + "</dl>\n</section>\n";
}

// A command and what it does, side by side.
std::string commands(const AuditPage& page) {
  std::string out;
  const auto line = [&](std::string command, const char* does) {
    command.resize(std::max<std::size_t>(command.size() + 2, 50), ' ');
    out += text(out.empty() ? "" : "\n", escaped(command), does);
  };
  const bool prediction = !page.folds.empty() && page.folds.front().verified.identity.is_prediction;
  line("vitrine audit verify RUN", "manifest, chain, blocks, lineage, tables");
  line("python3 scripts/verify.py RUN", "the same without Vitrine, in a hundred lines");
  for (const FoldReport& fold : page.folds)
    line(prediction ? std::string("sha256sum RUN/MANIFEST.json")
                    : text("sha256sum ", fold.run, "/audit/", fold.name.substr(fold.name.rfind('/') + 1), "/MANIFEST.json"),
         "the hash above");
  if (prediction || page.folds.empty() || page.folds.front().verified.steps == 0) return out;
  line(text("vitrine audit verify ", page.folds.front().run, " --steps ", steps_to_check(page)),
       "makes steps again, compares every hash");
  line(text("vitrine audit replay ", page.folds.front().run, " --step 0"), "one step, op by op, against float64");
  return out;
}

}  // namespace

std::string certificate_html(const AuditPage& page) {
  const std::string title = text("Certificate of the audit of ", page.run);
  std::string out =
      head_of_page(title, kCertificateStyle) + text("<main>\n<h1>", escaped(title), "</h1>\n", page_verdict(page));
  if (!page.folds.empty()) out += shared_facts(page.folds.front());
  for (const FoldReport& fold : page.folds) out += fold_facts(fold);
  out += text("<h2>How to check each of these</h2>\n<pre>", commands(page),
              "</pre>\n"
              "<p>RUN is the folder that this page was made of.</p>\n");
  out +=
      "<h2>What this does not say</h2>\n<ul>\n"
      "<li>Who trained anew with other data could write a folder that holds as well: compare the hashes with those that were "
      "published at the time.</li>\n"
      "<li>Values were compared with float64 where records say so, and nowhere else. Whether the data are right or the network "
      "is of use is not said.</li>\n"
      "<li>This page supports a review; it is no certification by anybody. Vitrine is not a medical "
      "device.</li>\n</ul>\n</main>\n</body>\n</html>\n";
  return out;
}

}  // namespace vitrine::audit
