#include "audit/fold_audit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "audit/bisect.h"
#include "audit/chain.h"
#include "audit/identity.h"
#include "audit/manifest.h"
#include "audit/place.h"
#include "audit/re_execution.h"
#include "audit/trace_file.h"
#include "audit/verify.h"
#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tests/audit/temporary_folder.h"
#include "tests/train/small_fold.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;
using vitrine::testing::TemporaryFolder;

TrainOptions options_at(const std::string& level) {
  TrainOptions options = vitrine::testing::small_options();
  options.keeping.audit = level;
  watch_as_asked(options);
  return options;
}

fs::path trained(const fs::path& run, const TrainOptions& options) {
  Progress progress(ProgressMode::none);
  fs::create_directories(run);
  train_fold(vitrine::testing::small_fold(), options, run / "fold_0", "key", "test", progress);
  return run / "audit" / "fold_0";
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const fs::path& file : entries_of(folder)) all[file.filename().string()] = sha256_of_file(file, 1u << 30);
  return all;
}

std::string refusal_of(const fs::path& folder) {
  try {
    verify_folder(folder);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// A process that was killed while it wrote the manifest leaves a temporary file, which is no file of the audit.
TEST(AuditManifest, NamesNoTemporaryFiles) {
  const vitrine::testing::TemporaryFolder folder;
  write_file(folder.path() / "run.json", "{}");
  write_file(folder.path() / ".vitrine-0123456789abcdef.tmp", "half");
  write_manifest(folder.path(), {});
  EXPECT_EQ(check_manifest(folder.path()).files, 1u);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / ".vitrine-0123456789abcdef.tmp"));
}

TEST(FoldAudit, ChangesNoByteOfWhatItWatchesInFiftySteps) {
  TemporaryFolder folder;
  const int threads = thread_count();
  const auto fifty = [](const std::string& level) {
    TrainOptions options = options_at(level);
    options.epochs = 25;  // of two steps
    options.keeping.save_seconds = 3600;
    return options;
  };
  trained(folder.path() / "off", fifty("off"));
  const std::string expected = vitrine::testing::hash_of(folder.path() / "off" / "fold_0");
  EXPECT_FALSE(fs::exists(folder.path() / "off" / "audit"));
  for (const auto& [level, count] : {std::pair<std::string, int>{"summary", 7}, {"full", 3}}) {
    set_thread_count(count);
    const fs::path run = folder.path() / (level + std::to_string(count));
    EXPECT_EQ(verify_folder(trained(run, fifty(level))).steps, 50u);
    EXPECT_EQ(vitrine::testing::hash_of(run / "fold_0"), expected) << level << ", " << count << " threads";
  }
  set_thread_count(threads);
}

TEST(FoldAudit, LeavesTheSameBytesOnAnyThreadCount) {
  TemporaryFolder folder;
  const int threads = thread_count();
  TrainOptions options = options_at("full");
  options.epochs = 1;
  std::map<std::string, std::string> expected;
  for (const int count : {1, 3}) {
    set_thread_count(count);
    const auto files = files_of(trained(folder.path() / std::to_string(count), options));
    if (expected.empty()) expected = files;
    EXPECT_EQ(files, expected) << count << " threads";
  }
  set_thread_count(threads);
  EXPECT_EQ(expected.size(), 5u);  // run.json, steps.jsonl, trace.vtr, lineage.jsonl, MANIFEST.json
}

// run.json names the instruction set, and everything is sealed behind it; every line and record says the same on each.
TEST(FoldAudit, SaysTheSameOnAnyInstructionSet) {
  TemporaryFolder folder;
  const Isa isa = active_isa();
  TrainOptions options = options_at("full");
  options.epochs = 1;
  const fs::path first = trained(folder.path() / "first", options);
  for (const Isa other : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (other == isa || !isa_supported(other)) continue;
    set_active_isa(other);
    const fs::path second = trained(folder.path() / std::string(isa_name(other)), options);
    set_active_isa(isa);
    EXPECT_NE(read_file(first / "run.json", 1u << 20), read_file(second / "run.json", 1u << 20));
    EXPECT_EQ(bisect(first, second, nullptr).verdict, Verdict::equal) << isa_name(other);
    EXPECT_EQ(bisect(first, second, nullptr).steps, 2);
    EXPECT_EQ(read_file(first / "lineage.jsonl", 1u << 20), read_file(second / "lineage.jsonl", 1u << 20));
    for (const std::int64_t step : {0, 1}) {
      const StepRecords a = recorded_step(first, step), b = recorded_step(second, step);
      ASSERT_EQ(a.records.size(), b.records.size());
      for (std::size_t i = 0; i < a.records.size(); ++i) {
        char bytes_a[kRecordBytes], bytes_b[kRecordBytes];
        write_record(a.records[i].record, bytes_a);
        write_record(b.records[i].record, bytes_b);
        EXPECT_EQ(std::memcmp(bytes_a, bytes_b, kRecordBytes), 0) << a.records[i].node << " " << a.records[i].tensor;
      }
    }
  }
}

