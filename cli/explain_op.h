// The pages of ops on the command line.
#pragma once

#include <string>

namespace vitrine::cli {

struct ExplainOpCommand {
  std::string op, output;
  bool measure = false;
};

bool names_op(
    const std::string& word);  // and nothing of that name lies on the disk; also what looks like a slip in an op's name
void list_ops();
void explain_op(const ExplainOpCommand& command);  // UsageError naming the nearest op

}  // namespace vitrine::cli
