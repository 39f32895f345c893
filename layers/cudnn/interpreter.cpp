#include "layers/cudnn/interpreter.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <list>

#include "base/error.h"
#include "tensor/bfloat16.h"
#include "tensor/parallel.h"

namespace vitrine::cuda::cudnn {
namespace {

constexpr std::size_t kMostSizes = 4;
using Place = std::int64_t[kMostSizes];

struct View {
  const Extent* extent;
  float* data;

  std::size_t rank() const { return extent->sizes.size(); }
  std::int64_t size(std::size_t d) const { return extent->sizes[d]; }
  std::int64_t stride(std::size_t d) const { return extent->strides[d]; }
  std::int64_t count() const {
    std::int64_t n = 1;
    for (const std::int64_t size : extent->sizes) n *= size;
    return n;
  }
  void place(std::int64_t i, Place& at) const {
    for (std::size_t d = rank(); d-- > 0; i /= size(d)) at[d] = i % size(d);
  }
  // Where a size is 1, every coordinate means the one element.
  float& at(const Place& place) const {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < rank(); ++d) offset += size(d) == 1 ? 0 : place[d] * stride(d);
    return data[offset];
  }
};

std::int64_t room_of(const Extent& e) {
  std::int64_t last = 0;
  for (std::size_t d = 0; d < e.sizes.size(); ++d) last += (e.sizes[d] - 1) * e.strides[d];
  return last + 1;
}

// y = f(place) for every place of y.
template <class Value>
void fill(const View& y, std::int64_t at_once, Value value) {
  parallel_for(y.count(), at_once, [&](std::int64_t first, std::int64_t last) {
    Place place{};
    for (std::int64_t i = first; i < last; ++i) {
      y.place(i, place);
      y.at(place) = static_cast<float>(value(place));
    }
  });
}

// A row or column of an input that a tap sees, or of an output that saw it: -1 outside.
std::int64_t seen(std::int64_t out, std::int64_t tap, std::int64_t before, std::int64_t stride, std::int64_t size) {
  const std::int64_t at = out * stride - before + tap;
  return at < size ? std::max<std::int64_t>(at, -1) : -1;
}
std::int64_t seen_by(std::int64_t in, std::int64_t tap, std::int64_t before, std::int64_t stride, std::int64_t size) {
  const std::int64_t at = in + before - tap;
  return at < 0 || at % stride != 0 || at / stride >= size ? -1 : at / stride;
}

double at(const View& t, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  return static_cast<double>(t.data[n * t.stride(0) + c * t.stride(1) + h * t.stride(2) + w * t.stride(3)]);
}

void convolution(const Step& step, const View& x, const View& w, const View& y) {
  const std::int64_t terms = w.size(1), width = w.size(0) / (x.size(1) / terms);  // of a group: channels in and out
  fill(y, 16, [&](const Place& o) {
    double sum = 0;
    for (std::int64_t r = 0; r < w.size(2); ++r) {
      const std::int64_t row = seen(o[2], r, step.padding.top, step.stride, x.size(2));
      for (std::int64_t s = 0; row >= 0 && s < w.size(3); ++s) {
        const std::int64_t column = seen(o[3], s, step.padding.left, step.stride, x.size(3));
        for (std::int64_t c = 0; column >= 0 && c < terms; ++c)
          sum += at(x, o[0], o[1] / width * terms + c, row, column) * at(w, o[1], c, r, s);
      }
    }
    return sum;
  });
}

void data_gradient(const Step& step, const View& dy, const View& w, const View& dx) {
  const std::int64_t terms = w.size(1), width = w.size(0) / (dx.size(1) / terms);
  fill(dx, 16, [&](const Place& i) {
    double sum = 0;
    for (std::int64_t r = 0; r < w.size(2); ++r) {
      const std::int64_t row = seen_by(i[2], r, step.padding.top, step.stride, dy.size(2));
      for (std::int64_t s = 0; row >= 0 && s < w.size(3); ++s) {
        const std::int64_t column = seen_by(i[3], s, step.padding.left, step.stride, dy.size(3));
        const std::int64_t first = i[1] / terms * width;
        for (std::int64_t k = first; column >= 0 && k < first + width; ++k)
          sum += at(dy, i[0], k, row, column) * at(w, k, i[1] % terms, r, s);
      }
    }
    return sum;
  });
}

void weight_gradient(const Step& step, const View& x, const View& dy, const View& dw) {
  const std::int64_t terms = dw.size(1), width = dw.size(0) / (x.size(1) / terms);
  fill(dw, 1, [&](const Place& t) {
    double sum = 0;
    for (std::int64_t n = 0; n < dy.size(0); ++n) {
      for (std::int64_t p = 0; p < dy.size(2); ++p) {
        const std::int64_t row = seen(p, t[2], step.padding.top, step.stride, x.size(2));
        for (std::int64_t q = 0; row >= 0 && q < dy.size(3); ++q) {
          const std::int64_t column = seen(q, t[3], step.padding.left, step.stride, x.size(3));
          if (column >= 0) sum += at(x, n, t[0] / width * terms + t[1], row, column) * at(dy, n, t[0], p, q);
        }
      }
    }
    return sum;
  });
}

void product(const View& a, const View& b, const View& y) {
  fill(y, 16, [&](const Place& o) {
    double sum = 0;
    for (std::int64_t k = 0; k < a.size(2); ++k)
      sum += static_cast<double>(a.at({o[0], o[1], k})) * static_cast<double>(b.at({o[0], k, o[2]}));
    return sum;
  });
}

double sigmoid(double u) { return 1 / (1 + std::exp(-u)); }

double value_of(Pointwise function, double a, double b) {
  switch (function) {
    case Pointwise::add: return a + b;
    case Pointwise::subtract: return a - b;
    case Pointwise::multiply: return a * b;
    case Pointwise::swish: return a * sigmoid(a);
    case Pointwise::sigmoid: return sigmoid(a);
    case Pointwise::swish_gradient: break;
  }
  const double s = sigmoid(a);
  return b * (s + a * s * (1 - s));
}

void pointwise(const Step& step, const std::vector<View>& in, const View& y) {
  fill(y, 1024, [&](const Place& place) {
    const double a = static_cast<double>(in[0].at(place));
    return value_of(step.function, a, in.size() > 1 ? static_cast<double>(in[1].at(place)) : 0);
  });
}

void reduction(const View& x, const View& y) {
  Extent inner = *x.extent;  // what belongs to one element of y
  for (std::size_t d = 0; d < inner.sizes.size(); ++d) inner.sizes[d] = y.size(d) == 1 ? x.size(d) : 1;
  const View terms{&inner, nullptr};
  const std::int64_t count = terms.count();
  fill(y, 16, [&](const Place& o) {
    double sum = 0;
    Place place{};
    for (std::int64_t i = 0; i < count; ++i) {
      terms.place(i, place);
      for (std::size_t d = 0; d < x.rank(); ++d) place[d] += y.size(d) == 1 ? 0 : o[d];
      sum += static_cast<double>(x.at(place));
    }
    return sum;
  });
}

void run(const Step& step, const std::vector<View>& in, const View& out) {
  switch (step.kind) {
    case Kind::convolution: return convolution(step, in[0], in[1], out);
    case Kind::data_gradient: return data_gradient(step, in[0], in[1], out);
    case Kind::weight_gradient: return weight_gradient(step, in[0], in[1], out);
    case Kind::product: return product(in[0], in[1], out);
    case Kind::pointwise: return pointwise(step, in, out);
    case Kind::reduction: return reduction(in[0], out);
  }
}

// Sizes of one step. An empty text where they fit.
std::string misfit(const Description& d, const Step& step) {
  const auto sizes = [&](std::size_t t) -> const std::vector<std::int64_t>& { return d.tensors[t].extent.sizes; };
  const std::vector<std::int64_t>& y = sizes(step.output);
  if (step.kind == Kind::pointwise || step.kind == Kind::reduction) {
    for (const std::size_t input : step.inputs) {
      const std::vector<std::int64_t>& x = sizes(input);
      if (x.size() != y.size()) return "another number of sizes";
      for (std::size_t i = 0; i < x.size(); ++i) {
        const bool fits = x[i] == y[i] || (step.kind == Kind::pointwise ? x[i] == 1 : y[i] == 1);
        if (!fits) return text("size ", i, " is ", x[i], " and ", y[i]);
      }
    }
    return "";
  }
  const std::vector<std::int64_t>&a = sizes(step.inputs[0]), &b = sizes(step.inputs[1]);
  if (step.kind == Kind::product)
    return a[2] == b[1] && a[1] == y[1] && b[2] == y[2] ? "" : text("product of ", a[2], " and ", b[1], " terms");
  const bool forward = step.kind == Kind::convolution, data = step.kind == Kind::data_gradient;
  const std::vector<std::int64_t>&x = data ? y : a, &w = forward || data ? b : y, &out = forward ? y : data ? a : b;
  const bool fits = x[0] == out[0] && w[0] == out[1] && w[1] > 0 && x[1] % w[1] == 0 && w[0] % (x[1] / w[1]) == 0 &&
                    out[2] == output_size(x[2], step.padding.top, step.padding.bottom, w[2], step.stride) &&
                    out[3] == output_size(x[3], step.padding.left, step.padding.right, w[3], step.stride);
  return fits ? "" : "a convolution of other sizes";
}

// A tensor in memory in bfloat16 is computed with in float32: a copy, which goes back where the tensor is written.
struct Widened {
  std::size_t tensor;
  BFloat16* memory;
  std::vector<float> values;
};

void give_back(const Widened& w) {
  for (std::size_t i = 0; i < w.values.size(); ++i) w.memory[i] = to_bfloat16(w.values[i]);
}

}  // namespace

