#include "imaging/simulator/scan_options.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/number.h"
#include "tensor/math.h"
#include "tensor/philox.h"

namespace vitrine::imaging {
namespace {

// Draws of this file; a number that changes here changes every cohort with scan options.
constexpr std::uint32_t kScanOp = 2000, kSiteOp = 2100, kSiteChoiceOp = 2200, kFieldOp = 2300;
namespace scan_draw {
constexpr std::uint32_t kFamily = 0, kPlane = 1, kTilt = 2, kThickness = 8, kGap = 9, kInPlane = 10, kNoise = 11, kBias = 12,
                        kOrder = 13, kAngle = 20, kShift = 30, kPlace = 40;
}

constexpr std::array<const char*, 3> kFamilies{"spgr", "mprage", "se"};
constexpr std::array<const char*, 3> kPlanes{"axial", "sagittal", "coronal"};
constexpr double kGe = 44, kSiemens = 55, kPhilips = 2;  // Grossman et al. 2021
constexpr double kSitePattern = 0.5;                     // share of a field that its site gives

void check_range(const Range& r, const char* option, double low, double high) {
  if (r.is_set && !(r.low >= low && r.high <= high && r.low <= r.high))
    throw UsageError(text(option, " is ", r.low, ":", r.high, ", expected a number or LOW:HIGH from ", low, " to ", high));
}

template <std::size_t N>
void check_word(const std::string& word, const char* option, const std::array<const char*, N>& words) {
  if (word.empty() || word == "mix" || std::find(words.begin(), words.end(), word) != words.end()) return;
  std::string expected;
  for (const char* w : words) expected += std::string(w) + ", ";
  throw UsageError(text(option, " is '", word, "', expected ", expected, "or mix"));
}

double drawn(const Draw& draw, std::uint32_t i, const Range& range, double usual) {
  return range.is_set ? draw.uniform(i, range.low, range.high) : usual;
}

// Columns: the unit vectors of i, j and k in LPS.
Matrix3 plane_axes(const std::string& plane) {
  if (plane == "sagittal") return {0, 0, -1, 1, 0, 0, 0, -1, 0};  // to posterior, down, to the right
  if (plane == "coronal") return {1, 0, 0, 0, 0, 1, 0, -1, 0};    // to the left, down, to posterior
  return {1, 0, 0, 0, 1, 0, 0, 0, 1};
}

// A turn by `degrees` about an axis that is drawn in the slices.
Matrix3 tilted(const Matrix3& axes, double degrees, double direction) {
  if (degrees == 0) return axes;
  const double angle = degrees * std::numbers::pi / 180, c = cos_portable(angle), s = sin_portable(angle);
  const double x = cos_portable(direction), y = sin_portable(direction);
  const Matrix3 turn{
      c + x * x * (1 - c), x * y * (1 - c), y * s, x * y * (1 - c), c + y * y * (1 - c), -x * s, -y * s, x * s, c};
  Matrix3 out{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t col = 0; col < 3; ++col) {
      for (std::size_t n = 0; n < 3; ++n) out[3 * row + col] += axes[3 * row + n] * turn[3 * n + col];
    }
  }
  return nearest_rotation(out);
}

std::string one_of(const Draw& draw, std::uint32_t i, const std::string& word, const std::array<const char*, 3>& words,
                   const char* usual) {
  return word.empty() ? usual : word == "mix" ? words[draw.below(i, 3)] : word;
}

Sequence stretched(Sequence s, double factor) {
  s.tr_ms *= factor;
  s.te_ms *= factor;
  s.ti_ms *= factor;
  return s;
}

struct Shape {
  Matrix3 axes{1, 0, 0, 0, 1, 0, 0, 0, 1};
  Vec3 spacing{1, 1, 1};
  double thickness = 1;
};

Shape t1c_shape(const ScanOptions& o, const Draw& draw, double spacing) {
  Shape shape;
  const std::string plane = one_of(draw, scan_draw::kPlane, o.plane, kPlanes, "axial");
  shape.axes = tilted(plane_axes(plane), o.t1c_oblique, draw.uniform(scan_draw::kTilt, 0, 2 * std::numbers::pi));
  shape.thickness = o.t1c_thickness > 0 ? o.t1c_thickness : spacing;
  shape.spacing = {spacing, spacing, shape.thickness};
  return shape;
}

Shape thick_shape(const ScanOptions& o, const Draw& draw, Series series, const Site* site) {
  Shape shape;
  const double degrees = o.oblique > 0 ? draw.uniform(scan_draw::kTilt + 1, 0, o.oblique) : 0;
  shape.axes = tilted(shape.axes, degrees, draw.uniform(scan_draw::kTilt, 0, 2 * std::numbers::pi));
  const double in_plane = drawn(draw, scan_draw::kInPlane, o.in_plane_mm, site != nullptr ? site->in_plane_mm : 0.95);
  shape.thickness = drawn(draw, scan_draw::kThickness, o.slice_mm,
                          site != nullptr           ? site->slice_mm
                          : series == Series::flair ? 4.0
                                                    : 4.5);
  const double gap = drawn(draw, scan_draw::kGap, o.gap_mm, site != nullptr ? site->gap_mm : 0);
  shape.spacing = {in_plane, in_plane, shape.thickness + gap};
  return shape;
}

Scan one_scan(const ScannedHead& head, const ScanOptions& o, std::uint64_t seed, Series series, double t1c_spacing,
              const Site* site) {
  const std::uint32_t number = head.patient().number, s = static_cast<std::uint32_t>(series);
  const Draw draw{seed, Purpose::simulate, 0, number, kScanOp + s};
  const bool is_t1c = series == Series::t1c;
  const SeriesProtocol usual = series_protocol(head.anatomy(), seed, number, series, t1c_spacing);
  Scan scan;
  scan.series = series;
  scan.neck_mm = o.neck_mm;
  const std::string family = one_of(draw, scan_draw::kFamily, o.t1c, kFamilies, site != nullptr ? site->t1c.c_str() : "mprage");
  scan.sequence = is_t1c ? t1c_sequence(family) : series == Series::flair ? flair_sequence() : t2_sequence();
  if (site != nullptr) scan.sequence = stretched(scan.sequence, site->time_factor);
  scan.from_t1c.centre = head.anatomy().brain_centre();
  for (std::uint32_t c = 0; c < 3 && !is_t1c; ++c) {
    scan.from_t1c.angles[c] = draw.uniform(scan_draw::kAngle + c, -1, 1) * o.motion_degrees * std::numbers::pi / 180;
    scan.from_t1c.translation[c] = draw.uniform(scan_draw::kShift + c, -1, 1) * o.motion_mm;
  }
  const Shape shape =
      is_t1c ? t1c_shape(o, draw, site != nullptr ? site->t1c_mm : t1c_spacing) : thick_shape(o, draw, series, site);
  scan.grid = grid_around(head, scan.from_t1c, shape.axes, shape.spacing, o.neck_mm);
  // Grids of different series do not share their voxels' places.
  for (std::uint32_t c = 0; c < 3; ++c) scan.grid.origin[c] += draw.uniform(scan_draw::kPlace + c, -0.5, 0.5);
  scan.thickness_mm = shape.thickness;
  scan.samples = std::max(1, static_cast<int>(std::ceil(shape.thickness - 0.75)));  // every millimetre of a thick slice
  scan.noise = o.noise_percent.is_set ? drawn(draw, scan_draw::kNoise, o.noise_percent, 0) / 100
               : site != nullptr      ? site->noise
                                      : usual.noise;
  scan.noise_centre = o.noise_centre;
  scan.gain = site != nullptr ? site->gain : usual.gain;
  const double bias = o.bias_percent.is_set ? draw.uniform(scan_draw::kBias, o.bias_percent.low, o.bias_percent.high) / 100
                      : site != nullptr     ? site->bias
                                            : draw.uniform(scan_draw::kBias, 0.1, 0.4);
  scan.field = drawn_field(head, scan, o.bias_shape == "cosine" ? CoilField::Shape::cosine : CoilField::Shape::spline, bias,
                           seed, kFieldOp + s, site != nullptr ? static_cast<std::uint32_t>(site->number) : 0,
                           site != nullptr ? kSitePattern : 0);
  if (o.orders == "mix") {
    scan.stored = storage_codes()[draw.below(scan_draw::kOrder, static_cast<std::uint32_t>(storage_codes().size()))];
  } else if (!o.orders.empty()) {
    scan.stored = o.orders;
  } else {
    scan.stored.clear();  // as acquired
  }
  return scan;
}

}  // namespace

