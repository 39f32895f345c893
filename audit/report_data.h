// What `vitrine audit report` and `vitrine audit certificate` show of an audit: gathered in one reading of its folder, in bounded memory.
//
// A folder that does not hold gives what held before the first thing that did not; nothing here prints or writes. Pages: audit/page/.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/record.h"
#include "audit/report_columns.h"
#include "audit/verify.h"
#include "base/error.h"

namespace vitrine::audit {

using Facts = std::vector<std::pair<std::string, std::string>>;

// Of the lines of the chain in one column.
struct StepFigures {
  std::uint64_t steps = 0, records = 0, compared = 0,
                above = 0;  // records; those compared with float64; of these with an element of rho > 1
  std::uint32_t epoch = 0;  // of the column's first step
  double loss_sum = 0, loss_low = 0, loss_high = 0;
  double lr = 0;          // of its first step
  double worst_rho = -1;  // -1: none was compared
  double mean_loss() const { return steps > 0 ? loss_sum / static_cast<double>(steps) : 0; }
};

// One cell of the map of rho.
struct RhoCell {
  std::uint32_t records = 0, compared = 0, above = 0;
  double worst = 0;  // of those compared; infinity for a NaN
};

// Records of one kind: of an op of the network (a row of the map), or of all ops of one kind.
struct RhoFigures {
  std::uint64_t tensors = 0;                                         // different ones
  std::uint64_t records = 0, compared = 0, elements = 0, above = 0;  // elements that were compared with float64
  Sketch medians;                                                    // of each record's median rho
  double worst = 0;
  std::uint64_t worst_step = 0;
};
struct OpRow {
  std::string node;
  std::uint32_t op = 0;                       // its number on its tape: the network's order
  std::array<RhoFigures, 2> of;               // forward, backward
  std::array<std::vector<RhoCell>, 2> cells;  // by column
};
struct KindRow {
  std::string kind;  // "fused_mbconv"
  Phase phase = Phase::forward;
  RhoFigures figures;
};

struct WorstRecord {
  OpRecord record;
  std::string node, tensor;
};

// Values of one phase in one column; of records that tell values (float32).
struct RangeFigures {
  std::uint64_t records = 0, elements = 0, nans = 0, infinities = 0, subnormals = 0, zeros = 0;
  float low = 0, high = 0;
};
struct ZeroRow {  // a tensor of the forward pass that had zeros
  std::string node, tensor;
  std::uint64_t elements = 0, zeros = 0;  // over all steps
  std::vector<float> share;               // by column; -1: no record
};
struct GradientRow {             // a parameter
  std::string parameter, place;  // "blocks.3" of "blocks.3.0.conv_dw.weight"
  std::vector<double> norm;      // mean over the column's records of the norm of its gradient; -1: no record
};

struct SampleUse {
  std::string sha256, label;  // label: empty where the manifest does not tell
  std::uint64_t uses = 0, as_partner = 0;
};
struct LineageFigures {
  std::map<std::string, SampleUse> samples;
  std::uint64_t lines = 0, mixed = 0, unread = 0;  // unread: lines that are none of the format
  std::array<std::uint64_t, 20> lambda{};          // histogram over [0, 1]
  std::string
      labels_note;  // why classes are not known, or whether the manifest names the same crops; empty where nothing is to be said
};

struct FileRow {
  std::string path, sha256;  // sha256 empty: no manifest seals it
  std::uint64_t bytes = 0;
};

struct Remade {
  std::int64_t step = 0;
  bool same = false;
  std::uint64_t records = 0;
  std::string said;                   // what was different
  ExitCode code = ExitCode::runtime;  // that says so
};

struct FoldReport {
  std::string name;           // "fold_0"; of a study "flair/fold_0"
  std::string run = "RUN";    // as commands name it: "RUN/runs/flair" of a study
  Verified verified;          // counts are of what held
  Facts identities, options;  // of run.json
  std::vector<FileRow> files;
  std::vector<std::string> broken;         // what does not hold, one sentence each; empty: it holds
  std::optional<std::uint64_t> broken_at;  // the step at which the chain, the trace or the lineage breaks
  StepColumns columns;
  std::vector<StepFigures> steps;                   // by column
  std::vector<OpRow> ops;                           // in the network's order
  std::vector<KindRow> kinds;                       // by phase, then name
  std::vector<WorstRecord> worst;                   // at most kWorst, the worst first
  std::array<std::vector<RangeFigures>, 4> ranges;  // by phase (not data) and column
  std::optional<WorstRecord> first_not_finite;
  std::vector<ZeroRow> zeros;          // the largest share first
  std::vector<GradientRow> gradients;  // in the order of the first record
  LineageFigures lineage;
  std::vector<Remade> remade;
  std::string remade_on;

  bool holds() const { return broken.empty(); }
  bool within() const { return verified.above == 0; }
};

inline constexpr std::size_t kWorst = 20;

// `folder`: RUN/audit/fold_0. Throws only where it was interrupted; what cannot be read is in `broken`.
FoldReport fold_report(const std::filesystem::path& folder);

// `count` steps of 0 .. steps - 1, spread evenly, the first and the last among them.
std::vector<std::int64_t> spread_steps(std::uint64_t steps, std::int64_t count);

std::string place_of(
    const std::string& name);  // "blocks.3" of "blocks.3.0.conv_dw.weight"; "classifier" of "classifier.weight"

}  // namespace vitrine::audit
