// The table of options: what is checked, what is recorded, and that recipes, files and the docs hold what it says.
#include "train/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/output.h"
#include "train/chosen_options.h"
#include "train/option_table.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

bool is_number(const OptionRow& row) { return !is_flag(row) && !is_text(row) && type_name(row) != "UINT"; }

std::string number_text(const OptionRow& row, double value) {
  return is_real(row) ? shortest(value) : std::to_string(static_cast<std::int64_t>(value));
}

// The nearest values outside.
std::pair<double, double> just_outside(const OptionRow& row) {
  if (!is_real(row)) return {row.low - 1, row.high + 1};
  return {std::nextafter(row.low, -1e300), row.below_high ? row.high : std::nextafter(row.high, 1e300)};
}

TEST(OptionTable, DefaultsAreAllowedAndReadBackTheSame) {
  EXPECT_NO_THROW(check_rows({}));
  std::set<std::string> names;
  for (const OptionRow& row : option_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(find_option(row.name), &row);
    RunOptions options;
    const std::string before = value_text(row, options);
    assign(row, options, before);
    EXPECT_EQ(value_text(row, options), before) << row.name;
  }
  EXPECT_EQ(find_option("batch_size"), nullptr);
  EXPECT_THROW(option_row("batch_size"), InternalError);
}

TEST(OptionTable, BordersAreAllowedAndWhatIsBeyondIsRefusedByAssignmentAndByCheck) {
  int numbers = 0;
  for (const OptionRow& row : option_rows()) {
    if (!is_number(row)) continue;
    ++numbers;
    EXPECT_LT(row.low, row.high) << row.name;
    RunOptions options;
    for (const double border : {row.low, row.below_high ? std::nextafter(row.high, 0) : row.high}) {
      assign(row, options, number_text(row, border));
      EXPECT_EQ(value_text(row, options), number_text(row, border)) << row.name;
      EXPECT_NO_THROW(check_rows(options)) << row.name << " " << border;
    }
    const auto [below, above] = just_outside(row);
    for (const double outside : {below, above}) {
      const std::string kept = value_text(row, options);
      EXPECT_THAT(refusal([&] { assign(row, options, number_text(row, outside)); }),
                  HasSubstr("--" + std::string(row.name) + " is "));
      EXPECT_EQ(value_text(row, options), kept) << "a value that is refused must not stay";
      // As a program that fills the members would meet it.
      RunOptions direct;
      const Member member = row.member(direct);
      if (auto* const* real = std::get_if<double*>(&member)) **real = outside;
      if (auto* const* whole = std::get_if<int*>(&member)) **whole = static_cast<int>(outside);
      if (auto* const* whole = std::get_if<std::int64_t*>(&member)) **whole = static_cast<std::int64_t>(outside);
      EXPECT_THAT(refusal([&] { check_rows(direct); }), HasSubstr("expected a")) << row.name << " " << outside;
    }
  }
  EXPECT_GT(numbers, 15);
}

TEST(OptionTable, RangesOfATrainingAreCheckedByCheck) {
  TrainOptions options;
  for (const double decay : {-1.0, 1e9, std::nan("")}) {
    options.optimizer.weight_decay = decay;
    EXPECT_THAT(refusal([&] { check(options); }),
                HasSubstr("--weight-decay is " + text(decay) + ", expected a number from 0 to 10"));
  }
  options = {};
  options.ema = true;
  EXPECT_THAT(refusal([&] { check(options); }), HasSubstr("pass --weights"));
  for (const char* name : {"arch", "from", "first-conv", "freeze", "lr-scale", "inputs", "tier", "precision"}) {
    RunOptions run;
    EXPECT_THAT(refusal([&] { assign(option_row(name), run, "nonsense"); }), HasSubstr("nonsense")) << name;
  }
}

