// A worked example of an op: small inputs, the op's own kernels, its reference in float64, and every number in between.
//
// Nothing is typed in but the inputs: intermediate numbers are computed when the page is made, and a test compares the last of them with what the
// kernel and the reference give.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "audit/op_pages/page.h"
#include "autograd/tape.h"
#include "layers/shadow.h"

namespace vitrine::op_pages {

using Doubles = std::vector<double>;

struct ExampleInput {
  std::string name;    // "x"
  Tensor value;        // undefined: left out
  bool wanted = true;  // its gradient is part of the example
};

// Tables of the numbers on the way. A test finds the output and gradients in them.
struct Working {
  std::vector<NumberTable> forward, backward;
};

struct Example {
  std::vector<ExampleInput> inputs;  // in the order in which the op records them
  std::string given;                 // "stride 2, ..."; what else the op is told
  Tensor dy;                         // the gradient by the output that the backward pass starts from
  std::string output = "y";

  // Records the op last. `values`: the inputs' on the device where it shall run.
  std::function<Variable(Tape&, const std::vector<Tensor>& values)> op;
  // The definition in float64: the output from the inputs, and the gradients by the inputs from dy as well; empty where one is not wanted.
  std::function<Doubles(const std::vector<Doubles>& values)> forward;
  std::function<std::vector<Doubles>(const std::vector<Doubles>& values, const Doubles& dy)> backward;
  // Numbers between, from the inputs; of the small example alone.
  std::function<Working(const std::vector<Doubles>& values, const Doubles& dy)> working;
};

// What the kernels give: the output, and what the op's backward returned by its inputs.
struct Computed {
  Tensor y;
  std::vector<Tensor> gradients;  // by input, undefined where none is wanted
  SeenOp seen;                    // for layers/shadow.h; on the CPU alone
};
Computed computed(const Example& example, Device device = {});

// By input; each element moved by its step in both directions: (L(x + h) - L(x - h)) / 2h of L = sum dy y, in float64. Empty where not wanted.
std::vector<Doubles> difference_quotients(const Example& example);

std::vector<Doubles> values_of(const Example& example);
Doubles doubles_of(const Tensor& tensor);

enum class Scale { worked, b0 };  // to be read; as large as a layer of EfficientNet-b0
Example example_of(std::string_view op, Scale scale = Scale::worked);
std::vector<std::string> examples();  // the ops that have one

// For the files that make examples.
Tensor tensor(const Shape& shape, std::initializer_list<float> values);
Tensor drawn(const Shape& shape, std::uint32_t which, double deviation = 1);  // normal, a function of `which` alone
std::string number(double value);                                             // at most 6 significant digits
std::string number9(double value);                                            // 9: enough to tell neighbouring float32 apart
// Names of elements: "[0,1,2]" of an index.
std::string element_name(const Shape& shape, std::int64_t index);

}  // namespace vitrine::op_pages
