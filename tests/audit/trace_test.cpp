#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <filesystem>
#include <fstream>
#include <vector>

#include "audit/chain.h"
#include "audit/line_reader.h"
#include "audit/record.h"
#include "audit/trace_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "tests/audit/temporary_folder.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

const std::string kSeal = sha256("run.json");

// Without waiting for the disk, as base/output.h would: thousands of them are written.
void put(const fs::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

OpRecord record_of(std::uint64_t step, std::uint32_t node) {
  OpRecord r;
  r.step = step;
  r.epoch = 3;
  r.phase = Phase::backward;
  r.flags = kShadowed | kInner;
  r.op = 17;
  r.node = node;
  r.tensor = node;
  r.dims = {1, 2, 3, 4};
  r.rank = 4;
  r.inputs = {1, 2};
  r.facts.hash = {3, 4};
  r.facts.minimum = -1.5f;
  r.facts.maximum = 2;
  r.facts.mean = 0.25;
  r.facts.norm = 9;
  r.facts.nans = 1;
  r.facts.infinities = 2;
  r.facts.subnormals = 3;
  r.facts.zeros = 4;
  r.facts.elements = 24;
  r.samples = 10;
  r.above = 1;
  r.worst_error = 1e-7;
  r.worst_rho = 1.25;
  r.median_rho = 0.03;
  r.worst_element = 23;
  return r;
}

TEST(AuditRecord, ReadsWhatItWrote) {
  char bytes[kRecordBytes], again[kRecordBytes];
  write_record(record_of(5, 1), bytes);
  const OpRecord back = read_record(bytes);
  write_record(back, again);
  EXPECT_EQ(std::string(bytes, kRecordBytes), std::string(again, kRecordBytes));
  EXPECT_EQ(back.step, 5u);
  EXPECT_EQ(back.phase, Phase::backward);
  EXPECT_TRUE(back.has(kInner));
  EXPECT_FALSE(back.has(kChecksum));
  EXPECT_EQ(back.facts.zeros, 4);
  EXPECT_EQ(back.facts.elements, 24);
  EXPECT_EQ(back.worst_rho, 1.25);
  EXPECT_EQ(back.above, 1u);
}

TEST(Crc32c, IsCastagnolis) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);            // the check value of the catalogue of CRC algorithms, CRC-32/ISCSI
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
}

struct Trace : ::testing::Test {
  vitrine::testing::TemporaryFolder folder;
  fs::path file = folder.path() / "trace.vtr";

  // Three steps with two records each.
  void write() {
    TraceWriter writer(file, kSeal);
    for (std::uint64_t step = 0; step < 3; ++step) {
      const std::uint32_t node = writer.name(step == 0 ? "stem/conv2d" : "head/conv2d");
      writer.add({record_of(step, node), record_of(step, node)}, step);
    }
  }
  std::string refusal() {
    try {
      TraceReader reader(file, kSeal);
      TraceBlock block;
      while (reader.next(block)) continue;
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(Trace, ReadsWhatItWrote) {
  write();
  TraceReader reader(file, kSeal);
  TraceBlock block;
  std::vector<std::uint64_t> steps;
  std::size_t records = 0;
  while (reader.next(block)) {
    records += block.records.size();
    if (!block.records.empty()) steps.push_back(block.step);
  }
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_EQ(records, 6u);
  EXPECT_EQ(reader.names(), (std::vector<std::string>{"stem/conv2d", "head/conv2d"}));
  EXPECT_EQ(reader.head().blocks, 5u);  // two of names
}

TEST_F(Trace, GoesOnWhereItWasCut) {
  write();
  const std::string whole = read_file(file, 1 << 20);
  TraceReader reader(file, kSeal);
  TraceBlock block;
  while (reader.head().blocks < 2 && reader.next(block)) continue;  // names and records of step 0
  TraceWriter writer(reader);
  for (std::uint64_t step = 1; step < 3; ++step) {
    const std::uint32_t node = writer.name("head/conv2d");
    writer.add({record_of(step, node), record_of(step, node)}, step);
  }
  EXPECT_EQ(read_file(file, 1 << 20), whole);
}

TEST_F(Trace, EveryChangedByteIsSeen) {
  write();
  const std::string whole = read_file(file, 1 << 20);
  ASSERT_EQ(refusal(), "");
  for (std::size_t at = 0; at < whole.size(); at += 3) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    put(file, changed);
    EXPECT_NE(refusal(), "") << at;
  }
}

TEST_F(Trace, EveryCutIsSeenOrLeavesWholeBlocks) {
  write();
  const std::string whole = read_file(file, 1 << 20);
  std::size_t held = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put(file, std::string_view(whole).substr(0, size));
    if (refusal().empty()) ++held;
  }
  EXPECT_EQ(held, 5u);  // behind the magic and behind each of four blocks: what the chain says of its length tells these
}

// A step far on is read without the blocks before it, but with their names.
TEST_F(Trace, PassesToWhereTheChainSaysThatItStood) {
  write();
  TraceReader whole(file, kSeal);
  std::vector<TraceHead> heads{whole.head()};
  TraceBlock block;
  while (whole.next(block)) heads.push_back(whole.head());
  for (std::size_t at = 0; at + 1 < heads.size(); ++at) {
    TraceReader reader(file, kSeal);
    reader.pass_to(heads[at]);
    while (reader.next(block)) continue;
    EXPECT_EQ(reader.head().seal, heads.back().seal) << at;
    EXPECT_EQ(reader.names(), whole.names()) << at;
  }
  TraceHead wrong = heads[2];
  ++wrong.bytes;
  TraceReader reader(file, kSeal);
  EXPECT_THROW(reader.pass_to(wrong), DataError);
  TraceReader other(file, kSeal);
  other.pass_to({heads[1].blocks, heads[1].bytes, sha256("another")});
  EXPECT_THROW(other.next(block), DataError);
}

TEST(Lines, ComeOneByOneFromAnyFile) {
  vitrine::testing::TemporaryFolder folder;
  const fs::path file = folder.path() / "lines";
  std::string bytes;
  for (int i = 0; i < 3000; ++i) bytes += std::string(static_cast<std::size_t>(i * 7 % 1500), 'a') + std::to_string(i) + "\n";
  bytes += "no end";
  put(file, bytes);
  LineReader lines(file);
  std::string read;
  while (const auto line = lines.peek()) {
    EXPECT_EQ(lines.offset(), read.size());
    EXPECT_EQ(lines.peek(), line);
    read += *line;
    lines.skip();
  }
  EXPECT_EQ(read, bytes);
  put(file, std::string(std::size_t{3} << 20, 'a'));
  EXPECT_THROW(LineReader(file).peek(), DataError);
  put(file, "");
  EXPECT_FALSE(LineReader(file).peek());
}

TEST_F(Trace, IsBoundToItsRun) {
  write();
  TraceReader reader(file, sha256("another run.json"));
  TraceBlock block;
  EXPECT_THROW(reader.next(block), DataError);
}

TEST_F(Trace, SaysWhatAnotherFormatIs) {
  put(file, "VTRACE02........................................");
  EXPECT_NE(refusal().find("format 02"), std::string::npos) << refusal();
  put(file, "PK");
  EXPECT_NE(refusal().find("too short"), std::string::npos) << refusal();
}

StepLine line_of(std::uint64_t step) {
  StepLine s;
  s.step = step;
  s.loss = 0.5 / static_cast<double>(step + 1);
  s.weights = {step, 1};
  s.lineage = sha256("lines");
  s.trace = {step, 8, kSeal};
  return s;
}

struct Chain : ::testing::Test {
  vitrine::testing::TemporaryFolder folder;
  fs::path file = folder.path() / "steps.jsonl";
  std::vector<std::string> lines;

