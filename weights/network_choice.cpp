#include "weights/network_choice.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "base/error.h"
#include "weights/key_tables.h"

namespace vitrine {
namespace {

constexpr std::size_t kMostNetworks = 16;
constexpr std::size_t kShown = 40;  // characters of a key or prefix in a message

enum class Role { plain, averaged, none };  // none: of an optimiser, or an average by name of another network

struct Network {
  std::size_t dict = 0;
  std::string prefix;
  Role role = Role::plain;
};

bool ends_a_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }

// The words of a key, in lower case: "modelEma_1.params" has model, ema, 1, params.
std::vector<std::string> words_of(std::string_view key) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    const bool upper = c >= 'A' && c <= 'Z', before_lower = i > 0 && key[i - 1] >= 'a' && key[i - 1] <= 'z';
    if ((ends_a_word(c) || (upper && before_lower)) && !words.back().empty()) words.emplace_back();
    if (!ends_a_word(c)) words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return words;
}

bool says_average(std::string_view key) {
  constexpr std::string_view kWords[] = {"ema",    "swa",    "avg",     "average", "averaged", "averages",
                                         "moving", "shadow", "teacher", "polyak",  "momentum", "target"};
  return std::ranges::any_of(words_of(key), [&](const std::string& word) { return std::ranges::count(kWords, word) > 0; });
}

bool says_optimizer(std::string_view key) {
  constexpr std::string_view kParts[] = {"exp_avg",  "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg",
                                         "grad_avg", "grad",       "grads",          "gradients"};
  for (std::size_t at = 0; at <= key.size();) {
    const std::size_t end = std::min(key.find_first_of("./", at), key.size());
    const std::string_view part = key.substr(at, end - at);
    if (part.find("optim") != part.npos || part.find("Optim") != part.npos || std::ranges::count(kParts, part) > 0) return true;
    at = end + 1;
  }
  return false;
}

// "state_dict", "module.", "model_ema/module.", to be shown.
std::string label(const TensorDict& dict, const std::string& prefix) {
  if (dict.key.empty()) return prefix.empty() ? "the top" : text("'", printable(prefix, kShown), "'");
  return text("'", printable(dict.key, kShown), prefix.empty() ? "" : "/", printable(prefix, kShown), "'");
}

std::string joined(const std::vector<std::string>& parts, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i == most) return out + text(" and ", parts.size() - most, " more");
    out += (i > 0 ? ", " : "") + parts[i];
  }
  return out;
}

class Chooser {
 public:
  Chooser(const std::vector<TensorDict>& dicts, WeightSet wanted, std::string_view file)
      : dicts_(dicts), wanted_(wanted), file_(file) {}

  NetworkChoice choose() {
    find_networks();
    drop_averages_of_others();
    std::vector<const Network*> plain, averages;
    for (const Network& n : networks_) {
      if (n.role != Role::none) (n.role == Role::averaged ? averages : plain).push_back(&n);
    }
    if (plain.empty() && averages.empty()) return choose_unknown();
    if (wanted_ == WeightSet::averaged && averages.empty()) refuse_no_average(*plain[0]);
    const bool averaged = wanted_ == WeightSet::averaged || plain.empty();
    const std::vector<const Network*>& meant = averaged ? averages : plain;
    for (const Network* n : meant) {
      if (!same_tensors(*meant[0], *n)) refuse_two(*meant[0], *n, meant.size());
    }
    return chosen(*meant[0], meant, averaged ? plain : averages);
  }

 private:
  const TensorDict& dict(const Network& n) const { return dicts_[n.dict]; }
  std::string label_of(const Network& n) const { return label(dict(n), n.prefix); }

  void find_networks() {
    for (std::size_t d = 0; d < dicts_.size(); ++d) {
      std::vector<std::string_view> names;
      for (const TensorMention& t : dicts_[d].tensors) names.push_back(t.name);
      for (std::string& prefix : network_prefixes(names)) {
        if (networks_.size() == kMostNetworks)
          throw WeightsError(text(file_, ": it holds more than ", kMostNetworks, " networks; save the one you want alone"));
        Network n{d, std::move(prefix)};
        if (says_optimizer(dicts_[d].key) || says_optimizer(n.prefix)) {
          n.role = Role::none;
        } else if (is_average(n)) {
          n.role = Role::averaged;
        }
        networks_.push_back(std::move(n));
      }
    }
  }

