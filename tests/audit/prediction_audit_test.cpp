// `vitrine predict --audit` as users call it, and the other audit commands on what it leaves.
#include "audit/prediction_audit.h"

#include <cstdlib>
#include <map>

#include "audit/bisect.h"
#include "audit/trace_file.h"
#include "audit/verify.h"
#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/inference.h"
#include "tensor/philox.h"
#include "tests/cli/program.h"
#include "tests/data/pictures.h"
#include "weights/safetensors.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;
using vitrine::testing::golden;
using vitrine::testing::Outcome;
using vitrine::testing::vitrine_program;

class AuditedPrediction : public vitrine::testing::Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    weights("w", 1);
    tensor("x", 18, 1);  // two batches of the audit
  }
  void weights(const std::string& name, std::uint64_t seed) const {
    EfficientNet net(architecture("lite0"), Semantics{}, 3);
    net.initialize(seed);
    write_safetensors(folder / (name + ".safetensors"), to_tensor_file(net, {}));
  }
  void tensor(const std::string& name, std::int64_t count, std::uint64_t seed) const {
    Tensor images = Tensor::uninitialized({count, 3, 32, 32});
    const Draw draw{.seed = seed};
    std::uint32_t i = 0;
    for (float& v : images.mutable_host()) v = static_cast<float>(draw.uniform(i++, -2, 2));
    write_safetensors(folder / (name + ".safetensors"), {{StoredTensor::from("input", images)}, {}});
  }
  // Predicts x by w; the folder of the audit.
  fs::path audited(const std::string& level, const std::string& to, const std::string& w = "w",
                   const std::string& x = "x") const {
    const std::string audit = level == "off" ? "" : " --audit " + level + " --audit-folder " + path(to);
    const Outcome outcome = vitrine_program("predict --weights " + path(w + ".safetensors") + " --tensor " +
                                            path(x + ".safetensors") + " -o " + path(to + ".logits") + audit);
    EXPECT_EQ(outcome.code, 0) << outcome.output;
    return folder / to;
  }
  std::string logits(const std::string& to) const { return sha256_of_file(folder / (to + ".logits"), 1u << 20); }
};

TEST_F(AuditedPrediction, SaysTheSameAtEveryLevel) {
  audited("off", "o");
  audited("summary", "s");
  audited("full", "f");
  EXPECT_EQ(logits("s"), logits("o"));
  EXPECT_EQ(logits("f"), logits("o"));
}

TEST_F(AuditedPrediction, HoldsEveryOpAndLiesWithinItsBounds) {
  const fs::path audit = audited("full", "a");
  const Verified v = verify_folder(audit);
  EXPECT_TRUE(v.finished);
  EXPECT_EQ(v.steps, 2u);
  EXPECT_EQ(v.above, 0u);
  EXPECT_GT(v.shadowed, 100u);
  EXPECT_GT(v.worst_rho, 0.0);
  EXPECT_GT(v.worst_folded, 0.0);  // folding rounds the weights anew
  EXPECT_LT(v.worst_folded, 1e-4);
  TraceReader trace(audit / "trace.vtr", v.identity.sha256);
  TraceBlock block;
  std::map<std::string, int> seen;
  while (trace.next(block)) {
    for (const OpRecord& r : block.records) {
      EXPECT_EQ(r.phase, Phase::forward);
      if (trace.name(r.tensor) == "y" || r.has(kOtherForm)) ++seen[trace.name(r.node)];
    }
  }
  EXPECT_EQ(seen["conv_stem/conv2d"], 2);
  EXPECT_EQ(seen["blocks.1.0.conv_dw/depthwise_conv2d"], 2);
  EXPECT_EQ(seen["classifier/linear"], 2);
  EXPECT_EQ(seen["folded/logits"], 2);
}

TEST_F(AuditedPrediction, SummaryShowsAnotherOpInEachBatch) {
  const Verified full = verify_folder(audited("full", "f")), summary = verify_folder(audited("summary", "s"));
  EXPECT_EQ(summary.above, 0u);
  EXPECT_GT(summary.records, 2u);
  EXPECT_LT(summary.records * 10, full.records);
}

