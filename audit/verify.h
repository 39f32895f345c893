// Does an audit's folder hold together? Without running anything: manifest, chain, blocks, lineage, each against the others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "audit/chain.h"
#include "audit/identity.h"
#include "audit/trace_file.h"

namespace vitrine::audit {

struct Verified {
  Identity identity;
  std::uint64_t steps = 0, blocks = 0, records = 0, shadowed = 0, above = 0;  // above: records with rho > 1
  double worst_rho = 0;
  double worst_folded =
      -1;            // of a prediction: largest difference of the folded network's logits from the composed one's; -1: none
  std::string head;  // of the chain: who knows it can tell the run from any other
  bool finished = false;  // it has a manifest
  std::string manifest_sha256;
  std::vector<std::string> remarks;  // what a reader should know: another program, no manifest
};

// Is told, in their order, of what a folder holds as it is found to hold.
class FolderWatch {
 public:
  virtual ~FolderWatch() = default;
  virtual void records(const TraceBlock& block,
                       const TraceReader& trace) = 0;  // a block that follows the one before; names only: without records
  virtual void step(const StepLine& line, std::string_view lineage) = 0;  // whose blocks and lines of lineage.jsonl fit
};

// Chain, trace and lineage against each other. `v`: its identity and `finished` are given; what holds is counted in it, until the DataError of the
// first thing that does not fit.
void verify_steps(const std::filesystem::path& folder, Verified& v, FolderWatch* watch = nullptr);
std::vector<std::string> remarks_on(const Verified& v);
// `folder`: RUN/audit/fold_0. The manifest, and verify_steps. DataError with step and offset at the first thing that does not fit.
Verified verify_folder(const std::filesystem::path& folder);
// RUN/audit/fold_* of a run, in their order, or those of every run of a study; the folder itself where it is one of them. DataError where there
// is none.
std::vector<std::filesystem::path> audits_of(const std::filesystem::path& run);

}  // namespace vitrine::audit
