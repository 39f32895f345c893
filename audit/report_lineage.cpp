#include <algorithm>

#include "audit/report_gather.h"
#include "base/error.h"
#include "base/number.h"
#include "data/manifest.h"
#include "train/run_source.h"

namespace vitrine::audit {
namespace {

constexpr std::size_t kMostSamples = 1'000'000;

// What stands behind `key` up to `end`; empty where it is not there. The lines are this program's own and sealed by the chain: no key stands in
// a name (base/names.h), so that no parser is needed for each of a million lines.
std::string_view after(std::string_view line, std::string_view key, std::string_view ends) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + key.size());
  const std::size_t end = rest.find_first_of(ends);
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

void take_line(std::string_view line, LineageFigures& figures) {
  ++figures.lines;
  const std::string sample(after(line, "\"sample\":\"", "\"")), sha256(after(line, "\"sha256\":\"", "\""));
  if (sample.empty() || sha256.empty() || figures.samples.size() >= kMostSamples) {
    ++figures.unread;
    return;
  }
  SampleUse& use = figures.samples[sample];
  use.sha256 = sha256;
  ++use.uses;
  const std::string partner(after(line, "\"partner\":\"", "\""));
  if (partner.empty()) return;
  double lambda = 0;
  if (!parse_number(after(line, "\"lambda\":", ",}"), lambda) || !(lambda >= 0 && lambda <= 1)) {
    ++figures.unread;
    return;
  }
  ++figures.mixed;
  if (lambda < 1) ++figures.samples[partner].as_partner;
  ++figures.lambda[std::min(figures.lambda.size() - 1,
                            static_cast<std::size_t>(lambda * static_cast<double>(figures.lambda.size())))];
}

}  // namespace

void take_lineage(std::string_view lines, LineageFigures& figures) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    take_line(lines.substr(0, end), figures);
    lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
  }
}

void add_labels(const std::filesystem::path& run, LineageFigures& figures) {
  try {
    const Manifest manifest = read_manifest(read_source(run).manifest);
    std::uint64_t others = 0, found = 0;
    for (const Sample& sample : manifest.samples) {
      const auto use = figures.samples.find(sample.sample_id);
      if (use == figures.samples.end()) continue;
      ++found;
      use->second.label = sample.label;
      if (!use->second.sha256.empty() && use->second.sha256 != sample.sha256) ++others;
    }
    if (others > 0) {
      figures.labels_note =
          text("The manifest names another SHA-256 for ", others, " of these samples: it was changed after the run.");
    } else if (found < figures.samples.size()) {
      figures.labels_note =
          text("The manifest lacks ", figures.samples.size() - found, " of these samples: their class is not known.");
    }
  } catch (const Interrupted&) {
    throw;
  } catch (const Error&) {
    figures.labels_note = "The run's manifest of crops cannot be read from here: classes are not known.";
  }
}

}  // namespace vitrine::audit
