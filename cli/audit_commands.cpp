// `vitrine audit`: every number compared.
#include <cstdio>
#include <memory>

#include "audit/parity.h"
#include "base/error.h"
#include "base/json.h"
#include "base/number.h"
#include "cli/audit_lineage.h"
#include "cli/command.h"
#include "cli/commands.h"

namespace vitrine::cli {

void add_audit_explain(Command audit, Chosen& chosen);    // cli/explain_op.cpp
void add_audit_graph(Command audit, Chosen& chosen);      // cli/audit_graph.cpp
void add_audit_stability(Command audit, Chosen& chosen);  // cli/audit_stability.cpp

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

struct AuditParityCommand {
  std::string folder;
  bool json = false;
};

// Error with exit code 1 when parity does not hold.
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

}  // namespace

void add_audit(Command app, Chosen& chosen) {
  const auto parity = std::make_shared<AuditParityCommand>();
  const auto audit = app.add_subcommand("audit", "check the numbers of this build");
  audit.require_subcommand();
  const auto p = audit.add_subcommand("parity", "every case of a reference folder against its float64 truth");
  p.add_option("folder", parity->folder, "folder with models/, ops/, training/, checkpoints/, metrics.json, schedules.json")
      .required();
  p.add_flag("--json", parity->json, "as JSON");
  p.footer("Exit code 0: every case is within its limit; 1: not.\nExample: vitrine audit parity tests/golden");
  p.callback([=, &chosen] { chosen = [=] { run_audit_parity(*parity); }; });
  add_audit_run(audit, chosen);
  add_audit_lineage(audit, chosen);
  add_audit_explain(audit, chosen);
  add_audit_graph(audit, chosen);
  add_audit_stability(audit, chosen);
  add_audit_report(audit, chosen);
}

}  // namespace vitrine::cli
