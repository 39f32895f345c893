#include "audit/page/chart.h"
#include "audit/page/page.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/number.h"
#include "tensor/tensor_hash.h"

namespace vitrine::audit {
namespace {

using Cells = std::vector<std::string>;

std::string files_csv(const FoldReport& f) {
  std::string out;
  for (const FileRow& file : f.files) out += csv_line({f.name, file.path, text(file.bytes), file.sha256});
  return out;
}

std::string identities_csv(const FoldReport& f) {
  std::string out;
  for (const auto& [name, value] : f.identities) out += csv_line({f.name, name, value});
  for (const auto& [name, value] : f.options) out += csv_line({f.name, "option " + name, value});
  out += csv_line({f.name, "chain head", f.verified.head}) + csv_line({f.name, "manifest sha256", f.verified.manifest_sha256});
  return out;
}

std::string steps_csv(const FoldReport& f) {
  std::string out;
  for (std::size_t c = 0; c < f.steps.size(); ++c) {
    const StepFigures& s = f.steps[c];
    if (s.steps == 0) continue;
    out += csv_line({f.name, text(f.columns.first(c)), text(f.columns.last(c)), text(s.epoch), shortest(s.mean_loss()),
                     shortest(s.loss_low), shortest(s.loss_high), shortest(s.lr), text(s.records), text(s.compared),
                     text(s.above), s.compared > 0 ? shortest(s.worst_rho) : ""});
  }
  return out;
}

std::string map_csv(const FoldReport& f) {
  std::string out;
  for (const OpRow& row : f.ops) {
    for (std::size_t phase = 0; phase < row.cells.size(); ++phase) {
      for (std::size_t c = 0; c < row.cells[phase].size(); ++c) {
        const RhoCell& cell = row.cells[phase][c];
        if (cell.records == 0) continue;
        out += csv_line({f.name, row.node, phase == 0 ? "forward" : "backward", text(f.columns.first(c)),
                         text(f.columns.last(c)), text(cell.records), text(cell.compared), text(cell.above),
                         cell.compared > 0 ? shortest(cell.worst) : ""});
      }
    }
  }
  return out;
}

std::string kinds_csv(const FoldReport& f) {
  std::string out;
  for (const KindRow& k : f.kinds) {
    const RhoFigures& r = k.figures;
    out += csv_line({f.name, k.kind, std::string(phase_name(k.phase)), text(r.tensors), text(r.records), text(r.compared),
                     text(r.elements), text(r.above), r.compared > 0 ? shortest(r.medians.median()) : "",
                     r.compared > 0 ? shortest(r.worst) : ""});
  }
  return out;
}

std::string worst_csv(const FoldReport& f) {
  std::string out;
  for (const WorstRecord& w : f.worst) {
    const OpRecord& r = w.record;
    out +=
        csv_line({f.name, text(r.step), w.node, std::string(phase_name(r.phase)), w.tensor, text(r.worst_element),
                  text(r.samples), shortest(r.worst_rho), shortest(r.median_rho), shortest(r.worst_error), hex(r.facts.hash)});
  }
  return out;
}

std::string ranges_csv(const FoldReport& f) {
  std::string out;
  for (std::size_t phase = 0; phase < f.ranges.size(); ++phase) {
    for (std::size_t c = 0; c < f.ranges[phase].size(); ++c) {
      const RangeFigures& r = f.ranges[phase][c];
      if (r.records == 0) continue;
      out += csv_line({f.name, std::string(phase_name(static_cast<Phase>(phase))), text(f.columns.first(c)),
                       text(f.columns.last(c)), text(r.records), text(r.elements), shortest(r.low), shortest(r.high),
                       text(r.nans), text(r.infinities), text(r.subnormals), text(r.zeros)});
    }
  }
  return out;
}

std::string zeros_csv(const FoldReport& f) {
  std::string out;
  for (const ZeroRow& z : f.zeros) {
    for (std::size_t c = 0; c < z.share.size(); ++c) {
      if (z.share[c] >= 0)
        out += csv_line({f.name, z.node, z.tensor, text(f.columns.first(c)), text(f.columns.last(c)), shortest(z.share[c])});
    }
  }
  return out;
}

std::string gradients_csv(const FoldReport& f) {
  std::string out;
  for (const GradientRow& g : f.gradients) {
    for (std::size_t c = 0; c < g.norm.size(); ++c) {
      if (!(g.norm[c] < 0))
        out += csv_line({f.name, g.place, g.parameter, text(f.columns.first(c)), text(f.columns.last(c)), shortest(g.norm[c])});
    }
  }
  return out;
}

std::string samples_csv(const FoldReport& f) {
  std::string out;
  for (const auto& [id, use] : f.lineage.samples)
    out += csv_line({f.name, id, use.label, use.sha256, text(use.uses), text(use.as_partner)});
  return out;
}

std::string mixup_csv(const FoldReport& f) {
  std::string out;
  const auto bins = static_cast<double>(f.lineage.lambda.size());
  for (std::size_t i = 0; i < f.lineage.lambda.size(); ++i)
    out += csv_line({f.name, fixed(static_cast<double>(i) / bins, 2), fixed(static_cast<double>(i + 1) / bins, 2),
                     text(f.lineage.lambda[i])});
  return out;
}

std::string remade_csv(const FoldReport& f) {
  std::string out;
  for (const Remade& r : f.remade)
    out += csv_line({f.name, text(r.step), r.same ? "same" : "different", text(r.records), r.said});
  return out;
}

struct TableKind {
  const char* name;
  Cells header;
  std::string (*rows)(const FoldReport&);
};

const std::vector<TableKind>& kinds() {
  static const std::vector<TableKind> all{
      {"identities.csv", {"fold", "name", "value"}, identities_csv},
      {"files.csv", {"fold", "path", "bytes", "sha256"}, files_csv},
      {"steps.csv",
       {"fold", "first_step", "last_step", "epoch", "loss", "loss_low", "loss_high", "lr", "records", "compared", "above",
        "worst_rho"},
       steps_csv},
      {"rho_map.csv", {"fold", "op", "phase", "first_step", "last_step", "records", "compared", "above", "worst_rho"}, map_csv},
      {"op_kinds.csv",
       {"fold", "op", "phase", "tensors", "records", "compared", "elements", "above", "median_rho", "worst_rho"},
       kinds_csv},
      {"worst.csv",
       {"fold", "step", "op", "phase", "tensor", "element", "elements_compared", "worst_rho", "median_rho", "worst_error",
        "hash"},
       worst_csv},
      {"ranges.csv",
       {"fold", "phase", "first_step", "last_step", "records", "elements", "smallest", "largest", "nan", "infinite",
        "subnormal", "zero"},
       ranges_csv},
      {"zeros.csv", {"fold", "op", "tensor", "first_step", "last_step", "share"}, zeros_csv},
      {"gradients.csv", {"fold", "place", "parameter", "first_step", "last_step", "norm"}, gradients_csv},
      {"samples.csv", {"fold", "sample", "class", "sha256", "uses", "as_partner"}, samples_csv},
      {"mixup.csv", {"fold", "lambda_from", "lambda_to", "mixes"}, mixup_csv},
      {"remade.csv", {"fold", "step", "result", "records", "said"}, remade_csv}};
  return all;
}

}  // namespace

std::vector<std::string> audit_table_names() {
  std::vector<std::string> names;
  for (const TableKind& kind : kinds()) names.emplace_back(kind.name);
  return names;
}

std::vector<std::pair<std::string, std::string>> audit_tables(const AuditPage& page) {
  std::vector<std::pair<std::string, std::string>> tables;
  for (const TableKind& kind : kinds()) {
    std::string rows;
    for (const FoldReport& fold : page.folds) rows += kind.rows(fold);
    tables.emplace_back(kind.name, csv_line(kind.header) + rows);
  }
  return tables;
}

}  // namespace vitrine::audit