Range parse_range(const std::string& words, const std::string& option) {
  const std::size_t colon = words.find(':');
  Range range{0, 0, true};
  const std::string low = words.substr(0, colon), high = colon == std::string::npos ? low : words.substr(colon + 1);
  if (!parse_number(low, range.low) || !parse_number(high, range.high) || !(range.low <= range.high))
    throw UsageError(text(option, " is '", words, "', expected a number or LOW:HIGH"));
  return range;
}

bool ScanOptions::is_plain() const { return *this == ScanOptions{}; }

void check(const ScanOptions& o) {
  check_word(o.t1c, "--t1c", kFamilies);
  check_word(o.plane, "--plane", kPlanes);
  if (!(o.t1c_thickness == 0 || (o.t1c_thickness >= 0.5 && o.t1c_thickness <= 10)))
    throw UsageError(text("--t1c-thickness is ", o.t1c_thickness, ", expected 0.5 to 10 mm"));
  if (!(o.t1c_oblique >= 0 && o.t1c_oblique <= 44))
    throw UsageError(text("--t1c-oblique is ", o.t1c_oblique, ", expected 0 to 44 degrees"));
  if (!(o.oblique >= 0 && o.oblique <= 44)) throw UsageError(text("--oblique is ", o.oblique, ", expected 0 to 44 degrees"));
  if (!(o.neck_mm == -1 || (o.neck_mm >= 0 && o.neck_mm <= 80)))
    throw UsageError(text("--neck is ", o.neck_mm, ", expected 0 to 80 mm"));
  check_range(o.slice_mm, "--slice", 1, 10);
  check_range(o.gap_mm, "--gap", 0, 5);
  check_range(o.in_plane_mm, "--in-plane", 0.3, 3);
  check_range(o.noise_percent, "--noise", 0, 30);
  check_range(o.bias_percent, "--bias", 0, 100);
  if (!(o.noise_centre >= 1 && o.noise_centre <= 4))
    throw UsageError(text("--noise-centre is ", o.noise_centre, ", expected 1 to 4"));
  if (!o.bias_shape.empty() && o.bias_shape != "spline" && o.bias_shape != "cosine")
    throw UsageError(text("--bias-shape is '", o.bias_shape, "', expected spline or cosine"));
  if (!(o.motion_mm >= 0 && o.motion_mm <= 40)) throw UsageError(text("--motion is ", o.motion_mm, ", expected 0 to 40 mm"));
  if (!(o.motion_degrees >= 0 && o.motion_degrees <= 40))
    throw UsageError(text("--rotation is ", o.motion_degrees, ", expected 0 to 40 degrees"));
  if (!o.orders.empty() && o.orders != "mix" &&
      std::find(storage_codes().begin(), storage_codes().end(), o.orders) == storage_codes().end())
    throw UsageError(text("--orders is '", o.orders, "', expected three letters of R L A P I S, one of each pair, or mix"));
  if (o.sites < 0 || o.sites > 1000) throw UsageError(text("--sites is ", o.sites, ", expected 0 to 1000"));
  if (!(o.kappa >= 0 && o.kappa <= 1)) throw UsageError(text("--kappa is ", o.kappa, ", expected 0 to 1"));
  if (o.kappa > 0 && o.sites < 2) throw UsageError(text("--kappa needs at least two sites; give --sites"));
}

