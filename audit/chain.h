// steps.jsonl: one line for a training step, each with the hash of the one before (docs/audit-format.md).
//
// Line    a JSON object without spaces; its last two members are `prev`, the h of the line before (of the first line: the SHA-256 of run.json), and `h`,
//         the SHA-256 of the line up to the comma before it. A changed, missing, doubled or moved line breaks the chain at its place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/line_reader.h"
#include "audit/trace_file.h"
#include "tensor/tensor_hash.h"

namespace vitrine::audit {

// What is known of every step, at any level. Hashes are those of tensor/tensor_hash.h; several tensors are combined in network order.
struct StepLine {
  std::uint64_t step = 0;      // of the fold, from 0
  std::uint32_t epoch = 1;     // from 1
  std::uint32_t in_epoch = 0;  // from 0
  std::uint32_t first = 0;     // place in the epoch's order of the batch's first sample
  double lr = 0, momentum = -1;
  Hash128 images, targets;  // of the batch
  Hash128 logits;
  double loss = 0;
  Hash128 gradients;         // of every `sampled`-th parameter, beginning with number step mod sampled
  Hash128 weights, buffers;  // after the step: parameters; running statistics
  Hash128 moments;           // after it: the optimiser's state, of the same parameters as `gradients`
  std::uint32_t sampled = 1;
  std::string lineage;  // SHA-256 of the step's lines of lineage.jsonl
  TraceHead trace;      // after the step
};

// A line of the chain, with its newline; `prev` becomes its h.
std::string chained_line(const StepLine& step, std::string& prev);

// What a line says. std::runtime_error for one that is not of the format.
StepLine parsed_line(std::string_view line);

// Reads the chain from its beginning; a piece of the file is held.
class ChainReader {
 public:
  // `prev`: SHA-256 of run.json.
  ChainReader(const std::filesystem::path& file, const std::string& prev);

  // The next step; nothing at the end. DataError with line and offset for one that is not its text, does not follow the one before, or
  // is not number `step + 1`, and for a last line that was not finished.
  std::optional<StepLine> next();
  // The same as it stands in the file, without its newline, its place in the chain checked and its other members not read: for who passes over
  // most of a long chain. Valid until the next call.
  std::optional<std::string_view> next_text();
  StepLine read(std::string_view line) const;                  // of the line that next_text gave last
  std::uint64_t offset() const { return lines_of_.offset(); }  // behind the last line that was read
  const std::string& head() const { return prev_; }
  std::uint64_t lines() const { return count_; }

 private:
  [[noreturn]] void refuse(std::uint64_t number, std::uint64_t offset, const std::string& what) const;

  LineReader lines_of_;
  std::string prev_;
  std::uint64_t count_ = 0, last_ = 0;  // last_: where the line that was read last begins
};

}  // namespace vitrine::audit