TEST(OptionTable, ValuesThatAreNoneAreRefused) {
  RunOptions options;
  const auto refused = [&](const char* name, const std::string& value) {
    return refusal([&] { assign(option_row(name), options, value); });
  };
  for (const char* value : {"", "x", "1.5", "1e3", "0x10", " 3", "3 ", "++3", "+-3", "99999999999999999999", "4294967297"})
    EXPECT_THAT(refused("epochs", value), HasSubstr("expected a whole number from 1 to 100000")) << value;
  for (const char* value : {"", "x", "1,5", "0x1p-3", "inf", "nan", "1e999", "1e-999"})
    EXPECT_THAT(refused("lr", value), HasSubstr("expected a number from 1e-12 to 1000")) << value;
  for (const char* value : {"-1", "18446744073709551616", "1.0", ""})
    EXPECT_THAT(refused("seed", value), HasSubstr("expected a whole number from 0 to 2^64 - 1")) << value;
  EXPECT_THAT(refused("ema", "yes"), HasSubstr("expected true or false"));
  assign(option_row("epochs"), options, "+7");
  assign(option_row("lr"), options, "+.5");
  assign(option_row("seed"), options, "18446744073709551615");
  EXPECT_EQ(options.train.epochs, 7);
  EXPECT_EQ(options.train.lr, 0.5);
  EXPECT_EQ(options.train.seed, ~std::uint64_t{0});
}

// The split's options are checked again where splits are made, for whoever has no table: by the same borders.
TEST(OptionTable, ASplitHasTheBordersOfItsRows) {
  const auto refused = [](double fraction, int folds) {
    Manifest none;
    none.path = "no such manifest";
    return refusal([&] {
      try {
        make_splits(none, {fraction, folds, 1});
      } catch (const DataError&) {  // the options were accepted, and the manifest is looked for
      }
    });
  };
  const OptionRow &fraction = option_row("test-fraction"), &folds = option_row("folds");
  EXPECT_EQ(refused(fraction.low, static_cast<int>(folds.low)), "accepted");
  EXPECT_EQ(refused(std::nextafter(fraction.high, 0), static_cast<int>(folds.high)), "accepted");
  EXPECT_THAT(refused(just_outside(fraction).first, 2), HasSubstr("--test-fraction"));
  EXPECT_THAT(refused(fraction.high, 2), HasSubstr("--test-fraction"));
  EXPECT_THAT(refused(0, static_cast<int>(folds.low) - 1), HasSubstr("--folds"));
  EXPECT_THAT(refused(0, static_cast<int>(folds.high) + 1), HasSubstr("--folds"));
}

std::string described(const TrainOptions& options) {
  std::string lines;
  for (const auto& [name, value] : describe(options)) lines += name + " = " + value + "\n";
  return lines;
}

// Runs of this version hold this text: it may grow at its end, and no byte of it may change before the next minor version.
TEST(Recorded, TheTextOfTheDefaultsStays) {
  EXPECT_EQ(
      described({}),
      "arch = b0\ninputs = t1c+flair+t2\nweights = none\nfrom = none\nfirst_conv = replicate\nfreeze = none\n"
      "lr_scale = 1 for every part\nepochs = 100\nbatch_size = 16\n"
      "schedule = one-cycle-v2, lr / 25 -> lr -> lr / 1e5, up in 0.25 of the steps, momentum 0.95 -> 0.85 -> 0.95 (fast.ai 2)\n"
      "lr = 0.001\noptimizer = adam\nbeta1 = 0.9\nbeta2 = 0.99\nmomentum = 0.9\nalpha = 0.9\neps = 1e-05\n"
      "eps_place = after the correction\nweight_decay = 0.01\ndecay_vectors = no\nmixup = 0.4\nmixup_mode = sample\n"
      "label_smoothing = 0\nbalance = oversample by repeats\nhead = linear\nunfreeze_at = 0\ntrain_frozen_norm = no\n"
      "dropout = 0.2\ndrop_connect = 0.2\nbn_momentum = 0.1\n"
      "augmentation = yes\nrotate_degrees = 10\nzoom = 1.1\nwarp = 0\naffine_probability = 0.75\nlighting = 0.2\n"
      "lighting_probability = 0.75\nflip = horizontal\nseed = 42\n"
      "select = best epoch by validation accuracy, the first of equals\ntta = none\ncontrol = none\n"
      "tier = portable (float32, same bits on any thread count and vector width)\n");
}

