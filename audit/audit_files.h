// The files of an audit that grow: chain, trace and lineage, with run.json before them (docs/audit-format.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/chain.h"
#include "audit/record.h"
#include "audit/trace_file.h"
#include "base/growing_file.h"

namespace vitrine::audit {

class AuditFiles {
 public:
  // With steps 0 a new audit: an earlier one in the folder goes; UsageError for what is no file of one. Otherwise the files are cut to their first
  // `steps` steps: UsageError when they are of another `identity` (the text of run.json), DataError when they do not hold so many.
  AuditFiles(const std::filesystem::path& folder, const std::string& identity, std::int64_t steps);

  std::uint32_t name(const std::string& text) { return trace_->name(text); }  // its number in the trace
  // A step: the line but for its lineage and trace, its records, its lines of lineage.jsonl.
  void add(StepLine line, const std::vector<OpRecord>& records, const std::string& lineage);
  void sync();  // returns when all of it is on the disk

 private:
  void go_on(const std::string& identity, const std::string& seal, std::int64_t steps);
  std::uint64_t bytes_of_lineage(std::uint64_t steps) const;

  std::filesystem::path folder_;
  std::optional<GrowingFile> steps_, lineage_;
  std::optional<TraceWriter> trace_;
  std::string prev_;
};

}  // namespace vitrine::audit
