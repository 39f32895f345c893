#include "audit/op_pages/op_page.h"

#include <algorithm>
#include <cmath>

#include "audit/op_pages/contract.h"
#include "audit/op_pages/example.h"
#include "audit/op_pages/machines.h"
#include "audit/op_pages/order.h"
#include "audit/op_pages/shadows.h"
#include "audit/op_pages/sizes.h"
#include "base/error.h"
#include "base/number.h"
#include "tensor/parallel.h"

namespace vitrine::op_pages {
namespace {

std::string short_number(double v) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.1e", v);
  return v == 0 ? "0" : digits;
}

// A tensor's rows, one a line: values of the last axis.
std::vector<std::string> lines_of(const std::string& name, const Tensor& t) {
  const Shape& s = t.shape();
  std::vector<std::string> lines{text(name, "  ", s.text())};
  const Doubles values = doubles_of(t);
  const std::size_t row = s.rank() == 0 ? 1 : static_cast<std::size_t>(s.back());
  for (std::size_t first = 0; first < values.size(); first += row) {
    std::string line = "  ";
    for (std::size_t i = first; i < first + row; ++i) line += (i > first ? "  " : "") + number(values[i]);
    lines.push_back(std::move(line));
  }
  return lines;
}

// Formulas keep their lines, the rest is prose.
void add_text(PageSection& section, const Contract& contract, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    std::vector<std::string> lines = contract.lines_of(name);
    if (lines.empty()) continue;
    if (std::string_view(name) == "Forward") {
      section.blocks.push_back(Formula{std::move(lines)});
      continue;
    }
    std::string prose = text(name, ":");
    for (const std::string& line : lines) prose += " " + line.substr(std::min(line.find_first_not_of(' '), line.size()));
    section.blocks.push_back(Paragraph{std::move(prose), false});
  }
}

PageSection contract_section(const Contract& contract) {
  PageSection section{"contract", "What it computes", {}};
  add_text(section, contract, {"Forward", "Shapes", "Requires", "Saved", "Differs", "Reference"});
  return section;
}

// What the kernel gave beside what the definition says; with bounds where the op has them.
class Comparison {
 public:
  Comparison(const std::string& caption, bool quotients, bool bounds)
      : table_{caption, {"element", "kernel", "reference"}, {}}, quotients_(quotients), bounds_(bounds) {
    table_.columns.emplace_back(quotients ? "quotient" : "difference");
    if (bounds) table_.columns.insert(table_.columns.end(), {"bound", "rho"});
  }
  void add(const std::string& name, const Tensor& got, const Doubles& truth, const Doubles& quotient,
           const std::vector<Bounded>& bounds) {
    for (std::int64_t i = 0; i < got.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto value = static_cast<double>(got.host()[at]);
      std::vector<std::string> row{name + element_name(got.shape(), i), number9(value), number9(truth[at])};
      row.push_back(quotients_ ? number9(quotient[at]) : short_number(std::abs(value - truth[at])));
      if (bounds_ && bounds.empty()) row.insert(row.end(), {"-", "-"});
      if (bounds_ && !bounds.empty()) {
        const double error = std::abs(value - bounds[at].value);
        row.insert(row.end(), {short_number(bounds[at].bound), error == 0 ? "0" : fixed(error / bounds[at].bound, 3)});
      }
      table_.rows.push_back(std::move(row));
    }
  }
  NumberTable table() && { return std::move(table_); }

 private:
  NumberTable table_;
  bool quotients_, bounds_;
};

PageSection example_section(const Example& example, const Computed& got, const Working& working) {
  PageSection section{"example", "A worked example", {}};
  std::vector<std::string> lines;
  for (const ExampleInput& input : example.inputs) {
    if (!input.value.defined()) continue;
    for (std::string& line : lines_of(input.name, input.value)) lines.push_back(std::move(line));
  }
  section.blocks.push_back(Formula{std::move(lines)});
  if (!example.given.empty()) section.blocks.push_back(Paragraph{"Given: " + example.given + ".", false});
  for (const NumberTable& table : working.forward) section.blocks.push_back(table);
  const std::vector<Bounded> bounds = bounds_of(example, got, -1);
  Comparison result(text("The kernel's float32 beside the definition in float64"), false, !bounds.empty());
  result.add(example.output, got.y, example.forward(values_of(example)), {}, bounds);
  section.blocks.push_back(std::move(result).table());
  return section;
}

