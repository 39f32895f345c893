#include "report/search_figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"
#include "report/svg.h"

namespace vitrine::report {
namespace {

constexpr double kWidth = 360;   // units of every drawing: pixels on a phone
constexpr double kLetter = 6.2;  // width of a letter of a tick's label, about

std::string n(double v) { return fixed(v, 1); }

std::string label(double x, double y, const char* anchor, const std::string& what, const char* kind = "tick") {
  return text("<text class=\"", kind, "\" x=\"", n(x), "\" y=\"", n(y), "\" text-anchor=\"", anchor, "\">", escaped(what),
              "</text>\n");
}

std::string open_svg(double height, const std::string& what) {
  return text("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", n(kWidth), " ", n(height),
              "\" role=\"img\" aria-label=\"", escaped(what), "\">\n");
}

double number_of(const std::string& value) {
  double number = 0;
  parse_number(std::string_view(value), number);
  return number;
}

// A scale with its ticks; places run from 0 to 1.
struct Scale {
  double low = 0, high = 1;
  bool log = false;
  std::vector<std::string> categories;  // instead of numbers
  std::vector<std::pair<double, std::string>> ticks;

  double at(double value) const {
    if (!(high > low)) return 0.5;
    return log ? (std::log(value) - std::log(low)) / (std::log(high) - std::log(low)) : (value - low) / (high - low);
  }
  double of_category(std::size_t i) const { return (static_cast<double>(i) + 0.5) / static_cast<double>(categories.size()); }
  double of_text(const std::string& value) const {
    if (categories.empty()) return std::clamp(at(number_of(value)), 0.0, 1.0);
    const auto found = std::find(categories.begin(), categories.end(), value);
    return found == categories.end() ? 0.5 : of_category(static_cast<std::size_t>(found - categories.begin()));
  }
};

std::string tick_text(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

Scale scale_of(const SearchAxis& axis) {
  Scale scale;
  if (!axis.numeric) {
    scale.categories = axis.values;
    for (std::size_t i = 0; i < axis.values.size(); ++i)
      scale.ticks.emplace_back(scale.of_category(i), axis.values[i].empty() ? "-" : axis.values[i]);
    return scale;
  }
  scale.low = axis.low;
  scale.high = axis.high;
  scale.log = axis.log;
  if (!axis.values.empty()) {
    for (const std::string& v : axis.values) scale.ticks.emplace_back(scale.of_text(v), v);
  } else if (axis.log) {
    scale.ticks = {{0, tick_text(axis.low)}, {1, tick_text(axis.high)}};
    for (int power = -30; power <= 30; ++power) {
      const double value = number_of("1e" + std::to_string(power));
      if (value > axis.low && value < axis.high) scale.ticks.emplace_back(scale.at(value), tick_text(value));
    }
  } else {
    for (const double t : round_ticks(axis.low, axis.high))
      scale.ticks.emplace_back(scale.at(t), tick_text(std::abs(t) < 1e-12 ? 0 : t));
  }
  std::sort(scale.ticks.begin(), scale.ticks.end());
  return scale;
}

// Scores as distances from the best, ascending.
std::vector<double> distances(const SearchPage& page) {
  std::vector<double> all;
  for (const SearchRun& run : page.runs) {
    if (run.score.count > 0) all.push_back(page.lower_is_better ? run.score.mean : -run.score.mean);
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = all.size(); i-- > 0;) all[i] -= all.front();
  return all;
}

// A trial that went far astray must not press all others into one point: the scale ends at this many upper quartiles from the best.
constexpr double kMostQuartiles = 4;
double shown_distance(const std::vector<double>& distance) {
  const double quartile = distance[(distance.size() - 1) * 3 / 4];
  return quartile > 0 ? std::min(distance.back(), kMostQuartiles * quartile) : distance.back();
}

Scale score_scale(const SearchPage& page) {
  Scale scale;
  const std::vector<double> distance = distances(page);
  if (distance.empty()) return scale;
  double best = 0;
  bool first = true;
  for (const SearchRun& run : page.runs) {
    if (run.score.count == 0) continue;
    best = first || (page.lower_is_better ? run.score.mean < best : run.score.mean > best) ? run.score.mean : best;
    first = false;
  }
  const double shown = shown_distance(distance);
  scale.low = page.lower_is_better ? best : best - shown;
  scale.high = page.lower_is_better ? best + shown : best;
  const double room = scale.high > scale.low ? 0.04 * (scale.high - scale.low) : 0.01;
  scale.low -= room;
  scale.high += room;
  for (const double t : round_ticks(scale.low, scale.high))
    scale.ticks.emplace_back(scale.at(t), tick_text(std::abs(t) < 1e-12 ? 0 : t));
  return scale;
}

double place_of(const Scale& scores, const SearchRun& run) { return std::clamp(scores.at(run.score.mean), 0.0, 1.0); }

// Labels below a horizontal axis; those that would touch the one before are left out.
std::string tick_labels(const Scale& scale, double left, double width, double y) {
  std::string out;
  double free_from = -1e9;
  for (const auto& [place, what] : scale.ticks) {
    const double x = left + place * width;
    out += text("<line class=\"mark\" x1=\"", n(x), "\" x2=\"", n(x), "\" y1=\"", n(y - 3), "\" y2=\"", n(y + 3), "\"/>\n");
    const double half = kLetter * static_cast<double>(what.size()) / 2;
    const double middle = std::clamp(x, half + 1, std::max(half + 1, kWidth - half - 1));
    if (middle - half < free_from) continue;
    out += label(middle, y + 14, "middle", what);
    free_from = middle + half + 4;
  }
  return out;
}

// From grey through light to dark blue: readable without colours, too.
std::string colour(double share) {
  constexpr std::array<std::array<double, 3>, 3> kStops{{{201, 207, 216}, {94, 161, 209}, {8, 64, 120}}};
  const double at = std::clamp(share, 0.0, 1.0) * 2;
  const std::size_t i = at < 1 ? 0 : 1;
  std::string out = "#";
  for (std::size_t c = 0; c < 3; ++c) {
    const int value =
        static_cast<int>(std::lround(kStops[i][c] + (kStops[i + 1][c] - kStops[i][c]) * (at - static_cast<double>(i))));
    constexpr const char* kDigits = "0123456789abcdef";
    out += kDigits[value / 16];
    out += kDigits[value % 16];
  }
  return out;
}

std::string run_text(const SearchPage& page, const SearchRun& run) {
  std::string what = text("trial ", run.trial, ": ");
  for (std::size_t a = 0; a < page.axes.size(); ++a)
    what += text(a == 0 ? "" : ", ", page.axes[a].name, " ", run.values[a].empty() ? "-" : run.values[a]);
  return what + text("; ", page.metric, " ", score_text(run.score.mean));
}

bool is_best(const SearchPage& page, std::size_t run) { return page.best && *page.best == run; }

// A frame with the score upwards, for the figures that have one.
constexpr double kLeft = 44, kRight = 10, kTop = 8, kHeight = 210, kBottom = 38;
double plot_x(double place) { return kLeft + place * (kWidth - kLeft - kRight); }
double plot_y(double place) { return kHeight - kBottom - place * (kHeight - kTop - kBottom); }

std::string score_frame(const SearchPage& page, const Scale& scores, const std::string& below) {
  std::string out;
  for (const auto& [place, what] : scores.ticks) {
    out += text("<line class=\"grid\" x1=\"", n(plot_x(0)), "\" x2=\"", n(plot_x(1)), "\" y1=\"", n(plot_y(place)), "\" y2=\"",
                n(plot_y(place)), "\"/>\n");
    out += label(kLeft - 5, plot_y(place) + 3.5, "end", what);
  }
  out += text("<line class=\"axis\" x1=\"", n(plot_x(0)), "\" x2=\"", n(plot_x(1)), "\" y1=\"", n(plot_y(0)), "\" y2=\"",
              n(plot_y(0)), "\"/>\n");
  const double middle = (kTop + kHeight - kBottom) / 2;
  out += text("<text class=\"tick\" x=\"11\" y=\"", n(middle), "\" text-anchor=\"middle\" transform=\"rotate(-90 11 ",
              n(middle), ")\">", escaped(page.metric), "</text>\n");
  return out + label(plot_x(0.5), kHeight - 5, "middle", below);
}

std::string dot(double x, double y, bool best, const std::string& what) {
  return text("<circle class=\"", best ? "best" : "run", "\" cx=\"", n(x), "\" cy=\"", n(y), "\" r=\"", best ? "5.0" : "3.2",
              "\"><title>", escaped(what), "</title></circle>\n");
}

}  // namespace

std::size_t scores_beyond(const SearchPage& page) {
  const std::vector<double> distance = distances(page);
  if (distance.empty()) return 0;
  const double shown = shown_distance(distance);
  return static_cast<std::size_t>(std::count_if(distance.begin(), distance.end(), [&](double d) { return d > shown; }));
}

std::string score_text(double score) { return fixed(score, 3); }

std::string count_text(double number) {
  if (number < 1e3) return fixed(number, 0);
  const bool millions = number >= 1e6;
  const double share = number / (millions ? 1e6 : 1e3);
  return fixed(share, share < 10 ? 2 : share < 100 ? 1 : 0) + (millions ? " M" : " k");
}

std::vector<std::size_t> ranked_runs(const SearchPage& page) {
  std::map<int, std::size_t> last;  // of each trial
  for (std::size_t i = 0; i < page.runs.size(); ++i) {
    if (page.runs[i].score.count > 0) last[page.runs[i].trial] = i;
  }
  std::vector<std::size_t> order;
  for (const auto& [trial, run] : last) order.push_back(run);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const SearchRun &x = page.runs[a], &y = page.runs[b];
    if (x.rung != y.rung) return x.rung > y.rung;
    return page.lower_is_better ? x.score.mean < y.score.mean : x.score.mean > y.score.mean;
  });
  return order;
}