  void SetUp() override {
    std::string prev = kSeal;
    for (std::uint64_t step = 0; step < 5; ++step) lines.push_back(chained_line(line_of(step), prev));
  }
  // How many lines hold, and what was said then.
  std::pair<std::uint64_t, std::string> read(const std::string& bytes) {
    put(file, bytes);
    ChainReader chain(file, kSeal);
    try {
      while (chain.next()) continue;
    } catch (const DataError& error) {
      return {chain.lines(), error.what()};
    }
    return {chain.lines(), ""};
  }
  std::string joined(const std::vector<std::size_t>& order) const {
    std::string all;
    for (const std::size_t i : order) all += lines[i];
    return all;
  }
};

TEST_F(Chain, ReadsWhatItWrote) {
  const auto [steps, said] = read(joined({0, 1, 2, 3, 4}));
  EXPECT_EQ(steps, 5u) << said;
  ChainReader chain(file, kSeal);
  chain.next();
  const StepLine second = *chain.next();
  EXPECT_EQ(second.loss, 0.25);
  EXPECT_EQ(second.weights, (Hash128{1, 1}));
}

TEST_F(Chain, MissingDoubledMovedAndAddedLinesBreakIt) {
  EXPECT_EQ(read(joined({0, 1, 3, 4})).first, 2u);
  EXPECT_EQ(read(joined({0, 1, 1, 2})).first, 2u);
  EXPECT_EQ(read(joined({0, 2, 1, 3})).first, 1u);
  EXPECT_EQ(read(joined({1, 2})).first, 0u);
  EXPECT_NE(read(joined({0, 1, 3})).second.find("step 2"), std::string::npos);
}

TEST_F(Chain, EveryChangedByteBreaksIt) {
  const std::string whole = joined({0, 1, 2});
  for (std::size_t at = 0; at < whole.size(); at += 2) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_LT(read(changed).first, 3u) << at;
  }
}

TEST_F(Chain, AnUnfinishedLineIsSaid) {
  const auto [steps, said] = read(joined({0, 1}).substr(0, lines[0].size() + 100));
  EXPECT_EQ(steps, 1u);
  EXPECT_NE(said.find("still being written"), std::string::npos) << said;
}

TEST_F(Chain, NumbersThatAreNoneComeBack) {
  StepLine s = line_of(0);
  s.loss = std::numeric_limits<double>::quiet_NaN();
  s.lr = std::numeric_limits<double>::infinity();
  std::string prev = kSeal;
  put(file, chained_line(s, prev));
  ChainReader chain(file, kSeal);
  const StepLine back = *chain.next();
  EXPECT_TRUE(std::isnan(back.loss));
  EXPECT_EQ(back.lr, s.lr);
}

}  // namespace
}  // namespace vitrine::audit