  bool is_average(const Network& n) const {
    if (says_average(dict(n).key) || says_average(n.prefix)) return true;
    // torch.optim.swa_utils.AveragedModel: its own wrapper, and a counter beside it; other wrappers may lie within.
    constexpr std::string_view kWrapper = "module.";
    for (std::size_t at = n.prefix.find(kWrapper); at != std::string::npos; at = n.prefix.find(kWrapper, at + 1)) {
      const std::string counter = n.prefix.substr(0, at) + "n_averaged";
      if (std::ranges::any_of(dict(n).tensors, [&](const TensorMention& t) { return t.name == counter; })) return true;
    }
    return false;
  }

  using Index = std::unordered_map<std::string_view, const TensorMention*>;

  Index index_of(const Network& n) const {
    Index index;
    for (const TensorMention& t : dict(n).tensors) {
      if (t.name.starts_with(n.prefix)) index.emplace(t.name.substr(n.prefix.size()), &t);
    }
    return index;
  }

  // `b` has every tensor of `a`, each `equal` to it.
  template <class Equal>
  bool is_part(const Network& a, const Network& b, const Equal& equal) const {
    const Index other = index_of(b);
    for (const auto& [name, t] : index_of(a)) {
      const auto found = other.find(name);
      if (found == other.end() || !equal(*t, *found->second)) return false;
    }
    return true;
  }

  bool same_tensors(const Network& a, const Network& b) const {
    return index_of(a).size() == index_of(b).size() && is_part(a, b, [](const TensorMention& x, const TensorMention& y) {
             return x.place == y.place && x.shape == y.shape;
           });
  }

  // A teacher of another size is another network, not an average of this one: it is not offered as one.
  void drop_averages_of_others() {
    const auto same_shape = [](const TensorMention& x, const TensorMention& y) { return x.shape == y.shape; };
    for (Network& n : networks_) {
      if (n.role != Role::averaged) continue;
      bool any_plain = false, fits = false;
      for (const Network& plain : networks_) {
        if (plain.role != Role::plain) continue;
        any_plain = true;
        fits = fits || is_part(n, plain, same_shape);
      }
      if (!any_plain || fits) continue;
      n.role = Role::none;
      unlike_.push_back(label_of(n));
    }
  }

  [[noreturn]] void refuse_no_average(const Network& plain) const {
    const std::string beside = dict(plain).key.empty() && plain.prefix.empty() ? "" : text(" beside ", label_of(plain));
    throw WeightsError(text(file_, ": --ema asks for averaged weights, the file has none", beside,
                            unlike_.empty() ? std::string() : text(" (", unlike_[0], " is a network of another shape)"),
                            "; leave --ema out"));
  }

  [[noreturn]] void refuse_two(const Network& a, const Network& b, std::size_t count) const {
    throw WeightsError(text(file_, ": it holds ", count == 2 ? "two" : std::to_string(count), " networks, ", label_of(a),
                            " and ", label_of(b), count > 2 ? " among them" : "",
                            ", and nothing tells which is meant; save the one you want alone"));
  }

  // Behind `taken` stand those with the same tensors, and those of the other kind.
  NetworkChoice chosen(const Network& taken, const std::vector<const Network*>& same,
                       const std::vector<const Network*>& others) const {
    NetworkChoice choice{.dict = taken.dict, .prefix = taken.prefix};
    for (const Network& n : networks_) {
      if (n.dict == taken.dict && n.prefix != taken.prefix) choice.others.push_back(n.prefix);
    }
    std::string aside = dict(taken).key;
    for (const auto* list : {&same, &others}) {
      for (const Network* n : *list) {
        if (n != &taken && n->dict != taken.dict)
          aside += text(" (", printable(dict(*n).key), " is there too and was not read)");
      }
    }
    if (!dict(taken).key.empty()) choice.unwrapped = aside;
    if (!others.empty()) {
      choice.remarks.push_back(
          taken.role == Role::averaged
              ? text("the averaged weights ", label_of(taken), " were read, not ", label_of(*others[0]))
              : text(label_of(taken), " was read, not the averaged weights ", label_of(*others[0]), ", which --ema takes"));
    } else if (taken.role == Role::averaged) {
      choice.remarks.push_back(text("the averaged weights ", label_of(taken), " were read"));
    }
    for (const std::string& other : unlike_)
      choice.remarks.push_back(text(other, " is a network of another shape and was not read"));
    return choice;
  }