std::string parallel_figure(const SearchPage& page) {
  constexpr double kSide = 16, kRow = 62, kFirst = 26;
  std::vector<Scale> scales;
  for (const SearchAxis& axis : page.axes) scales.push_back(scale_of(axis));
  const Scale scores = score_scale(page);
  scales.push_back(scores);
  const double width = kWidth - 2 * kSide, height = kFirst + kRow * static_cast<double>(scales.size() - 1) + 24;
  const auto y = [&](std::size_t a) { return kFirst + kRow * static_cast<double>(a); };
  std::vector<std::size_t> order = ranked_runs(page);
  order.resize(std::min(order.size(), kMostLines));
  std::string lines, best;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {  // the best on top
    const SearchRun& run = page.runs[*i];
    const double place = place_of(scores, run);
    std::string points, dots;
    for (std::size_t a = 0; a < scales.size(); ++a) {
      const double x = kSide + width * (a < run.values.size() ? scales[a].of_text(run.values[a]) : place);
      points += text(a == 0 ? "" : " ", n(x), ",", n(y(a)));
      dots += text("<circle class=\"best\" cx=\"", n(x), "\" cy=\"", n(y(a)), "\" r=\"4\"/>\n");
    }
    const std::string title = text("<title>", escaped(run_text(page, run)), "</title>");
    if (is_best(page, *i)) {
      best = text("<polyline class=\"bestline\" points=\"", points, "\">", title, "</polyline>\n", dots);
    } else {
      lines += text("<polyline class=\"line\" stroke=\"", colour(page.lower_is_better ? 1 - place : place), "\" points=\"",
                    points, "\">", title, "</polyline>\n");
    }
  }
  std::string out = open_svg(height, text("Parallel coordinates of ", order.size(), " trials; the best is ",
                                          page.best ? run_text(page, page.runs[*page.best]) : std::string("not known yet")));
  out += lines + best;
  for (std::size_t a = 0; a < scales.size(); ++a) {
    out += text("<line class=\"axis\" x1=\"", n(kSide), "\" x2=\"", n(kWidth - kSide), "\" y1=\"", n(y(a)), "\" y2=\"", n(y(a)),
                "\"/>\n");
    out += tick_labels(scales[a], kSide, width, y(a));
    const bool is_score = a == page.axes.size();
    out += label(2, y(a) - 12, "start",
                 is_score
                     ? page.metric + (page.lower_is_better ? ", validation (left is better)" : ", validation (right is better)")
                     : page.axes[a].name + (scales[a].log ? " (log)" : ""),
                 "name");
  }
  return out + "</svg>\n";
}

