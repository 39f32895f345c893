#include "imaging/steps/mask_labels.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"

namespace vitrine::imaging {
namespace {

constexpr double kWhole = 1e-3;
constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kMostListed = 6;

template <class Labels>
std::string listed(const Labels& labels) {
  std::string out;
  std::size_t n = 0;
  for (const int label : labels) {
    if (n++ < kMostListed) out += text(n > 1 ? ", " : "", label);
  }
  return n > kMostListed ? out + ", ..." : out;
}

}  // namespace

Volume chosen_labels(Volume mask, const std::vector<int>& labels, const std::string& what, Notes& notes) {
  if (labels.empty()) return mask;
  std::set<int> chosen, left_out;
  int last = 0;
  for (std::size_t at = 0; at < mask.data.size(); ++at) {
    if (at % kPiece == 0) check_interrupt("preparation");
    const double value = static_cast<double>(mask.data[at]), label = std::round(value);
    if (!(std::abs(value - label) <= kWhole) || std::abs(label) > 65535) {
      throw DataError(
          text(what, " holds the value ", shortest(mask.data[at]),
               ", expected whole labels, as the column mask_labels names some; leave that cell empty, or bring labels"));
    }
    const int number = static_cast<int>(label);
    const bool is_one = std::binary_search(labels.begin(), labels.end(), number);
    if (number != 0 && number != last) (is_one ? chosen : left_out).insert(number);
    last = number;
    mask.data[at] = is_one ? 1.0F : 0.0F;
  }
  if (chosen.empty()) {
    throw DataError(text(what, " holds none of the labels ", listed(labels), " of the column mask_labels, but ",
                         left_out.empty() ? std::string("nothing") : listed(left_out),
                         "; correct the column, or leave the subject out"));
  }
  note(notes, text(what, ": the labels ", listed(chosen), " were taken for the lesion",
                   left_out.empty() ? std::string() : text(", ", listed(left_out), " left out")));
  return mask;
}

}  // namespace vitrine::imaging