TEST(Recorded, TheTextOfOtherValuesStays) {
  RunOptions o;
  for (const auto& [name, value] : std::vector<std::pair<const char*, const char*>>{{"arch", "lite3"},
                                                                                    {"inputs", "flair"},
                                                                                    {"weights", "some/where/w.pth"},
                                                                                    {"from", "timm-tf"},
                                                                                    {"ema", "true"},
                                                                                    {"dropout", "0.30000000000000004"},
                                                                                    {"drop-connect", "0"},
                                                                                    {"bn-momentum", "0"},
                                                                                    {"first-conv", "sum"},
                                                                                    {"freeze", "stage2"},
                                                                                    {"epochs", "7"},
                                                                                    {"batch-size", "3"},
                                                                                    {"lr", "1e-5"},
                                                                                    {"lr-scale", "stem=0.1"},
                                                                                    {"mixup", "0"},
                                                                                    {"label-smoothing", "0.05"},
                                                                                    {"no-oversample", "true"},
                                                                                    {"no-augmentation", "true"},
                                                                                    {"rotate", "12.5"},
                                                                                    {"zoom", "1"},
                                                                                    {"lighting", "0.125"},
                                                                                    {"weight-decay", "0.01"},
                                                                                    {"seed", "18446744073709551615"},
                                                                                    {"save-every", "9"},
                                                                                    {"retrain-damaged", "true"}})
    assign(option_row(name), o, value);
  o.train.more_devices.resize(1);
  EXPECT_EQ(
      described(o.train),
      "arch = lite3\ninputs = flair\nweights = w.pth\nfrom = timm-tf\nfirst_conv = sum\nfreeze = stage2\n"
      "lr_scale = stem=0.1\nepochs = 7\nbatch_size = 3\n"
      "schedule = one-cycle-v2, lr / 25 -> lr -> lr / 1e5, up in 0.25 of the steps, momentum 0.95 -> 0.85 -> 0.95 (fast.ai 2)\n"
      "lr = 1e-05\noptimizer = adam\nbeta1 = 0.9\nbeta2 = 0.99\nmomentum = 0.9\nalpha = 0.9\neps = 1e-05\n"
      "eps_place = after the correction\nweight_decay = 0.01\ndecay_vectors = no\nmixup = 0\nmixup_mode = sample\n"
      "label_smoothing = 0.05\nbalance = none\nhead = linear\nunfreeze_at = 0\ntrain_frozen_norm = no\n"
      "dropout = 0.30000000000000004\ndrop_connect = 0\nbn_momentum = as the weights'\n"
      "augmentation = no\nrotate_degrees = 12.5\nzoom = 1\nwarp = 0\naffine_probability = 0.75\nlighting = 0.125\n"
      "lighting_probability = 0.75\nflip = horizontal\nseed = 18446744073709551615\n"
      "select = best epoch by validation accuracy, the first of equals\ntta = none\ncontrol = none\n"
      "tier = portable (float32, same bits on any thread count and vector width)\nema = yes\ndevices = 2\n");
}

// Another allowed value of a text.
std::string other_text(const OptionRow& row) {
  static const std::map<std::string, std::string> others{
      {"schedule", "flat"}, {"optimizer", "sgd"}, {"mixup-mode", "batch"}, {"oversample-by", "draws"}, {"head", "concat-pool"},
      {"flip", "none"},     {"select", "last"},   {"monitor", "auc"},      {"control", "background"},  {"tta", "both"}};
  const auto found = others.find(row.name);
  return found == others.end() ? "other" : found->second;
}