std::string best_so_far_figure(const SearchPage& page) {
  const Scale scores = score_scale(page);
  double total = 0;
  for (const SearchRun& run : page.runs) total += run.failure.empty() ? static_cast<double>(run.visits) : 0;
  Scale cost{0, std::max(total, 1.0), false, {}, {}};
  for (const double t : round_ticks(0, cost.high)) cost.ticks.emplace_back(cost.at(t), count_text(t));
  double spent = 0;
  std::optional<double> best;
  std::string dots, path;
  for (std::size_t i = 0; i < page.runs.size(); ++i) {
    const SearchRun& run = page.runs[i];
    if (!run.failure.empty() || run.score.count == 0) continue;
    spent += static_cast<double>(run.visits);
    const double score = run.score.mean, x = plot_x(cost.at(spent));
    const bool better = !best || (page.lower_is_better ? score < *best : score > *best);
    if (better) {
      path += best ? text("H", n(x), "V", n(plot_y(place_of(scores, run))))
                   : text("M", n(x), " ", n(plot_y(place_of(scores, run))));
      best = score;
    }
    dots += dot(x, plot_y(place_of(scores, run)), is_best(page, i),
                run_text(page, run) + text(", after ", count_text(spent), " images"));
  }
  if (best) path += text("H", n(plot_x(1)));
  std::string out = open_svg(kHeight, text("Best ", page.metric, " so far over images visited: ",
                                           best ? score_text(*best) : std::string("none"), " after ", count_text(total)));
  out += score_frame(page, scores, "images visited in training, so far") +
         tick_labels(cost, plot_x(0), plot_x(1) - plot_x(0), plot_y(0));
  if (best) out += text("<path class=\"so-far\" d=\"", path, "\"/>\n");
  return out + dots + "</svg>\n";
}

