// What an observer of a tape is told, in order, and what nodes show.
#include "autograd/observer.h"

#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>
#include <vector>

#include "autograd/reshape.h"
#include "base/error.h"
#include "layers/add.h"
#include "layers/cross_entropy.h"
#include "layers/linear.h"
#include "layers/swish.h"
#include "tests/saved_tensors.h"

namespace vitrine::testing {
namespace {

std::string values(const Tensor& t) {
  std::string all;
  if (!t.defined()) return "-";
  for (const float v : t.host()) all += (all.empty() ? "" : " ") + text(v);
  return all;
}

class Log final : public TapeObserver {
 public:
  void recorded(const TapeEntry& e, const Tensor& output) override { line("record", e) << " = " << values(output) << "\n"; }
  void before_backward(const TapeEntry& e, const Tensor& dy) override { line("before", e) << " dy " << values(dy) << "\n"; }
  void after_backward(const TapeEntry& e, const Tensor& dy, std::span<const Tensor> gradients) override {
    line("after", e) << " dy " << values(dy);
    for (const Tensor& g : gradients) out << " | " << values(g);
    out << "\n";
  }
  void leaf_gradient(const TapeEntry& e, const Tensor& g) override { line("leaf", e) << " " << values(g) << "\n"; }

  std::ostringstream out;

 private:
  std::ostream& line(const char* what, const TapeEntry& e) {
    out << what << " " << e.id << " " << e.name() << "(";
    for (const int id : e.inputs) out << " " << id;
    return out << " ) " << e.shape.text();
  }
};

TEST(TapeObserverSmoke, IsToldOfEveryLeafOpAndBackwardStepInOrder) {
  Log log;
  Tape tape;
  tape.observe(&log);
  const Parameter p{Tensor::full({2}, 3.0f)};
  const Variable x = tape.input(Tensor::from({2}, std::vector<float>{1, 2}));
  const Variable constant = Tensor::full({2}, 5.0f);
  const Variable sum = add(tape.parameter(p), x);
  add(x, x);  // what the output does not depend on is passed over in the backward pass
  const Variable y = add(reshape(sum, {2}), constant);
  add(y, tape.parameter(p));  // no new leaf
  EXPECT_EQ(y.id(), 5);
  EXPECT_EQ(constant.id(), -1);
  tape.backward(y, Tensor::from({2}, std::vector<float>{10, 20}));
  EXPECT_EQ(log.out.str(),
            "record 0 input( ) [2] = 1 2\n"
            "record 1 parameter( ) [2] = 3 3\n"
            "record 2 add( 1 0 ) [2] = 4 5\n"
            "record 3 add( 0 0 ) [2] = 2 4\n"
            "record 4 reshape( 2 ) [2] = 4 5\n"
            "record 5 add( 4 -1 ) [2] = 9 10\n"
            "record 6 add( 5 1 ) [2] = 12 13\n"
            "before 5 add( 4 -1 ) [2] dy 10 20\n"
            "after 5 add( 4 -1 ) [2] dy 10 20 | 10 20 | 10 20\n"
            "before 4 reshape( 2 ) [2] dy 10 20\n"
            "after 4 reshape( 2 ) [2] dy 10 20 | 10 20\n"
            "before 2 add( 1 0 ) [2] dy 10 20\n"
            "after 2 add( 1 0 ) [2] dy 10 20 | 10 20 | 10 20\n"
            "leaf 1 parameter( ) [2] 10 20\n"
            "leaf 0 input( ) [2] 10 20\n");
}

TEST(TapeObserver, IsToldTheAddedUpGradientOfALeafAndWhichParameterItIs) {
  struct Leaves final : TapeObserver {
    void leaf_gradient(const TapeEntry& e, const Tensor& g) override { seen.emplace_back(e.parameter, values(g)); }
    std::vector<std::pair<const Parameter*, std::string>> seen;
  } leaves;
  Tape tape;
  tape.observe(&leaves);
  const Parameter p{Tensor::full({1}, 2.0f)};
  const Variable v = tape.parameter(p);
  tape.backward(add(add(v, v), v));
  ASSERT_EQ(leaves.seen.size(), 1u);
  EXPECT_EQ(leaves.seen[0].first, &p);
  EXPECT_EQ(leaves.seen[0].second, "3");
}

TEST(TapeObserver, ChangesNoBitAndCanBeTakenOff) {
  const auto run = [](TapeObserver* observer, bool off) {
    Tape tape;
    tape.observe(observer);
    const Variable x = tape.input(Tensor::from({3}, std::vector<float>{-1, 0.5f, 2}));
    const Variable y = swish(x);
    if (off) tape.observe(nullptr);
    return values(tape.backward(swish(add(y, x)), Tensor::full({3}, 1.0f)).of(x));
  };
  Log all, some;
  const std::string expected = run(nullptr, false);
  EXPECT_EQ(run(&all, false), expected);
  EXPECT_EQ(run(&some, true), expected);
  EXPECT_EQ(some.out.str(), "record 0 input( ) [3] = -1 0.5 2\nrecord 1 swish( 0 ) [3] = -0.268941 0.31123 1.76159\n");
}

TEST(TapeObserver, WhatItThrowsPassesThrough) {
  struct Refuses final : TapeObserver {
    explicit Refuses(std::string w) : where(std::move(w)) {}
    void recorded(const TapeEntry& e, const Tensor&) override { refuse("recorded " + std::string(e.name())); }
    void before_backward(const TapeEntry&, const Tensor&) override { refuse("before"); }
    void after_backward(const TapeEntry&, const Tensor&, std::span<const Tensor>) override { refuse("after"); }
    void leaf_gradient(const TapeEntry&, const Tensor&) override { refuse("leaf"); }
    void refuse(const std::string& here) const {
      if (here == where) throw std::runtime_error(here);
    }
    std::string where;
  };
  for (const char* const where : {"recorded input", "recorded swish", "before", "after", "leaf"}) {
    Refuses observer(where);
    Tape tape;
    tape.observe(&observer);
    try {
      const Variable x = tape.input(Tensor::full({1}, 1.0f));
      tape.backward(swish(x));
      FAIL() << where;
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), where);
    }
    tape.observe(nullptr);
    if (std::string_view(where).starts_with("recorded")) {  // the forward pass goes on
      const Variable x = tape.input(Tensor::full({1}, 1.0f));
      EXPECT_TRUE(tape.backward(swish(x)).of(x).defined());
    } else {  // nodes are gone: a second pass would find leaves in their places
      EXPECT_THROW(tape.input(Tensor::zeros({1})), InternalError);
    }
  }
}