// A row that decides results is recorded, under one name; one that does not leaves the record as it is.
TEST(Recorded, EveryRowIsRecordedOnceOrNotAtAll) {
  for (const OptionRow& row : option_rows()) {
    const std::string group = row.group;
    EXPECT_EQ(row.recorded != nullptr, group == "data" || group == "network" || group == "training" || group == "choice")
        << row.name;
    RunOptions options;
    options.train.weights = "w.pth";
    options.train.ema = true;
    const std::string before = described(options.train);
    if (row.recorded != nullptr) {
      int times = 0;
      for (const auto& [name, value] : describe(options.train)) times += name == row.recorded ? 1 : 0;
      EXPECT_EQ(times, 1) << row.name;
    }
    const std::string other = is_flag(row)     ? (value_text(row, options) == "true" ? "false" : "true")
                              : is_number(row) ? number_text(row, row.high > 1 ? row.high : row.high / 2)
                              : is_text(row)   ? ""
                                               : "7";
    const Member member = row.member(options);
    if (auto* const* value = std::get_if<std::string*>(&member)) {
      **value = other_text(row);
    } else {
      assign(row, options, other);
    }
    EXPECT_EQ(described(options.train) != before, row.recorded != nullptr) << row.name;
  }
}

TEST(Recipes, ThePaperIsTheDefaultAndSetsEveryValueThatItStates) {
  const std::vector<std::string_view> all{"data", "split", "network", "training", "choice", "keeping", "device"};
  ChosenOptions chosen(all);
  chosen.apply(find_recipe("paper"));
  EXPECT_EQ(described(chosen.values().train), described({}));
  // From other values back to the paper's: whatever decides results and is not the user's own is set.
  const std::set<std::string> users{
      "inputs", "split-seed",  "weights",           "from",  "ema",      "first-conv", "freeze", "lr-scale",
      "seed",   "unfreeze-at", "train-frozen-norm", "beta1", "momentum", "alpha"};
  for (const ChosenOptions::Line& line : chosen.lines()) {
    const std::string group = option_row(line.name).group;
    const bool decides = group != "keeping" && group != "device" && !users.contains(line.name);
    EXPECT_EQ(line.origin, decides ? "recipe paper" : "default") << line.name;
  }
  ChosenOptions demo(all);
  demo.apply(find_recipe("demo"));
  EXPECT_EQ(demo.values().train.epochs, 24);
  EXPECT_THAT(refusal([] { find_recipe("papr"); }), HasSubstr("is it paper?"));
  EXPECT_THAT(refusal([] { find_recipe("x"); }), HasSubstr("choose one of paper, fastai-v1, fastai-v2, plain, demo"));
}

class OptionFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("vitrine-options-" + std::to_string(::getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  void apply(const std::string& bytes) {
    write_file(folder / "run.toml", bytes);
    chosen.apply_file(folder / "run.toml");
  }
  void expect_refusal(const std::string& bytes, int line, const std::string& what) {
    chosen = ChosenOptions({"data", "network", "training", "choice", "keeping", "device"});
    const std::string message = refusal([&] { apply(bytes); });
    EXPECT_THAT(message, HasSubstr(line == 0 ? "run.toml" : "run.toml:" + std::to_string(line) + ": ")) << bytes;
    EXPECT_THAT(message, HasSubstr(what)) << bytes;
  }

  fs::path folder;
  ChosenOptions chosen{{"data", "network", "training", "choice", "keeping", "device"}};
};

TEST_F(OptionFile, WinsOverARecipeAndLosesToTheCommandLine) {
  chosen.apply(find_recipe("paper"));
  apply(
      "epochs = 30\n[training]\nbatch-size = 8\nlr = 1\nno-oversample = true\n[network]\narch = \"lite0\"\n[device]\ndevices = "
      "\"0,1\"\n");
  chosen.apply_word(option_row("epochs"), "40");
  const RunOptions& o = chosen.values();
  EXPECT_EQ(o.train.epochs, 40);
  EXPECT_EQ(o.train.batch_size, 8);
  EXPECT_EQ(o.train.lr, 1);
  EXPECT_EQ(o.train.balance, Balance::none);
  EXPECT_EQ(o.train.arch, "lite0");
  EXPECT_EQ(o.device.together, "0,1");
  std::map<std::string, std::string> origins, values;
  for (const ChosenOptions::Line& line : chosen.lines()) origins[line.name] = line.origin, values[line.name] = line.value;
  EXPECT_EQ(origins.at("epochs"), "command line");
  EXPECT_EQ(origins.at("batch-size"), "run.toml:3");
  EXPECT_EQ(origins.at("mixup"), "recipe paper");
  EXPECT_EQ(origins.at("seed"), "default");
  EXPECT_EQ(values.at("epochs"), "40");
  EXPECT_EQ(values.at("no-oversample"), "true");
  EXPECT_FALSE(values.contains("folds")) << "an option that the command does not have";
}

TEST_F(OptionFile, NamesSectionsAndDoublesAreRefused) {
  expect_refusal("lr = 1\nbatch-siz = 16\n", 2, "'batch-siz' is no option that a file sets; is it batch-size?");
  expect_refusal("batch_size = 16\n", 1, "is it batch-size?");
  expect_refusal("jobs = 2\n", 1, "docs/training.md lists them");
  expect_refusal("[trainin]\nlr = 1\n", 1, "no section [trainin]; is it [training]?");
  expect_refusal("[x]\n", 1, "the sections are data, split, network");
  expect_refusal("[network]\nlr = 1\n", 2, "lr stands in [network]; it belongs in [training]");
  expect_refusal("lr = 1\n[training]\nlr = 1\n", 3, "lr is there twice, first in line 1");
  expect_refusal("[split]\nfolds = 5\n", 2, "this command has no option folds");
  expect_refusal("", 0, "sets no option");
  expect_refusal("# nothing\n[training]\n", 0, "sets no option");
}

TEST_F(OptionFile, ValuesOfAnotherTypeOrRangeAreRefused) {
  expect_refusal("batch-size = \"16\"\n", 1, "a text, 16; expected a whole number from 1 to 65536, without quotes");
  expect_refusal("batch-size = 16.0\n", 1, "a number with a fraction, 16.0; expected a whole number");
  expect_refusal("lr = \"1e-3\"\n", 1, "expected a number from 1e-12 to 1000, without quotes");
  expect_refusal("lr = true\n", 1, "expected a number");
  expect_refusal("arch = 0\n", 1, "expected a text in double quotes");
  expect_refusal("ema = \"true\"\n", 1, "expected true or false, without quotes");
  expect_refusal("ema = 1\n", 1, "expected true or false");
  expect_refusal("\nepochs = 0\n", 2, "--epochs is 0, expected a whole number from 1 to 100000");
  expect_refusal("epochs = 99999999999999999999\n", 1, "expected a whole number from 1 to 100000");
  expect_refusal("weight-decay = -1\n", 1, "--weight-decay is -1");
  expect_refusal("arch = \"b9\"\n", 1, "b9");
  expect_refusal("seed = -1\n", 1, "2^64 - 1");
}

TEST_F(OptionFile, TheExampleOfTheDocsIsAccepted) {
  const std::string docs = read_file(fs::path(VITRINE_SOURCE_DIR) / "docs" / "training.md", 1u << 20);
  const std::size_t begin = docs.find("```toml\n");
  ASSERT_NE(begin, std::string::npos);
  apply(docs.substr(begin + 8, docs.find("```", begin + 8) - begin - 8));
  EXPECT_EQ(chosen.values().train.epochs, 50);
}

TEST(OptionDocs, TheTableOfTheDocsIsThatOfTheProgram) {
  const std::string docs = read_file(fs::path(VITRINE_SOURCE_DIR) / "docs" / "training.md", 1u << 20);
  EXPECT_TRUE(docs.find("\n\n" + options_markdown() + "\n") != docs.npos) << "put this table into docs/training.md:\n"
                                                                          << options_markdown();
  for (const Recipe& recipe : recipes())
    EXPECT_TRUE(docs.find("`--recipe " + std::string(recipe.name) + "`") != docs.npos) << recipe.name;
}

}  // namespace
}  // namespace vitrine::testing