std::string option_figure(const SearchPage& page, std::size_t axis) {
  const Scale scores = score_scale(page), scale = scale_of(page.axes[axis]);
  const std::string& name = page.axes[axis].name;
  std::string dots, means;
  std::map<std::string, std::pair<double, int>> sums;
  const std::vector<std::size_t> order = ranked_runs(page);
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    const SearchRun& run = page.runs[*i];
    const std::string& value = run.values[axis];
    dots += dot(plot_x(scale.of_text(value)), plot_y(place_of(scores, run)), is_best(page, *i), run_text(page, run));
    sums[value].first += run.score.mean;
    ++sums[value].second;
  }
  std::string spoken;
  for (const std::string& value : page.axes[axis].values) {
    if (!sums.contains(value)) continue;
    const double mean = sums[value].first / sums[value].second, x = plot_x(scale.of_text(value)),
                 y = plot_y(std::clamp(scores.at(mean), 0.0, 1.0));
    means += text("<line class=\"mean\" x1=\"", n(x - 9), "\" x2=\"", n(x + 9), "\" y1=\"", n(y), "\" y2=\"", n(y), "\"/>\n");
    spoken += text(spoken.empty() ? ": mean " : ", ", value.empty() ? "-" : value, " ", score_text(mean));
  }
  std::string out = open_svg(kHeight, text(page.metric, " by ", name, spoken));
  out += score_frame(page, scores, name + (scale.log ? " (log)" : ""));
  return out + tick_labels(scale, plot_x(0), plot_x(1) - plot_x(0), plot_y(0)) + means + dots + "</svg>\n";
}

}  // namespace vitrine::report
