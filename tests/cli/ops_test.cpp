// `vitrine explain OP`, `vitrine audit explain`, `graph` and `stability`: what they print and write, and what they refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "nn/efficientnet/checkpoint.h"
#include "tests/cli/program.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

class Ops : public Program {
 protected:
  std::string file(const std::string& name) const { return read_file(folder / name, 1u << 24); }
  std::string network() const {
    EfficientNet net(architecture("lite0"), Semantics{}, 2);
    net.initialize(1);
    write_safetensors(folder / "net.safetensors", to_tensor_file(net, {}));
    return path("net.safetensors");
  }
};

TEST_F(Ops, AnOpIsExplainedByBothCommandsAndAlwaysAlike) {
  const Outcome once = vitrine_program("explain swish"), audit = vitrine_program("audit explain swish");
  EXPECT_EQ(once.code, 0) << once.output;
  for (const char* part : {"Swish (SiLU): a smooth gate", "1 + exp(-x)", "layers/swish.h:1", "rho"})
    EXPECT_THAT(once.output, HasSubstr(part));
  EXPECT_EQ(once.output, audit.output);
  const Outcome list = vitrine_program("explain --list-ops");
  EXPECT_EQ(std::count(list.output.begin(), list.output.end(), '\n'), 30) << list.output;
  for (const char* name : {"a.html", "b.html"}) EXPECT_EQ(vitrine_program("explain conv2d -o " + path(name)).code, 0);
  EXPECT_EQ(file("a.html"), file("b.html"));
}

TEST_F(Ops, WhatIsNoOpIsRefused) {
  expect_refusal("explain swich", 2, {"'swich' is neither a file or folder nor an op", "did you mean swish?"});
  expect_refusal("audit explain cov2d", 2, {"did you mean conv2d?"});
  expect_refusal("explain unheard-of", 2, {"--list-ops"});
  expect_refusal("explain", 2, {"nothing is named"});
  expect_refusal("audit explain", 2, {"no op is named"});
  expect_refusal("explain swish -o " + path("page.pdf"), 2, {"page.pdf", ".html"});
  expect_refusal("explain " + path("nowhere/run"), 2, {"pass -o"});
  expect_refusal("explain " + path("nowhere/run") + " --measure -o " + path("out"), 2, {"--measure belongs to an op"});
  expect_refusal("explain swish --fold 1", 2, {"--fold belongs to a run", "swish"});
}

TEST_F(Ops, AGraphIsWrittenAsAPageOrForGraphviz) {
  const std::string net = network();
  const Outcome page = vitrine_program("audit graph " + net + " -o " + path("g.html"));
  EXPECT_EQ(page.code, 0) << page.output;
  for (const char* form : {"composed", "fused"}) EXPECT_THAT(page.output, HasSubstr(form));
  EXPECT_THAT(file("g.html"), HasSubstr("<details id=\"composed-stem\">"));
  EXPECT_EQ(vitrine_program("audit graph " + net + " --form fused -o " + path("g.dot")).code, 0);
  EXPECT_THAT(file("g.dot"), HasSubstr("digraph network {"));
  expect_refusal("audit graph " + net + " -o " + path("g.dot"), 2, {"one form"});
  expect_refusal("audit graph " + net + " -o " + path("g.svg"), 2, {".html or .dot"});
  expect_refusal("audit graph " + net + " --form fuzed -o " + path("g.html"), 2, {"--form is 'fuzed'", "fused"});
  expect_refusal("audit graph " + net + " --size 31 -o " + path("g.html"), 2, {"--size is 31"});
  expect_refusal("audit graph " + net + " --size 1024 --batch 1024 -o " + path("g.html"), 2, {"at most"});
  expect_refusal("audit graph " + net + " --size 32 -o " + path("g.html"), 1, {"one value"});
  expect_refusal("audit graph " + path("") + " -o " + path("g.html"), 3, {"no finished fold"});
}

TEST_F(Ops, StabilityNeedsImages) {
  const std::string net = network();
  expect_refusal("audit stability " + net, 2, {"--images", "--manifest"});
  expect_refusal("audit stability " + net + " --images " + path(""), 3, {"no .png, .jpg or .jpeg file"});
  expect_refusal("audit stability " + net + " --images " + path("x.png") + " --draws 1", 2, {"--draws is 1"});
  expect_refusal("audit stability " + net + " --images " + path("x.png"), 3, {"x.png"});
}

}  // namespace
}  // namespace vitrine::testing
