// `vitrine explain OP` and `vitrine audit explain OP`: what an op promises, and every number of a small example of it.
#include "cli/explain_op.h"

#include <unistd.h>

#include <cstdio>
#include <memory>

#include "audit/op_pages/contract.h"
#include "audit/op_pages/op_page.h"
#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/output.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "cli/command.h"
#include "cli/commands.h"

namespace vitrine::cli {

bool names_op(const std::string& word) {
  if (path_exists(word)) return false;
  return op_pages::is_op(word) || word.find_first_of("./\\") == std::string::npos;
}

void list_ops() {
  for (const std::string& op : op_pages::op_names())
    std::printf("%-20s  %s\n", op.c_str(), op_pages::contract_of(op).purpose.c_str());
}

void explain_op(const ExplainOpCommand& c) {
  if (!op_pages::is_op(c.op)) {
    const std::string nearest = nearest_name(c.op, op_pages::op_names());
    throw UsageError(text(
        "'", printable(c.op, 40), "' is neither a file or folder nor an op; ",
        nearest.empty() ? std::string("`vitrine explain --list-ops` lists the ops") : text("did you mean ", nearest, "?")));
  }
  if (!c.output.empty() && !is_standard_output(c.output) && !c.output.ends_with(".html"))
    throw UsageError(text("-o is ", std::filesystem::path(c.output), ", expected a name that ends in .html"));
  if (!c.output.empty()) check_output(c.output, {});
  const op_pages::Page page = op_pages::op_page(c.op, c.measure);
  if (!c.output.empty()) return write_output(c.output, op_pages::html_text(page));
  write_output("-", op_pages::terminal_text(page, is_terminal(STDOUT_FILENO) && wants_colour()));
}

void add_audit_explain(Command audit, Chosen& chosen) {
  const auto command = std::make_shared<ExplainOpCommand>();
  const auto list = std::make_shared<bool>(false);
  const auto sub =
      audit.add_subcommand("explain", "an op: formula, an example with every number, gradient, order of sums, bound, kernels");
  sub.add_option("op", command->op, "its name: swish, conv2d, batch_norm, ...");
  sub.add_flag("--list-ops", *list, "print the names of all ops");
  sub.add_flag("--measure", command->measure, "with the times of its kernels on this machine");
  sub.add_option("-o,--output", command->output, "a page (.html) instead of text");
  sub.footer("Example: vitrine audit explain swish");
  sub.callback([=, &chosen] {
    chosen = [=] {
      if (*list) return list_ops();
      if (command->op.empty()) throw UsageError("no op is named; `vitrine audit explain --list-ops` lists them");
      explain_op(*command);
    };
  });
}

}  // namespace vitrine::cli
