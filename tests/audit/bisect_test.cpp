#include "audit/bisect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/verify.h"
#include "tests/audit/temporary_folder.h"
#include "tests/audit/written_audit.h"

namespace vitrine::audit {
namespace {

using ::testing::HasSubstr;
using vitrine::testing::TemporaryFolder;
using vitrine::testing::write_audit;
using vitrine::testing::Written;

constexpr std::uint64_t kSteps = 6, kParts = 4;  // the step in which they part

struct Bisect : ::testing::Test {
  TemporaryFolder folder;

  // Two ops and an update; from step kParts on the second op's values have `hash`, and its rho is `rho`.
  std::filesystem::path run(const std::string& name, std::uint64_t hash, double rho, std::uint64_t first_hash = 11,
                            const std::string& lr = "0.1") {
    const auto records = [=](std::uint64_t step) -> std::vector<Written> {
      const bool parted = step >= kParts;
      return {{.node = "stem/conv2d", .rho = 0.2, .op = 4, .hash = parted ? first_hash : 11, .inputs = 1},
              {.node = "head/conv2d", .rho = parted ? rho : 0.1, .op = 9, .hash = parted ? hash : 22, .inputs = 11},
              {.phase = Phase::backward,
               .node = "head/conv2d",
               .tensor = "dx",
               .rho = 0.1,
               .op = 9,
               .hash = 30 + hash,
               .inputs = 40 + hash}};
    };
    const auto line = [=](StepLine& s) {
      s.lr = lr == "0.1" ? 0.1 : 0.2;
      s.logits = s.step >= kParts ? Hash128{hash, 0} : Hash128{};
    };
    return write_audit(
        folder.path() / name, kSteps, records,
        [](std::uint64_t step) { return "{\"step\":" + std::to_string(step) + ",\"slot\":0}\n"; }, true, line, lr);
  }
};

TEST_F(Bisect, OfEqualRunsSaysSo) {
  const Parting p = bisect(run("a", 22, 0.1), run("b", 22, 0.1), nullptr);
  EXPECT_EQ(p.verdict, Verdict::equal);
  EXPECT_EQ(p.steps, static_cast<std::int64_t>(kSteps));
}

TEST_F(Bisect, NamesTheFirstOpAndTakesBothForLegalWithinTheirBounds) {
  const Parting p = bisect(run("a", 22, 0.3), run("b", 23, 0.9), nullptr);
  EXPECT_EQ(p.step, static_cast<std::int64_t>(kParts));
  EXPECT_EQ(p.what, "logits");
  EXPECT_EQ(p.cause, Cause::forward);
  ASSERT_TRUE(p.a && p.b);
  EXPECT_EQ(p.a->node, "head/conv2d");
  EXPECT_EQ(p.a->tensor, "y");
  EXPECT_EQ(p.verdict, Verdict::legal_rounding);
}

TEST_F(Bisect, CallsAValueAboveItsBoundAViolationWhicheverRunHasIt) {
  const Parting in_b = bisect(run("a", 22, 0.3), run("b", 23, 1.5), nullptr);
  EXPECT_EQ(in_b.verdict, Verdict::violation);
  EXPECT_THAT(in_b.because, HasSubstr("run B"));
  const Parting in_a = bisect(run("c", 23, 1.5), run("d", 22, 0.3), nullptr);
  EXPECT_EQ(in_a.verdict, Verdict::violation);
  EXPECT_THAT(in_a.because, HasSubstr("run A"));
}

TEST_F(Bisect, WithoutABoundDoesNotDecide) {
  EXPECT_EQ(bisect(run("a", 22, -1), run("b", 23, -1), nullptr).verdict, Verdict::undecided);
}

TEST_F(Bisect, StopsAtTheEarlierOfTwoOps) {
  const Parting p = bisect(run("a", 22, 0.3, 11), run("b", 23, 0.3, 12), nullptr);
  ASSERT_TRUE(p.a);
  EXPECT_EQ(p.a->node, "stem/conv2d");
}

TEST_F(Bisect, AnotherRateIsNoRounding) {
  const Parting p = bisect(run("a", 22, 0.3), run("b", 22, 0.3, 11, "0.2"), nullptr);
  EXPECT_EQ(p.cause, Cause::options);
  EXPECT_EQ(p.verdict, Verdict::other_inputs);
  EXPECT_EQ(p.options, std::vector<std::string>{"lr: 0.1, 0.2"});
}

// A line that says what no record does: somebody wrote it.
TEST_F(Bisect, ALineThatNoRecordBearsOutIsUndecidedAndSaysWhereToLook) {
  const auto records = [](std::uint64_t) -> std::vector<Written> {
    return {{.node = "stem/conv2d", .rho = 0.2, .hash = 11, .inputs = 1}};
  };
  const auto lines = [](std::uint64_t step) { return "{\"step\":" + std::to_string(step) + ",\"slot\":0}\n"; };
  const auto a = write_audit(folder.path() / "a", kSteps, records, lines);
  const auto b = write_audit(folder.path() / "b", kSteps, records, lines, true, [](StepLine& s) {
    if (s.step == kParts) s.weights = {7, 7};
  });
  const Parting p = bisect(a, b, nullptr);
  EXPECT_EQ(p.verdict, Verdict::undecided);
  EXPECT_EQ(p.what, "weights");
  EXPECT_THAT(p.because, HasSubstr("verify --steps 4"));
}

TEST_F(Bisect, RefusesADamagedTraceThoughTheChainsAreEqual) {
  const auto a = run("a", 22, 0.1), b = run("b", 22, 0.1);
  std::string bytes = read_file(b / "trace.vtr", 1u << 20);
  bytes[bytes.size() / 2] ^= 1;
  write_file(b / "trace.vtr", bytes);
  EXPECT_THROW(bisect(a, b, nullptr), DataError);
}

}  // namespace
}  // namespace vitrine::audit
