// `vitrine audit graph`: the ops of a network as its tape records them, as a page or for Graphviz.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "audit/graph.h"
#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/output.h"
#include "cli/checkpoint_options.h"
#include "cli/command.h"
#include "cli/commands.h"

namespace vitrine::cli {
namespace {

struct AuditGraphCommand {
  CheckpointCommand checkpoint;
  std::string output, form = "both", colour = "memory";
  std::int64_t size = 64, batch = 1;
};

// More would not fit a drawing's purpose, and memory is taken for a whole training pass.
constexpr std::int64_t kMostPixels = 16 * 512 * 512;

void check_options(const AuditGraphCommand& c) {
  if (c.size < 32 || c.size > 1024) throw UsageError(text("--size is ", c.size, ", expected 32 to 1024 pixels"));
  if (c.batch < 1 || c.batch > 1024) throw UsageError(text("--batch is ", c.batch, ", expected 1 to 1024"));
  if (c.batch * c.size * c.size > kMostPixels)
    throw UsageError(text("--batch ", c.batch, " and --size ", c.size, " make ", c.batch * c.size * c.size, " pixels, at most ",
                          kMostPixels, "; take fewer images or smaller ones"));
}

void print_summary(const std::vector<NetworkGraph>& graphs) {
  std::printf("%-10s  %5s  %12s  %14s  %12s\n", "form", "ops", "parameters", "multiply-adds", "saved");
  for (const NetworkGraph& graph : graphs) {
    const GraphUnit total = graph.total();
    std::printf("%-10s  %5zu  %12s  %14s  %12s\n", graph.form.c_str(), graph.nodes.size() - 1,
                short_count(static_cast<double>(total.parameter_count)).c_str(), short_count(total.multiply_adds).c_str(),
                short_bytes(static_cast<double>(total.saved_bytes)).c_str());
  }
}

void run_audit_graph(AuditGraphCommand c) {
  const std::size_t form = chosen_name("--form", c.form, {"composed", "fused", "both"});
  const auto colour = static_cast<GraphColour>(chosen_name("--colour", c.colour, {"memory", "work", "time"}));
  check_options(c);
  const bool dot = c.output.ends_with(".dot");
  if (!dot && !c.output.ends_with(".html") && !is_standard_output(c.output))
    throw UsageError(text("-o is ", std::filesystem::path(c.output), ", expected a name that ends in .html or .dot"));
  if (dot && form == 2) throw UsageError("a .dot file holds one form; pass --form composed or --form fused");
  c.checkpoint.file = checkpoint_of_run(c.checkpoint.file);
  check_output(c.output, {c.checkpoint.file});
  EfficientNet net = load_checkpoint(c.checkpoint);
  const int passes = colour == GraphColour::time ? 5 : 0;
  std::vector<NetworkGraph> graphs;
  if (form != 1) graphs.push_back(network_graph(net, c.batch, c.size, GraphForm::composed, passes));
  if (form != 0) graphs.push_back(network_graph(net, c.batch, c.size, GraphForm::fused, passes));
  write_output(c.output, dot ? graph_dot(graphs.front())
                             : graph_html(text("EfficientNet-", net.arch.name, ", op by op"), graphs, colour));
  if (!is_standard_output(c.output)) print_summary(graphs);
}

}  // namespace

void add_audit_graph(Command audit, Chosen& chosen) {
  const auto command = std::make_shared<AuditGraphCommand>();
  const auto sub = audit.add_subcommand("graph", "the ops of a network as its tape records them, as a page or for Graphviz");
  sub.add_option("weights", command->checkpoint.file, "a checkpoint, or the folder of a run (its first finished fold)")
      .required();
  sub.add_option("-o,--output", command->output, "page (.html) or Graphviz text (.dot)").required();
  sub.add_option("--size", command->size, "rows and columns of the images, pixels").capture_default_str();
  sub.add_option("--batch", command->batch, "images").capture_default_str();
  sub.add_option("--form", command->form, "composed (every op), fused (as training runs), or both side by side")
      .capture_default_str();
  sub.add_option("--colour", command->colour, "by share of memory, work (multiply-adds), or time (measured now)")
      .capture_default_str();
  add_checkpoint_options(sub, command->checkpoint.arch, command->checkpoint.from, command->checkpoint.semantics);
  add_ema(sub, command->checkpoint.ema);
  sub.footer("Example: vitrine audit graph best.safetensors -o graph.html --form both");
  sub.callback([=, &chosen] { chosen = [=] { run_audit_graph(*command); }; });
}

}  // namespace vitrine::cli
