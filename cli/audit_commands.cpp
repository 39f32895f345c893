// `vitrine audit`: every number compared.
#include <cstdio>

#include "audit/parity.h"
#include "base/error.h"
#include "base/json.h"
#include "base/number.h"
#include "cli/commands.h"

namespace vitrine::cli {
namespace {

std::string scientific(double v) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.2e", v);
  return digits;
}

void print_row(const ParityRow& row) {
  std::printf("%-10s  %-48s  %9s  %9s  %9s  %8s%s\n", row.group.c_str(), row.name.c_str(), scientific(row.error).c_str(),
              row.peer ? scientific(*row.peer).c_str() : "-", scientific(row.limit).c_str(), fixed(row.ratio(), 3).c_str(),
              row.within() ? "" : "  ABOVE ITS LIMIT");
}

}  // namespace

void run_audit_parity(const AuditParityCommand& c) {
  Json json = Json::object();
  json["rows"] = Json::array();
  const std::vector<ParityRow> rows = run_parity(c.folder, [&](const ParityRow& row) {
    if (!c.json && json["rows"].empty())
      std::printf("%-10s  %-48s  %9s  %9s  %9s  %8s\n", "group", "case", "error", "peer", "limit", "ratio");
    if (!c.json) print_row(row);
    json["rows"].push_back({{"group", row.group},
                            {"name", row.name},
                            {"error", row.error},
                            {"peer", row.peer ? Json(*row.peer) : Json()},
                            {"limit", row.limit},
                            {"ratio", row.ratio()},
                            {"within", row.within()}});
  });
  const ParitySummary s = summarize(rows);
  const std::string summary = text(s.cases, " cases, ", s.within, " within their limits; ", s.models, " models: median ratio ",
                                   fixed(s.median_model_ratio, 3), ", largest ", fixed(s.largest_model_ratio, 3));
  if (c.json) {
    json["summary"] = summary;
    json["holds"] = s.holds;
    std::printf("%s", json_text(json).c_str());
  } else {
    std::printf("%s\n", summary.c_str());
  }
  if (!s.holds) throw Error(ExitCode::runtime, text(c.folder, ": parity does not hold: ", summary));
}

}  // namespace vitrine::cli