Site drawn_site(std::uint64_t seed, int number) {
  const Draw draw{seed, Purpose::simulate, 0, static_cast<std::uint32_t>(number), kSiteOp};
  Site site;
  site.number = number;
  const double vendor = draw.uniform(0, 0, kGe + kSiemens + kPhilips), sequence = draw.uniform(1);
  if (vendor < kGe) {
    site.vendor = "GE";
    site.t1c = sequence < 0.75 ? "spgr" : "se";
  } else if (vendor < kGe + kSiemens) {
    site.vendor = "Siemens";
    site.t1c = sequence < 0.75 ? "mprage" : "se";
  } else {
    site.vendor = "Philips";
    site.t1c = sequence < 0.75 ? "spgr" : "se";
  }
  site.time_factor = draw.uniform(2, 0.9, 1.1);
  site.t1c_mm = draw.uniform(3, 0.9, 1.2);
  site.slice_mm = draw.uniform(4, 3, 6);
  site.gap_mm = draw.uniform(5, 0, 1);
  site.in_plane_mm = draw.uniform(6, 0.43, 0.94);
  site.gain = 100 * exp_portable(draw.uniform(7, log_portable(0.2), log_portable(20)));
  site.noise = draw.uniform(8, 0.01, 0.06);
  site.bias = draw.uniform(9, 0.1, 0.5);
  return site;
}

int site_of(const ScanOptions& o, std::uint64_t seed, std::uint32_t patient, bool is_sclc) {
  if (o.sites == 0) return -1;
  const Draw draw{seed, Purpose::simulate, 0, patient, kSiteChoiceOp};
  const auto sites = static_cast<std::uint32_t>(o.sites);
  if (draw.uniform(0) >= o.kappa) return static_cast<int>(draw.below(1, sites));
  const std::uint32_t of_class = is_sclc ? (sites + 1) / 2 : sites / 2;  // SCLC: 0, 2, ...; NSCLC: 1, 3, ...
  return static_cast<int>(2 * draw.below(2, of_class) + (is_sclc ? 0 : 1));
}

PatientScans patient_scans(const ScannedHead& head, const ScanOptions& o, std::uint64_t seed, double t1c_spacing) {
  const Patient& patient = head.patient();
  PatientScans scans;
  scans.site = site_of(o, seed, patient.number, patient.label == "SCLC");
  const Site site = scans.site < 0 ? Site{} : drawn_site(seed, scans.site);
  for (const Series s : {Series::t1c, Series::flair, Series::t2})
    scans.series[static_cast<std::size_t>(s)] = one_scan(head, o, seed, s, t1c_spacing, scans.site < 0 ? nullptr : &site);
  return scans;
}

}  // namespace vitrine::imaging
