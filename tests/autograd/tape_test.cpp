#include "autograd/tape.h"
#include "autograd/reshape.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <sstream>

#include "base/error.h"
#include "layers/add.h"
#include "layers/multiply.h"
#include "layers/swish.h"

namespace vitrine::testing {
namespace {

TEST(TapeSmoke, AddsTheGradientsOfEveryUse) {
  Tape tape;
  const Variable x = tape.input(Tensor::full({2}, 1.0f));
  const Variable y = add(add(x, x), x);
  const Gradients g = tape.backward(y, Tensor::from({2}, std::vector<float>{1, 10}));
  EXPECT_EQ(g.of(x).host()[0], 3);
  EXPECT_EQ(g.of(x).host()[1], 30);
}

TEST(Tape, AParameterIsOneLeafHoweverOftenItIsUsed) {
  const Parameter p{Tensor::full({1}, 2.0f)}, unused{Tensor::full({1}, 2.0f)};
  Tape tape;
  const Variable y = add(tape.parameter(p), tape.parameter(p));
  tape.parameter(unused);
  const Gradients g = tape.backward(y);
  EXPECT_EQ(g.of(p).host()[0], 2);
  EXPECT_FALSE(g.of(unused).defined());
}

TEST(Tape, AParametersGradientIsShownOnceAndWholeAndMayChangeIt) {
  Parameter p{Tensor::full({1}, 2.0f)}, q{Tensor::full({1}, 3.0f)}, unused{Tensor::full({1}, 1.0f)};
  const auto loss = [&](Tape& tape) {
    tape.parameter(unused);
    const Variable first = multiply(tape.parameter(p), tape.parameter(q));
    return multiply(swish(first), tape.parameter(p));
  };
  Tape kept;
  const Gradients expected = kept.backward(loss(kept));
  std::map<const Parameter*, float> shown;
  Tape tape;
  tape.backward(loss(tape), [&](const Parameter& parameter, const Tensor& gradient) {
    EXPECT_TRUE(shown.emplace(&parameter, gradient.host()[0]).second);
    const_cast<Parameter&>(parameter).value.mutable_host()[0] = 100;  // nobody reads it, or holds it, any more
  });
  const std::map<const Parameter*, float> wanted = {{&p, expected.of(p).host()[0]}, {&q, expected.of(q).host()[0]}};
  EXPECT_EQ(shown, wanted);
  EXPECT_EQ(p.value.host()[0] + q.value.host()[0], 200);
  EXPECT_THROW(tape.backward(Variable(Tensor::full({2}, 1.0f)), [](const Parameter&, const Tensor&) {}), ShapeError);
}

TEST(Tape, AParameterThatSomebodyHoldsIsNotChangedInBackward) {
  Parameter p{Tensor::full({1}, 2.0f)};
  Tape tape;
  const Variable held = tape.parameter(p);
  const auto change = [&](const Parameter&, const Tensor&) { p.value.mutable_host()[0] = 100; };
  EXPECT_THROW(tape.backward(swish(held), change), InternalError);
  EXPECT_EQ(held.tensor().host()[0], 2);
}

TEST(Tape, ConstantsRecordNothing) {
  Tape tape;
  const Variable c = Tensor::full({1}, 1.0f);
  EXPECT_EQ(swish(add(c, c)).tape(), nullptr);
  const Variable x = tape.input(Tensor::full({1}, 1.0f));
  EXPECT_EQ(add(x, c).tape(), &tape);
  EXPECT_EQ(tape.size(), 2u);
}

TEST(Tape, RefusesMisuse) {
  Tape one, two;
  const Variable a = one.input(Tensor::full({2}, 1.0f)), b = two.input(Tensor::full({2}, 1.0f));
  EXPECT_THROW(add(a, b), InternalError);
  EXPECT_THROW(one.backward(a), ShapeError);  // not a scalar
  EXPECT_THROW(one.backward(a, Tensor::zeros({3})), ShapeError);
  EXPECT_THROW(one.backward(b, Tensor::zeros({2})), InternalError);
  one.backward(a, Tensor::zeros({2}));
  EXPECT_THROW(one.backward(a, Tensor::zeros({2})), InternalError);
  EXPECT_THROW(one.input(Tensor::zeros({1})), InternalError);
}

TEST(Tape, NamesTheFirstOpThatIsNotFinite) {
  Tape tape;
  tape.refuse_non_finite();
  const float huge = std::numeric_limits<float>::max();
  const Variable x = tape.input(Tensor::full({1}, huge));
  try {
    add(x, x);
    FAIL() << "an infinity passed";
  } catch (const NumericalError& error) {
    EXPECT_NE(std::string(error.what()).find("op 1 (add"), std::string::npos) << error.what();
  }
}

TEST(Tape, PrintsOneLineANode) {
  Tape tape;
  const Variable x = tape.input(Tensor::full({2}, 1.0f));
  swish(x);
  std::ostringstream out;
  tape.print(out);
  EXPECT_EQ(out.str(), "0  input  ()  [2]\n1  swish  (0)  [2]\n");
}

struct Careless final : Node {
  std::vector<Tensor> gradients;