  // Of a network that no family describes: only `weights info` and `weights diff` have a use for it.
  NetworkChoice choose_unknown() const {
    std::size_t best = dicts_.size();
    for (std::size_t d = 0; d < dicts_.size(); ++d) {
      if (wanted_ == WeightSet::averaged && !says_average(dicts_[d].key)) continue;
      const auto rank = [&](std::size_t i) {
        return std::pair(!says_optimizer(dicts_[i].key) && (wanted_ == WeightSet::averaged || !says_average(dicts_[i].key)),
                         dicts_[i].tensors.size());
      };
      if (best == dicts_.size() || rank(d) > rank(best)) best = d;
    }
    if (best == dicts_.size())
      throw WeightsError(text(file_, ": --ema asks for averaged weights, the file has none; leave --ema out"));
    NetworkChoice choice{.dict = best, .unwrapped = dicts_[best].key};
    for (std::size_t d = 0; d < dicts_.size(); ++d) {
      if (d != best && !says_optimizer(dicts_[d].key) && !dicts_[best].key.empty() && !dicts_[d].key.empty())
        choice.unwrapped += text(" (", printable(dicts_[d].key), " is there too and was not read)");
    }
    for (bool more = true; more;) {
      more = false;
      for (const std::string_view wrapper : {"module.", "_orig_mod."}) {  // of PyTorch itself: DataParallel, torch.compile
        const std::string longer = choice.prefix + std::string(wrapper);
        if (!std::ranges::all_of(dicts_[best].tensors, [&](const TensorMention& t) {
              return t.name.starts_with(longer) && t.name.size() > longer.size();
            }))
          continue;
        choice.prefix = longer;
        more = true;
      }
    }
    return choice;
  }

  const std::vector<TensorDict>& dicts_;
  WeightSet wanted_;
  std::string_view file_;
  std::vector<Network> networks_;
  std::vector<std::string> unlike_;  // averages by name alone
};

}  // namespace

bool NetworkChoice::holds(std::string_view name) const {
  return name.starts_with(prefix) && (prefix.empty() || name.size() > prefix.size()) &&
         std::ranges::none_of(
             others, [&](const std::string& other) { return other.size() > prefix.size() && name.starts_with(other); });
}

bool NetworkChoice::of_another(std::string_view name) const {
  return std::ranges::any_of(others, [&](const std::string& other) { return name.starts_with(other); });
}

NetworkChoice choose_network(const std::vector<TensorDict>& dicts, WeightSet wanted, std::string_view file_name) {
  return Chooser(dicts, wanted, file_name).choose();
}

void note_choice(const NetworkChoice& choice, const std::vector<std::string>& left_out, const std::vector<std::string>& entries,
                 TensorFile& file) {
  constexpr std::size_t kListed = 30, kSaid = 4;
  file.remarks.insert(file.remarks.end(), choice.remarks.begin(), choice.remarks.end());
  if (!choice.unwrapped.empty()) file.metadata["unwrapped"] = choice.unwrapped;
  if (!choice.prefix.empty()) {
    file.metadata["stripped"] = choice.prefix;
    file.remarks.push_back(text("the prefix '", printable(choice.prefix, kShown), "' was dropped"));
  }
  if (!left_out.empty()) {
    file.remarks.push_back(
        text(left_out.size(), left_out.size() == 1 ? " tensor was" : " tensors were", " left out: ", joined(left_out, kSaid)));
  }
  std::vector<std::string> all = left_out;
  all.insert(all.end(), entries.begin(), entries.end());
  if (all.empty()) return;
  std::string& list = file.metadata["left_out"];
  list += (list.empty() ? "" : ", ") + joined(all, kListed);
}

TensorFile take_network(TensorFile file, WeightSet wanted, std::string_view file_name) {
  const auto format = file.metadata.find("format");
  if (format != file.metadata.end() && format->second.starts_with("vitrine.")) {
    if (wanted == WeightSet::averaged)
      throw WeightsError(
          text(file_name, ": --ema asks for averaged weights, a file of Vitrine's own has none; leave --ema out"));
    return file;
  }
  if (file.tensors.empty()) return file;
  std::vector<TensorDict> dicts(1);
  for (const StoredTensor& t : file.tensors)
    dicts[0].tensors.push_back({t.name, std::hash<std::string>()(t.shape.text()), t.offset});
  const NetworkChoice choice = choose_network(dicts, wanted, file_name);
  dicts.clear();
  std::vector<std::string> left_out;
  std::size_t kept = 0;
  for (StoredTensor& t : file.tensors) {
    if (choice.holds(t.name)) {
      t.name.erase(0, choice.prefix.size());
      std::swap(file.tensors[kept++], t);
    } else if (!choice.of_another(t.name)) {
      left_out.push_back(printable(t.name));
    }
  }
  file.tensors.resize(kept);
  note_choice(choice, left_out, {}, file);
  return file;
}

}  // namespace vitrine