TEST(TapeObserver, IsNotToldWhatIsRefused) {
  Log log;
  Tape tape;
  tape.refuse_non_finite();
  tape.observe(&log);
  const Variable x = tape.input(Tensor::full({1}, 3e38f));
  log.out.str("");
  EXPECT_THROW(add(x, x), NumericalError);
  EXPECT_EQ(log.out.str(), "");
}

TEST(SavedTensors, AreShownUnderTheNamesOfTheNodesMembersWithTheNumbersOfTheOp) {
  struct List final : SavedVisitor {
    void see(std::string_view name, const Tensor& t) override { all += text(name, t.shape().text(), " "); }
    void see(std::string_view name, double number) override { all += text(name, "=", number, " "); }
    std::string all;
  };
  struct Keep final : TapeObserver {
    void recorded(const TapeEntry& e, const Tensor&) override {
      if (e.node != nullptr) e.node->visit(list);
    }
    List list;
  } keep;
  Tape tape;
  tape.observe(&keep);
  const Variable x = tape.input(Tensor::zeros({2, 3})), w = tape.input(Tensor::zeros({3, 4}));
  cross_entropy(linear(x, w, Tensor::zeros({4})), Tensor::full({2, 4}, 0.25f), 0.1);
  EXPECT_EQ(keep.list.all, "x[2, 3] w[3, 4] biased=1 logits[2, 4] targets[2, 4] smoothing=0.1 ");
}

TEST(SavedTensors, OfAReshape) {
  expect_nodes_show_what_they_hold([](Tape& tape) { flatten(tape.input(Tensor::zeros({2, 3, 4}))); });
}

// A node with three members, of which `shown` are shown.
struct Forgetful final : Node {
  Tensor x, made, doubled;
  int shown;

  Forgetful(Tensor input, int count)
      : x(std::move(input)), made(Tensor::zeros({100})), doubled(Tensor::zeros({50})), shown(count) {}
  std::string_view name() const override { return "forgetful"; }
  void visit(SavedVisitor& show) const override {
    if (shown > 0) show("x", x);
    if (shown > 1) show("made", made);
    if (shown > 2) show("doubled", doubled);
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {dy}; }
};

TEST(SavedTensors, AMemberThatIsNotShownIsFound) {
  for (const int shown : {0, 1, 2, 3}) {
    const std::uint64_t hidden = bytes_held_and_not_shown([&](Tape& tape) {
      const Variable inputs[] = {tape.input(Tensor::zeros({10}))};
      record<Forgetful>(Tensor::zeros({10}), inputs, inputs[0].tensor(), shown);
    });
    EXPECT_EQ(hidden == 0, shown == 3) << shown;
  }
}

}  // namespace
}  // namespace vitrine::testing