void interpret(const Description& description, const std::vector<const void*>& memory) {
  description.check_memory(memory);
  std::vector<View> views;
  std::list<std::vector<float>> between;
  std::list<Widened> widened;
  std::size_t next = 0;
  for (std::size_t i = 0; i < description.tensors.size(); ++i) {
    const TensorPlan& t = description.tensors[i];
    const auto room = static_cast<std::size_t>(room_of(t.extent));
    if (t.is_virtual) {
      views.push_back({&t.extent, between.emplace_back(room).data()});
      continue;
    }
    void* const at = const_cast<void*>(memory[next++]);
    if (t.type != DType::bf16) {
      views.push_back({&t.extent, static_cast<float*>(at)});
      continue;
    }
    Widened& w = widened.emplace_back(Widened{i, static_cast<BFloat16*>(at), std::vector<float>(room)});
    for (std::size_t k = 0; k < room; ++k) w.values[k] = vitrine::widened(w.memory[k]);
    views.push_back({&t.extent, w.values.data()});
  }
  for (const Step& step : description.steps) {
    if (const std::string why = misfit(description, step); !why.empty())
      throw InternalError(text(description.what, ": a step does not fit: ", why));
    std::vector<View> in;
    for (const std::size_t input : step.inputs) in.push_back(views[input]);
    run(step, in, views[step.output]);
    for (const Widened& w : widened) {
      if (w.tensor == step.output) give_back(w);
    }
  }
}

}  // namespace vitrine::cuda::cudnn
