// Arguments of vitrine_c.h: checked here, each once; the work is done by library/c/network.h.
#include "library/c/vitrine_c.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/version.h"
#include "library/c/call.h"
#include "library/c/handles.h"
#include "library/c/pictures.h"
#include "tensor/parallel.h"
#include "tensor/storage.h"

namespace vitrine::c {
namespace {

constexpr std::int64_t kLeastSide = 32, kMostSide = 16'384;
constexpr std::int64_t kMostValues = std::int64_t{1} << 34;

void require_pointer(const void* pointer, const char* name) {
  if (pointer == nullptr) throw UsageError(text(name, " is NULL"));
}

template <class T>
void require_array(const T* values, const char* name) {
  require_pointer(values, name);
  if (reinterpret_cast<std::uintptr_t>(values) % alignof(T) != 0)
    throw UsageError(text(name, " is at no address for its type: it is not a multiple of ", alignof(T)));
}

std::string path_from(const char* path) {
  require_pointer(path, "path");
  if (*path == '\0') throw UsageError("path is empty; name a file");
  return path;
}

std::string text_or(const char* given, const char* otherwise) { return given == nullptr ? otherwise : given; }

Opening opening_from(const vitrine_options* options) {
  if (options == nullptr) return {};
  require_array(options, "options");
  if (options->size != sizeof(vitrine_options))
    throw UsageError(text("options->size is ", options->size, ", sizeof(vitrine_options) is ", sizeof(vitrine_options),
                          "; begin with VITRINE_OPTIONS, and compile with this library's own header"));
  if (options->averaged != 0 && options->averaged != 1)
    throw UsageError(text("options->averaged is ", options->averaged, ", expected 0 or 1"));
  return {text_or(options->architecture, ""),
          text_or(options->family, "auto"),
          {text_or(options->padding, ""), text_or(options->norm, ""), text_or(options->interpolation, ""), options->resize,
           options->input_size},
          options->averaged == 1};
}

// The memory of a closed network is given back where its last owner lets go of it.
void destroy(Network* network) noexcept {
  delete network;
  release_cached_storage();
}

Images images_from(const float* values, const std::int64_t* shape, int layout, std::int64_t channels) {
  require_array(values, "images");
  require_array(shape, "shape");
  if (layout != VITRINE_NHWC && layout != VITRINE_NCHW)
    throw UsageError(text("layout is ", layout, ", expected VITRINE_NHWC (0) or VITRINE_NCHW (1)"));
  const bool first = layout == VITRINE_NCHW;
  const Images images{values, shape[0], shape[first ? 1 : 3], shape[first ? 2 : 1], shape[first ? 3 : 2], first};
  const auto refuse = [&](std::string_view expected) {
    throw UsageError(text("shape is [", shape[0], ", ", shape[1], ", ", shape[2], ", ", shape[3], "] in the order ",
                          first ? "NCHW" : "NHWC", "; ", expected));
  };
  if (images.count < 1) refuse("1 image or more is expected");
  if (images.channels != channels) refuse(text("the network takes ", channels, channels == 1 ? " channel" : " channels"));
  if (std::min(images.rows, images.columns) < kLeastSide || std::max(images.rows, images.columns) > kMostSide)
    refuse(text("rows and columns are expected to be ", kLeastSide, " to ", kMostSide));
  const std::int64_t pixels = images.rows * images.columns;
  if (pixels > kMostInputPixels) refuse(text("an image may have ", kMostInputPixels, " pixels"));
  if (images.count > kMostValues / (pixels * channels))
    refuse(text("a batch may have ", kMostValues, " values; pass it in parts"));
  return images;
}

bool overlap(const void* a, std::size_t a_bytes, const void* b, std::size_t b_bytes) {
  const auto x = reinterpret_cast<std::uintptr_t>(a), y = reinterpret_cast<std::uintptr_t>(b);
  return x < y ? y - x < a_bytes : x - y < b_bytes;
}

void run(const Network& network, const Images& images, float* logits, std::size_t capacity) {
  const auto classes = static_cast<std::uint64_t>(network.net().classes);
  require_array(logits, "logits");
  const std::uint64_t needed = static_cast<std::uint64_t>(images.count) * classes;
  if (capacity < needed)
    throw UsageError(text("capacity is ", capacity, ", ", images.count, images.count == 1 ? " image" : " images", " of ",
                          classes, " classes need ", needed));
  const std::uint64_t values = static_cast<std::uint64_t>(images.count * images.rows * images.columns * images.channels);
  if (overlap(images.values, values * sizeof(float), logits, needed * sizeof(float)))
    throw UsageError("logits overlaps images; give it memory of its own");
  network.run(images, {logits, needed});
}

// Where a picture's probabilities go.
std::span<double> room_for(const Network& network, double* probabilities, std::size_t capacity) {
  require_array(probabilities, "probabilities");
  const auto classes = static_cast<std::size_t>(network.net().classes);
  if (capacity < classes) throw UsageError(text("capacity is ", capacity, ", the network has ", classes, " classes"));
  return {probabilities, classes};
}

std::size_t stride_of(std::int64_t rows, std::int64_t columns, std::size_t row_stride) {
  if (rows < 1 || columns < 1 || rows > kMostPixels || columns > kMostPixels / rows)
    throw UsageError(
        text("the picture is ", rows, " x ", columns, " pixels, expected 1 x 1 or more, and at most ", kMostPixels, " in all"));
  const auto least = static_cast<std::size_t>(columns) * 3;
  if (row_stride == 0) return least;
  if (row_stride < least)
    throw UsageError(text("row_stride is ", row_stride, " bytes, a row of ", columns, " pixels has ", least));
  if (row_stride > std::numeric_limits<std::size_t>::max() / 2 / static_cast<std::size_t>(rows))
    throw UsageError(text("row_stride is ", row_stride, " bytes: ", rows, " such rows fit into no memory"));
  return row_stride;
}

void open(const char* path, const vitrine_options* options, vitrine_network** network) {
  require_array(network, "network");
  *network = nullptr;
  const std::string file = path_from(path);
  const Opening opening = opening_from(options);
  auto opened = std::make_unique<Network>(file, opening);
  std::shared_ptr<Network> shared(opened.release(), destroy);
  *network = handle_of(std::move(shared));
}

}  // namespace
}  // namespace vitrine::c