  explicit Careless(std::vector<Tensor> g) : gradients(std::move(g)) {}
  std::string_view name() const override { return "careless"; }
  std::vector<Tensor> backward(const Tensor&, const Wanted&) const override { return gradients; }
};

TEST(Tape, RefusesGradientsThatDoNotFitTheInputs) {
  const auto sentence = [](std::vector<Tensor> gradients) -> std::string {
    Tape tape;
    const Variable inputs[] = {tape.input(Tensor::zeros({6, 7}))};
    const Variable y = record<Careless>(Tensor::zeros({6, 7}), inputs, std::move(gradients));
    try {
      tape.backward(y, Tensor::zeros({6, 7}));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(sentence({}).find("careless: its backward returned 0 gradients for 1 inputs"), std::string::npos) << sentence({});
  EXPECT_NE(sentence({Tensor::zeros({6, 7}), Tensor::zeros({6, 7})}).find("2 gradients for 1"), std::string::npos);
  EXPECT_NE(sentence({Tensor::zeros({1})}).find("the gradient [1] for input 0, which is [6, 7]"), std::string::npos);
  EXPECT_EQ(sentence({Tensor::zeros({6, 7})}), "accepted");
  EXPECT_EQ(sentence({Tensor()}), "accepted");
}

// A state that is carried from step to step: its tape is gone, so it is a constant, wherever the next tape lies.
TEST(Tape, AVariableOfATapeThatIsGoneIsAConstant) {
  Variable state;
  {
    Tape tape;
    state = tape.input(Tensor::full({2}, 1));
    EXPECT_EQ(state.tape(), &tape);
  }
  EXPECT_EQ(state.tape(), nullptr);
  EXPECT_EQ(state.tensor().host()[0], 1);
  Tape next;
  const Variable x = next.input(Tensor::full({2}, 2));
  const Variable inputs[] = {x, state};
  EXPECT_EQ(tape_of(inputs), &next);
}

TEST(Gradients, AreOfTheirOwnTapesLeavesAlone) {
  Tape tape, other;
  const Variable x = tape.input(Tensor::full({2}, 1)), unused = tape.input(Tensor::full({3}, 1));
  const Variable theirs = other.input(Tensor::full({2}, 1));
  const Variable y = reshape(x, {1, 2});
  const Gradients gradients = tape.backward(y, Tensor::full({1, 2}, 1));
  EXPECT_TRUE(gradients.of(x).defined());
  EXPECT_FALSE(gradients.of(unused).defined());
  EXPECT_FALSE(gradients.of(Variable(Tensor::full({2}, 1))).defined());
  EXPECT_THROW(gradients.of(y), InternalError);
  EXPECT_THROW(gradients.of(theirs), InternalError);
}

}  // namespace
}  // namespace vitrine::testing