PageSection backward_section(const Contract& contract, const Example& example, const Computed& got, const Working& working) {
  PageSection section{"backward", "The way back", {}};
  section.blocks.push_back(Formula{contract.lines_of("Backward")});
  std::vector<std::string> lines = lines_of("d" + example.output, example.dy);
  section.blocks.push_back(Formula{std::move(lines)});
  for (const NumberTable& table : working.backward) section.blocks.push_back(table);
  const std::vector<Doubles> truth = example.backward(values_of(example), doubles_of(example.dy)),
                             quotients = difference_quotients(example);
  std::vector<std::vector<Bounded>> bounds(example.inputs.size());
  bool any = false;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    bounds[i] = bounds_of(example, got, static_cast<int>(i));
    any = any || !bounds[i].empty();
  }
  Comparison result("Gradients: the kernel's, the definition's, and (L(x + h) - L(x - h)) / 2h of L = sum dy y in float64",
                    true, any);
  for (std::size_t i = 0; i < example.inputs.size(); ++i) {
    if (got.gradients[i].defined())
      result.add("d" + example.inputs[i].name, got.gradients[i], truth[i], quotients[i], bounds[i]);
  }
  section.blocks.push_back(std::move(result).table());
  return section;
}

PageSection order_section(const Contract& contract) {
  PageSection section{"order", "The order of its sums", {}};
  add_text(section, contract, {"Numerics"});
  const std::vector<OrderOfSum> orders = orders_of(contract.op);
  if (orders.empty())
    section.blocks.push_back(
        Paragraph{"Each element is computed alone: there is no sum, so nothing depends on an order.", false});
  for (const OrderOfSum& order : orders) section.blocks.push_back(order);
  return section;
}

PageSection kernels_section(std::string_view op, bool measure) {
  PageSection section{"kernels", "Its kernels", {}};
  const Example large = example_of(op, Scale::b0);
  std::string shapes;
  for (const ExampleInput& input : large.inputs) {
    if (input.value.defined()) shapes += text(shapes.empty() ? "" : ", ", input.name, " ", input.value.shape().text());
  }
  section.blocks.push_back(
      Paragraph{text("On the worked example and on sizes of EfficientNet-b0 (", shapes, large.given.empty() ? "" : "; ",
                     large.given, "): output and gradients are compared bit by bit with those of scalar code."),
                false});
  NumberTable table{"Sets of kernels", {"set", "bits"}, {}, !measure};
  if (measure) table.columns.insert(table.columns.end(), {"forward, ms", "backward, ms"});
  bool differ = false;
  for (const KernelSet& set : kernel_sets(op, measure)) {
    std::vector<std::string> row{set.name, !set.available ? "not on this machine" : set.same_bits ? "equal" : "DIFFERENT"};
    if (measure)
      row.insert(row.end(),
                 {set.forward > 0 ? fixed(1e3 * set.forward, 3) : "-", set.backward > 0 ? fixed(1e3 * set.backward, 3) : "-"});
    differ = differ || (set.available && !set.same_bits);
    table.rows.push_back(std::move(row));
  }
  section.blocks.push_back(std::move(table));
  if (differ)
    section.blocks.push_back(Paragraph{"Bits differ between sets: that is a fault of this build or this machine.", true});
  if (measure)
    section.blocks.push_back(Paragraph{text("Times are the least of several runs on ", thread_count(),
                                            thread_count() == 1 ? " thread" : " threads", ", with what a tape adds to an op."),
                                       false});
  const std::vector<ShadowLine> lines = shadow_lines(computed(large), large.dy);
  NumberTable rho{
      "rho = |computed - value| / bound at these sizes; at most 1", {"tensor", "elements", "looked at", "median", "worst"}, {}};
  for (const ShadowLine& line : lines)
    rho.rows.push_back({line.of + (line.inner ? " (inside)" : ""), text(line.elements), text(line.checked),
                        fixed(line.median, 4), fixed(line.worst, 4)});
  if (!lines.empty()) section.blocks.push_back(std::move(rho));
  return section;
}

}  // namespace

Page op_page(std::string_view op, bool measure) {
  const Contract contract = contract_of(op);
  const Example example = example_of(op);
  const Computed got = computed(example);
  const Working working = example.working(values_of(example), doubles_of(example.dy));
  Page page{contract.op, contract.purpose, {}};
  page.sections.push_back(contract_section(contract));
  page.sections.push_back(example_section(example, got, working));
  page.sections.push_back(backward_section(contract, example, got, working));
  page.sections.push_back(order_section(contract));
  page.sections.push_back({"bound", "Its error bound in EfficientNet-b0", sizes_of(op)});
  page.sections.push_back(kernels_section(op, measure));
  Sources sources;
  for (const OpSource& s : sources_of(op)) sources.links.push_back({std::string(s.role), std::string(s.file), s.line});
  page.sections.push_back({"source", "Where it stands", {std::move(sources)}});
  return page;
}

}  // namespace vitrine::op_pages