using namespace vitrine::c;

extern "C" {

const char* vitrine_version(void) { return vitrine::version().data(); }
const char* vitrine_last_error(void) { return last_error(); }
const char* vitrine_last_note(void) { return last_note(); }

int vitrine_set_threads(int threads) {
  return guarded_alone("vitrine_set_threads", [=] { set_threads(threads); });
}

int vitrine_threads(void) {
  return guarded_or(0, "vitrine_threads", [] { return vitrine::thread_count(); });
}

int vitrine_can_read_photographs(void) {
  forget_texts();
  return vitrine::can_read_photographs() ? 1 : 0;
}

int vitrine_open(const char* path, vitrine_network** network) {
  return guarded("vitrine_open", [=] { open(path, nullptr, network); });
}

int vitrine_open_with(const char* path, const vitrine_options* options, vitrine_network** network) {
  return guarded("vitrine_open_with", [=] { open(path, options, network); });
}

int vitrine_close(vitrine_network* network) {
  return guarded("vitrine_close", [=] {
    if (network != nullptr) close(network);
  });
}

int64_t vitrine_classes(const vitrine_network* network) {
  return guarded_or(std::int64_t{0}, "vitrine_classes", [=] { return network_of(network)->net().classes; });
}

int64_t vitrine_channels(const vitrine_network* network) {
  return guarded_or(std::int64_t{0}, "vitrine_channels", [=] { return network_of(network)->net().semantics.channels; });
}

int64_t vitrine_input_size(const vitrine_network* network) {
  return guarded_or(std::int64_t{0}, "vitrine_input_size", [=] { return network_of(network)->net().semantics.input_size; });
}

const char* vitrine_class_name(const vitrine_network* network, int64_t index) {
  return guarded_or<const char*>(nullptr, "vitrine_class_name", [=] {
    const auto open = network_of(network);
    if (index < 0 || index >= open->net().classes)
      throw vitrine::UsageError(vitrine::text("index is ", index, ", the classes are 0 to ", open->net().classes - 1));
    return open->class_name(index).c_str();
  });
}

const char* vitrine_architecture(const vitrine_network* network) {
  return guarded_or<const char*>(nullptr, "vitrine_architecture", [=] { return network_of(network)->net().arch.name.c_str(); });
}

int vitrine_normalization(const vitrine_network* network, float mean[3], float deviation[3]) {
  return guarded("vitrine_normalization", [=] {
    const auto open = network_of(network);
    require_array(mean, "mean");
    require_array(deviation, "deviation");
    std::ranges::copy(open->net().semantics.mean, mean);
    std::ranges::copy(open->net().semantics.std, deviation);
  });
}

int vitrine_run(const vitrine_network* network, const float* images, const int64_t shape[4], int layout, float* logits,
                size_t capacity) {
  return guarded("vitrine_run", [=] {
    const auto open = network_of(network);
    run(*open, images_from(images, shape, layout, open->net().semantics.channels), logits, capacity);
  });
}

int vitrine_predict_rgb(const vitrine_network* network, const uint8_t* rgb, int64_t rows, int64_t columns, size_t row_stride,
                        double* probabilities, size_t capacity) {
  return guarded("vitrine_predict_rgb", [=] {
    const auto open = network_of(network);
    require_pointer(rgb, "rgb");
    const std::size_t stride = stride_of(rows, columns, row_stride);
    const auto out = room_for(*open, probabilities, capacity);
    open->predict(picture_of(rgb, rows, columns, stride, open->photograph_request()), out);
  });
}

int vitrine_predict_photograph(const vitrine_network* network, const void* bytes, size_t size, double* probabilities,
                               size_t capacity) {
  return guarded("vitrine_predict_photograph", [=] {
    const auto open = network_of(network);
    require_pointer(bytes, "bytes");
    const auto out = room_for(*open, probabilities, capacity);
    open->predict(picture_of(std::string_view(static_cast<const char*>(bytes), size), open->photograph_request()), out);
  });
}

int vitrine_predict_file(const vitrine_network* network, const char* path, double* probabilities, size_t capacity) {
  return guarded("vitrine_predict_file", [=] {
    const auto open = network_of(network);
    const std::string file = path_from(path);
    const auto out = room_for(*open, probabilities, capacity);
    open->predict(picture_of_file(file, open->photograph_request()), out);
  });
}

}  // extern "C"
