#include "nn/efficientnet/checkpoint_facts.h"

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "base/number.h"
#include "base/version.h"

namespace vitrine {
namespace {

// Rows of the file's classifier; 0 when it has none.
std::int64_t classes_of(const TensorFile& file, Family family) {
  const StoredTensor* bias = file.find(tensor_list(family, architecture("b0"), 1).back().key);
  return bias != nullptr && bias->shape.rank() == 1 ? bias->shape[0] : 0;
}

// Input channels of the file's first convolution; 3 when it has none.
std::int64_t channels_of(const TensorFile& file, Family family) {
  const StoredTensor* stem = file.find(tensor_list(family, architecture("b0"), 1).front().key);
  return stem != nullptr && stem->shape.rank() == 4 && stem->shape[1] >= 1 && stem->shape[1] <= 64 ? stem->shape[1] : 3;
}

// The architecture whose list the file fits exactly; empty when none does.
std::string architecture_of(const TensorFile& file, Family family, std::int64_t classes, std::int64_t channels) {
  std::size_t tensors = 0;
  for (const StoredTensor& t : file.tensors) tensors += is_counter(t.name) ? 0 : 1;
  for (const std::string& name : architecture_names()) {
    Architecture candidate = architecture(name);
    candidate.concat_pool = file.metadata.contains(kHeadKey);
    const std::vector<ListedTensor> list = tensor_list(family, candidate, classes, channels);
    if (list.size() == tensors && differences(file, list, Head::as_in_file).empty()) return name;
  }
  return {};
}

// The architecture with most tensors of the right shape in the file; empty when none has any.
std::string best_matching_architecture(const TensorFile& file, Family family, std::int64_t channels) {
  const auto index = index_of(file);
  std::string best;
  double best_share = 0;
  for (const std::string& name : architecture_names()) {
    double hits = 0, count = 0;
    for (const ListedTensor& t : tensor_list(family, architecture(name), 1000, channels)) {
      if (t.classifier) continue;
      ++count;
      const auto found = index.find(t.key);
      hits += found != index.end() && found->second->shape == t.shape ? 1 : 0;
    }
    const double share = hits / (count + static_cast<double>(file.tensors.size()));
    if (share > best_share) {
      best_share = share;
      best = name;
    }
  }
  return best;
}

// Everything that keeps `file` from being `list`, in one sentence.
[[noreturn]] void refuse_differences(const std::vector<std::string>& phrases, const TensorFile& file, Family family,
                                     const std::string& arch, std::int64_t channels, const std::string& file_name) {
  // As many as leave room in a line for the place in front and the advice behind.
  constexpr std::size_t kLine = 285, kPhrase = 120;
  const std::string best = best_matching_architecture(file, family, channels);
  const std::string advice =
      best.empty() || best == arch ? std::string() : text("; the file fits ", best, " best, pass --arch ", best);
  std::string message = text(file_name, ": ", phrases.size(), phrases.size() == 1 ? " tensor does" : " tensors do", " not fit ",
                             arch, " of ", family_name(family), ": ");
  std::size_t said = 0;
  for (; said < phrases.size(); ++said) {
    const std::string next = (said > 0 ? ", " : "") + one_line(phrases[said], kPhrase);
    const std::size_t rest = std::string_view(" and 99999 more").size() + advice.size();
    if (said > 0 && message.size() + next.size() + rest > kLine) break;
    message += next;
  }
  if (said < phrases.size()) message += text(" and ", phrases.size() - said, " more");
  throw WeightsError(message + advice);
}

// Views of one storage can announce more weights than the file has bytes.
void check_bytes(const TensorFile& file, const std::vector<ListedTensor>& list, const std::string& file_name) {
  constexpr std::uint64_t kSharedBytes = std::uint64_t{1} << 20;
  std::unordered_set<std::string_view> keys;
  for (const ListedTensor& t : list) keys.insert(t.key);
  std::unordered_set<const void*> sources;
  std::uint64_t needed = 0, held = kSharedBytes;
  for (const StoredTensor& t : file.tensors) {
    if (!keys.contains(t.name)) continue;
    needed += t.size_in_bytes();
    if (sources.insert(t.source.identity()).second) held += t.source.size();
  }
  if (needed > held)
    throw WeightsError(text(file_name, ": its tensors are views of the same bytes: ", needed,
                            " bytes of weights, the file has ", held - kSharedBytes,
                            "; save them with torch.save after .clone()"));
}

// The asked family, or the one that the keys tell.
Family resolve_family(const TensorFile& file, const std::string& asked, const std::string& file_name) {
  if (asked != "auto") {
    const auto family = family_from_name(asked);
    if (!family)
      throw UsageError(
          text("--from is '", asked, "'; choose auto, torchvision, timm, timm-tf, efficientnet-pytorch or tensorflow"));
    return *family;
  }
  const auto family = family_of(file);
  if (!family) {
    throw WeightsError(text(file_name, ": its keys fit no known EfficientNet family (first key '",
                            file.tensors.empty() ? std::string() : printable(file.tensors.front().name),
                            "'); pass --from if you know it"));
  }
  if (*family == Family::timm) {
    throw WeightsError(text(file_name,
                            ": its keys are timm's, which do not tell whether the weights expect PyTorch's padding or "
                            "TensorFlow's; pass --from timm (efficientnet_*) or --from timm-tf (tf_efficientnet_*)"));
  }
  return *family;
}

bool is_own(const TensorFile& file) {
  const auto format = file.metadata.find("format");
  return format != file.metadata.end() && format->second == kOwnFormat;
}

CheckpointFacts facts_of_own(const TensorFile& file, const CheckpointRequest& said, const std::string& file_name) {
  const std::string& arch = required_metadata(file.metadata, "vitrine.arch", file_name);
  const auto& known = architecture_names();
  if (std::find(known.begin(), known.end(), arch) == known.end()) {
    throw WeightsError(
        text(file_name, ": the metadata 'vitrine.arch' is '", printable(arch), "', which this version does not know"));
  }
  const std::string& classes_text = required_metadata(file.metadata, "vitrine.classes", file_name);
  std::int64_t classes = 0;
  if (!parse_number(classes_text, classes) || classes < 1 || classes > 1'000'000) {
    throw WeightsError(
        text(file_name, ": the metadata 'vitrine.classes' is '", printable(classes_text), "', 1 to 1000000 is expected"));
  }
  // Training always names an architecture: check_fit says there which tensors are in the way, and what to pass.
  const bool other = !said.arch.empty() && said.arch != arch;
  if (other && said.head == Head::as_in_file)
    throw WeightsError(text(file_name, ": it holds a ", arch, ", --arch says ", said.arch, "; leave --arch out"));
  CheckpointFacts facts{.own = true, .architecture = architecture(other ? said.arch : arch), .classes = classes};
  if (const auto kind = file.metadata.find(kHeadKey); kind != file.metadata.end()) {
    if (kind->second != kConcatPool)
      throw WeightsError(text(file_name, ": the metadata '", kHeadKey, "' is '", printable(kind->second), "', '", kConcatPool,
                              "' is expected"));
    facts.architecture.concat_pool = true;
  }
  facts.stated = read_semantics(file.metadata, facts.architecture, file_name);
  facts.trained_on = read_trained_on(file.metadata, classes, file_name);
  return facts;
}

CheckpointFacts facts_of_foreign(const TensorFile& file, const CheckpointRequest& said, const std::string& file_name) {
  if (!said.arch.empty()) architecture(said.arch);  // a typing error is told before anything about the file
  CheckpointFacts facts{.family = resolve_family(file, said.from, file_name)};
  const std::int64_t classes = classes_of(file, facts.family), channels = channels_of(file, facts.family);
  const std::string name = said.arch.empty() ? architecture_of(file, facts.family, classes, channels) : said.arch;
  if (name.empty()) {
    const std::string best = best_matching_architecture(file, facts.family, channels);
    if (best.empty())
      throw WeightsError(text(file_name, ": none of its tensors has a name and shape of ", family_name(facts.family)));
    const std::vector<ListedTensor> list =
        tensor_list(facts.family, architecture(best), std::max<std::int64_t>(1, classes), channels);
    refuse_differences(differences(file, list, Head::as_in_file), file, facts.family, best, channels, file_name);
  }
  facts.architecture = architecture(name);
  facts.classes = classes > 0 ? classes : 1000;
  facts.stated = published_semantics(facts.family, facts.architecture);
  facts.stated.channels = channels;
  return facts;
}

}  // namespace

std::vector<ListedTensor> check_fit(const TensorFile& file, Family family, const Architecture& arch, std::int64_t classes,
                                    std::int64_t channels, Head head, const std::string& file_name) {
  std::vector<ListedTensor> list = tensor_list(family, arch, classes, channels);
  if (const auto phrases = differences(file, list, head); !phrases.empty())
    refuse_differences(phrases, file, family, arch.name, channels_of(file, family), file_name);
  check_bytes(file, list, file_name);
  return list;
}

std::string later_format(const TensorFile& file) {
  const auto format = file.metadata.find("format"), made_by = file.metadata.find("vitrine.version");
  if (format == file.metadata.end() || !format->second.starts_with("vitrine.") || format->second == kOwnFormat) return {};
  return text("its format is '", printable(format->second), "', written by Vitrine ",
              made_by == file.metadata.end() ? std::string("of an unknown version") : printable(made_by->second), "; this is ",
              version(), ", which reads '", kOwnFormat, "'; update Vitrine");
}

CheckpointFacts checkpoint_facts(const TensorFile& file, const CheckpointRequest& said, const std::string& file_name) {
  if (const std::string later = later_format(file); !later.empty()) throw WeightsError(text(file_name, ": ", later));
  CheckpointFacts facts = is_own(file) ? facts_of_own(file, said, file_name) : facts_of_foreign(file, said, file_name);
  facts.semantics = with(said.semantics, facts.stated);
  check_fit(file, facts.family, facts.architecture, facts.classes, facts.channels(), said.head, file_name);
  return facts;
}

CheckpointIdentity identify(const TensorFile& file) {
  CheckpointIdentity identity;
  identity.own = is_own(file);
  identity.family = identity.own ? Family::timm : family_of(file);
  if (!identity.family) return identity;
  identity.classes = classes_of(file, *identity.family);
  identity.architecture = architecture_of(file, *identity.family, identity.classes, channels_of(file, *identity.family));
  return identity;
}

}  // namespace vitrine
