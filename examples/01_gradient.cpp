// A gradient by hand and by the tape.
// You see   one expression, what the tape recorded of it, and its derivative, twice
// Change    the expression below, and the derivative beside it: the last line says whether they still agree
// Watch     the tape has one line for each op; the backward pass walks it from the end
// Next      02_digits_mlp.cpp: the same on weights
#include <vitrine/vitrine.h>

#include <cmath>
#include <cstdio>
#include <iostream>

using namespace vitrine;

int main() {
  const float x = 0.7f;
  Tape tape;
  const Variable leaf = tape.input(Tensor::full({1}, x));
  const Variable y = add(swish(leaf), tanh(leaf));  // y = x sigmoid(x) + tanh(x)
  std::printf("y = %.7f, on the tape:\n", static_cast<double>(y.tensor().host()[0]));
  tape.print(std::cout);
  const double by_tape = static_cast<double>(tape.backward(y).of(leaf).host()[0]);
  const double s = 1 / (1 + std::exp(-static_cast<double>(x))), t = std::tanh(static_cast<double>(x));
  const double by_hand = s * (1 + static_cast<double>(x) * (1 - s)) + 1 - t * t;
  std::printf("dy/dx by the tape %.7f, by hand %.7f\n", by_tape, by_hand);
  std::printf("%s\n", std::abs(by_tape - by_hand) < 2e-7 * std::abs(by_hand) ? "equal to float32" : "NOT equal");
}
