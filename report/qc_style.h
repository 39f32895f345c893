// The looks of the page of quality control, and what its browser may do.
#pragma once

#include <string>

namespace vitrine::report {

// <head>: title, style, and the policy by which nothing is loaded but this style, this page's script and pictures in the page or beside it.
std::string qc_head(const std::string& title);

// <script>: j and k lead from subject to subject.
std::string qc_script();

}  // namespace vitrine::report