TEST_F(AuditedPrediction, TheCommandsReadIt) {
  audited("full", "a");
  audited("full", "b");
  const Outcome verified = vitrine_program("audit verify " + path("a"));
  EXPECT_EQ(verified.code, 0) << verified.output;
  EXPECT_NE(verified.output.find("folded network's logits differ"), std::string::npos) << verified.output;
  const Outcome remade = vitrine_program("audit verify " + path("a") + " --steps 0..0");
  EXPECT_EQ(remade.code, 2);
  EXPECT_NE(remade.output.find("audit of a prediction"), std::string::npos) << remade.output;
  const Outcome diff = vitrine_program("audit diff " + path("a") + " " + path("b") + " --at 1");
  EXPECT_EQ(diff.code, 0) << diff.output;
  const Outcome same = vitrine_program("audit bisect " + path("a") + " " + path("b"));
  EXPECT_EQ(same.code, 0) << same.output;
  EXPECT_NE(same.output.find("every step is the same"), std::string::npos) << same.output;
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
  const std::string script = std::string("python3 ") + VITRINE_SOURCE_DIR + "/scripts/verify.py ";
  EXPECT_EQ(vitrine::testing::shell(script + path("a") + " 2>&1").code, 0);
  write_file(folder / "a" / "lineage.jsonl", read_file(folder / "a" / "lineage.jsonl", 1u << 20) + "x");
  EXPECT_EQ(vitrine::testing::shell(script + path("a") + " 2>&1").code, 3);
}

TEST_F(AuditedPrediction, BisectionTellsOtherInputsAndOtherWeights) {
  const fs::path a = audited("full", "a");
  tensor("other", 18, 2);
  const Parting inputs = bisect(a, audited("full", "b", "w", "other"), nullptr);
  EXPECT_EQ(inputs.cause, Cause::data);
  EXPECT_EQ(inputs.verdict, Verdict::other_inputs);
  weights("v", 2);
  const Parting parted = bisect(a, audited("full", "c", "v"), nullptr);
  EXPECT_EQ(parted.cause, Cause::weights);
}

TEST_F(AuditedPrediction, TheFoldedNetworksLogitsAreHeldAgainstTheComposedOnes) {
  EfficientNet net(architecture("lite0"), Semantics{}, 3);
  net.initialize(1);
  Tensor images = Tensor::zeros({1, 32, 32, 3});
  Tensor logits = Inference(net).run(images);
  const PredictionStart start{"full", {folder / "w.safetensors"}, {{"x", "unreadable"}}, {}, net};
  PredictionAudit good(folder / "good", start);
  good.predicted(images, logits, start.inputs);
  good.finish();
  logits.mutable_host()[1] += 0.5f;  // as if the folded network computed something else
  PredictionAudit bad(folder / "bad", start);
  bad.predicted(images, logits, start.inputs);
  bad.finish();
  EXPECT_GT(verify_folder(folder / "bad").worst_folded, 0.49);
  const Parting p = bisect(folder / "good", folder / "bad", nullptr);
  EXPECT_EQ(p.cause, Cause::forward);
  ASSERT_TRUE(p.a.has_value());
  EXPECT_EQ(p.a->node, "folded/logits");
  EXPECT_EQ(p.verdict, Verdict::undecided);
}

TEST_F(AuditedPrediction, PhotographsAreNamedAndRefusedOnesHaveNoStep) {
  if (!can_read_photographs()) GTEST_SKIP() << "built without libjpeg-turbo and libpng";
  write_file(folder / "good.png", golden("colour_2_8.png"));
  write_file(folder / "cut.jpg", golden("exif_6.jpg").substr(0, 500));
  const std::string words =
      "predict --weights " + path("w.safetensors") + " --no-sandbox --images " + path("cut.jpg") + " " + path("good.png");
  const Outcome off = vitrine_program(words), full = vitrine_program(words + " --audit full --audit-folder " + path("a"));
  EXPECT_EQ(full.code, 3);
  EXPECT_EQ(full.output, off.output);
  EXPECT_EQ(verify_folder(folder / "a").steps, 1u);
  const std::string lineage = read_file(folder / "a" / "lineage.jsonl", 1u << 20);
  EXPECT_NE(lineage.find("\"sample\":\"good.png\",\"sha256\":\"" + sha256_of_file(folder / "good.png", 1u << 20)),
            std::string::npos)
      << lineage;
}

TEST_F(AuditedPrediction, RefusesWhatItWouldOverwriteAndWordsThatDoNotFit) {
  const std::string words = "predict --weights " + path("w.safetensors") + " --tensor " + path("x.safetensors") + " -o " +
                            path("l.safetensors") + " ";
  EXPECT_EQ(vitrine_program(words + "--audit full").code, 2);
  EXPECT_EQ(vitrine_program(words + "--audit-folder " + path("a")).code, 2);
  EXPECT_EQ(vitrine_program(words + "--audit all --audit-folder " + path("a")).code, 2);
  fs::create_directories(folder / "mine");
  write_file(folder / "mine" / "notes.txt", "x");
  EXPECT_EQ(vitrine_program(words + "--audit full --audit-folder " + path("mine")).code, 2);
  EXPECT_TRUE(fs::exists(folder / "mine" / "notes.txt"));
  EXPECT_EQ(vitrine_program(words + "--audit full --audit-folder " + path("a")).code, 0);
  EXPECT_EQ(vitrine_program(words + "--audit summary --audit-folder " + path("a")).code, 0);  // its own is replaced
}

}  // namespace
}  // namespace vitrine::audit