// Passes all on to an audit and fails in one step, as a machine might.
class FailsAt final : public StepWatch {
 public:
  FailsAt(std::unique_ptr<StepWatch> inner, std::int64_t step) : inner_(std::move(inner)), step_(step) {}
  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override {
    if (step.number == step_) throw Error(ExitCode::runtime, "the test stops here");
    return inner_->begin(step, batch, net);
  }
  void computed(double loss, const Tensor& logits) override { inner_->computed(loss, logits); }
  void before_update(EfficientNet& net, const Gradients& g, const Optimizer& o, const UpdateFacts& u) override {
    inner_->before_update(net, g, o, u);
  }
  void after_update(EfficientNet& net, const Optimizer& optimizer) override { inner_->after_update(net, optimizer); }
  void keep() override { inner_->keep(); }
  void finished() override { inner_->finished(); }

 private:
  std::unique_ptr<StepWatch> inner_;
  std::int64_t step_;
};

TEST(FoldAudit, AStoppedFoldEndsWithTheBytesOfOneThatWasNot) {
  TemporaryFolder folder;
  const auto expected = files_of(trained(folder.path() / "whole", options_at("summary")));
  TrainOptions stopping = options_at("summary");
  stopping.keeping.watch_steps = [](const FoldStart& start) {
    return std::make_unique<FailsAt>(open_fold_audit(start), start.steps == 0 ? 3 : 5);
  };
  EXPECT_THROW(trained(folder.path() / "stopped", stopping), Error);
  EXPECT_THROW(trained(folder.path() / "stopped", stopping), Error);
  EXPECT_EQ(files_of(trained(folder.path() / "stopped", options_at("summary"))), expected);
}

TEST(FoldAudit, RefusesToGoOnAtAnotherLevel) {
  TemporaryFolder folder;
  TrainOptions stopping = options_at("summary");
  stopping.keeping.watch_steps = [](const FoldStart& start) { return std::make_unique<FailsAt>(open_fold_audit(start), 3); };
  EXPECT_THROW(trained(folder.path() / "run", stopping), Error);
  EXPECT_THROW(trained(folder.path() / "run", options_at("full")), UsageError);
}

struct Audited : ::testing::Test {
  static TemporaryFolder* folder;
  static fs::path audit;
  static void SetUpTestSuite() {
    folder = new TemporaryFolder;
    audit = trained(folder->path() / "run", options_at("full"));
  }
  static void TearDownTestSuite() { delete folder; }

  // What verify says of a copy of the audit that lies alone, without its manifest, after `change` was made to a file: chain and blocks must do.
  template <class Change>
  std::string after(const std::string& name, Change change) {
    const fs::path alone = folder->path() / "alone";
    fs::remove_all(alone);
    fs::copy(audit, alone);
    fs::remove(alone / "MANIFEST.json");
    EXPECT_EQ(refusal_of(alone), "");
    std::string bytes = read_file(alone / name, 1u << 30);
    change(bytes);
    write_file(alone / name, bytes);
    return refusal_of(alone);
  }
};
TemporaryFolder* Audited::folder = nullptr;
fs::path Audited::audit;

TEST_F(Audited, HoldsAndLiesWithinItsBounds) {
  const Verified v = verify_folder(audit);
  EXPECT_TRUE(v.finished);
  EXPECT_EQ(v.steps, 6u);
  EXPECT_GT(v.records, 6u * 300);
  EXPECT_GT(v.shadowed, 6u * 50);
  EXPECT_EQ(v.above, 0u);
  EXPECT_LE(v.worst_rho, 1.0);
  EXPECT_GT(v.worst_rho, 0.0);
}

TEST_F(Audited, EveryOpOfTheStepIsThere) {
  TraceReader trace(audit / "trace.vtr", read_identity(audit / "run.json").sha256);
  TraceBlock block;
  std::map<std::string, int> forward, backward, updates;
  while (trace.next(block)) {
    for (const OpRecord& r : block.records) {
      if (r.step != 0) continue;
      if (r.phase == Phase::forward && trace.name(r.tensor) == "y") ++forward[trace.name(r.node)];
      if (r.phase == Phase::backward) ++backward[trace.name(r.node)];
      if (r.phase == Phase::update) ++updates[trace.name(r.node)];
    }
  }
  EXPECT_EQ(forward.count("conv_stem/conv2d"), 1u);
  EXPECT_EQ(forward.count("blocks.1.0/fused_mbconv"), 1u);
  EXPECT_EQ(forward.count("classifier/linear"), 1u);
  EXPECT_EQ(updates.count("classifier.weight"), 1u);
  EXPECT_EQ(backward.size(), forward.size());
  for (const auto& [node, times] : forward) EXPECT_EQ(times, 1) << node;
}

TEST_F(Audited, ChangedFilesAreFound) {
  EXPECT_NE(after("steps.jsonl", [](std::string& s) { s[s.find("\"loss\":") + 9] ^= 1; }).find("step 0"), std::string::npos);
  EXPECT_NE(after("run.json", [](std::string& s) { s.replace(s.find("\"lr\": \"0.001\""), 13, "\"lr\": \"0.002\""); }), "");
  EXPECT_NE(after("trace.vtr", [](std::string& s) { s[s.size() / 2] ^= 1; }).find("byte"), std::string::npos);
  EXPECT_NE(after("trace.vtr", [](std::string& s) { s.resize(s.size() - 10); }).find("ends within a block"), std::string::npos);
  EXPECT_NE(after("lineage.jsonl", [](std::string& s) { s[s.find("\"lambda\":") + 11] ^= 1; }).find("step"), std::string::npos);
  EXPECT_EQ(refusal_of(audit), "");
  const fs::path extra = audit / "notes.txt";
  write_file(extra, "x");
  EXPECT_NE(refusal_of(audit).find("not in the manifest"), std::string::npos);
  fs::remove(extra);
  const fs::path best = folder->path() / "run" / "fold_0" / "best.safetensors";
  const std::string weights = read_file(best, 1u << 30);
  std::string changed = weights;
  changed[changed.size() - 1] ^= 1;
  write_file(best, changed);
  EXPECT_NE(refusal_of(audit).find("best.safetensors"), std::string::npos);
  write_file(best, weights);
  EXPECT_EQ(refusal_of(audit), "");
}

// Folders that hold by themselves and do not stand where they belong.
TEST_F(Audited, StandsInItsPlace) {
  const fs::path run = folder->path() / "run", copy = folder->path() / "copy";
  const auto begin = [&] {
    fs::remove_all(copy);
    fs::copy(run, copy, fs::copy_options::recursive);
  };
  const auto refused = [&](const fs::path& audit_of_copy) {
    const bool by_script =
        std::system(("python3 " + std::string(VITRINE_SOURCE_DIR) + "/scripts/verify.py " + copy.string() + " > /dev/null 2>&1")
                        .c_str()) != 0;
    EXPECT_TRUE(by_script);
    return refusal_of(audit_of_copy);
  };
  begin();
  EXPECT_EQ(refusal_of(copy / "audit" / "fold_0"), "");
  EXPECT_NO_THROW(check_folds(audits_of(copy)));
  fs::rename(copy / "audit" / "fold_0", copy / "audit" / "fold_1");
  EXPECT_NE(refused(copy / "audit" / "fold_1").find("swapped, copied or renamed"), std::string::npos);
  EXPECT_THROW(check_folds({copy / "audit" / "fold_1"}), DataError);  // fold_0 is finished and has none
  begin();
  fs::remove(copy / "audit" / "fold_0" / "MANIFEST.json");
  EXPECT_NE(refused(copy / "audit" / "fold_0").find("was taken away"), std::string::npos);
  begin();
  const std::string last = read_file(copy / "fold_0" / "fold.json", 1u << 20);
  std::string other = last;
  other.replace(other.find("\"key\""), 5, "\"kex\"");
  other.insert(other.find("\"kex\""), "\"key\": \"another\", ");
  write_file(copy / "fold_0" / "fold.json", other);
  EXPECT_NE(refused(copy / "audit" / "fold_0").find("another training"), std::string::npos);
}

TEST_F(Audited, AVerifierOfAHundredLinesSaysTheSame) {
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
  const std::string script = std::string(VITRINE_SOURCE_DIR) + "/scripts/verify.py ";
  const auto says = [&] { return std::system(("python3 " + script + audit.string() + " > /dev/null 2>&1").c_str()) >> 8; };
  EXPECT_EQ(says(), 0);
  for (const std::string name : {"steps.jsonl", "trace.vtr", "lineage.jsonl", "run.json", "MANIFEST.json"}) {
    const std::string whole = read_file(audit / name, 1u << 30);
    std::string changed = whole;
    const std::size_t at = name == "MANIFEST.json" ? changed.find("\"sha256\": \"") + 12 : changed.size() / 2;
    changed[at] = changed[at] == '0' ? '1' : '0';
    write_file(audit / name, changed);
    EXPECT_EQ(says(), 3) << name;
    write_file(audit / name, whole);
  }
  EXPECT_EQ(says(), 0);
  const std::string source = read_file(std::string(VITRINE_SOURCE_DIR) + "/scripts/verify.py", 1u << 20);
  EXPECT_LE(std::ranges::count(source, '\n'), 100);
}

}  // namespace
}  // namespace vitrine::audit
