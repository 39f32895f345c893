// Where the options of a run come from: defaults, --recipe, --config, the command line; and --dry-run, which says so and writes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

class Options : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    write_crops(folder / "m");
    const Outcome split =
        vitrine_program("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
    ASSERT_EQ(split.code, 0) << split.output;
  }
  std::string command(const std::string& name, const std::string& output, const std::string& more) const {
    return name + " " + path("m/manifest.csv") + " --splits " + path("s.json") + " -o " + path(output) + " -q --threads 1 " +
           more;
  }
  std::string config(const std::string& bytes) {
    write_file(folder / "run.toml", bytes);
    return "--config " + path("run.toml");
  }
  // The row of an option in the table that is printed: its words.
  static std::vector<std::string> row(const std::string& table, const std::string& name) {
    std::vector<std::string> words;
    const std::size_t at = ("\n" + table).find("\n" + name + " ");
    if (at == std::string::npos) return words;
    const std::string line = table.substr(at, table.find('\n', at) - at);
    for (std::size_t i = line.find_first_not_of(' '); i != line.npos; i = line.find_first_not_of(' ', i)) {
      std::size_t end = line.find("  ", i);
      if (end == line.npos) end = line.size();
      words.push_back(line.substr(i, end - i));
      i = end;
    }
    return words;
  }
  std::vector<std::string> everything() const {
    std::vector<std::string> names;
    for (const fs::path& p : entries_of(folder, true)) names.push_back(p.string());
    return names;
  }

  using Words = std::vector<std::string>;
};

TEST_F(Options, ADryRunShowsEveryOptionWithItsOriginAndWritesNothing) {
  const std::string given = config("epochs = 3\r\n[training]\r\nbatch-size = 4\r\n[network]\r\narch = \"lite0\"\r\n");
  for (const char* name : {"train", "cv"}) {
    const std::vector<std::string> before = everything();
    const Outcome dry =
        shell(std::string(VITRINE_PROGRAM) + " " +
              command(name, "none", "--dry-run --recipe paper --epochs 2 --no-augmentation " + given) + " 2>/dev/null");
    EXPECT_EQ(dry.code, 0);
    EXPECT_EQ(row(dry.output, "option"), (Words{"option", "value", "origin"}));
    EXPECT_EQ(row(dry.output, "inputs"), (Words{"inputs", "t1c+flair+t2", "default"}));
    EXPECT_EQ(row(dry.output, "epochs"), (Words{"epochs", "2", "command line"}));
    EXPECT_EQ(row(dry.output, "no-augmentation"), (Words{"no-augmentation", "true", "command line"}));
    EXPECT_EQ(row(dry.output, "batch-size"), (Words{"batch-size", "4", "run.toml:3"}));
    EXPECT_EQ(row(dry.output, "arch"), (Words{"arch", "lite0", "run.toml:5"}));
    EXPECT_EQ(row(dry.output, "mixup"), (Words{"mixup", "0.4", "recipe paper"}));
    EXPECT_EQ(row(dry.output, "weights"), (Words{"weights", "-", "default"}));
    EXPECT_EQ(row(dry.output, "device"), (Words{"device", "cpu", "default"}));
    EXPECT_TRUE(row(dry.output, "folds").empty()) << "the split is made already";
    EXPECT_EQ(everything(), before);
  }
  EXPECT_EQ(row(vitrine_program(command("cv", "none", "--dry-run --recipe demo")).output, "epochs"),
            (Words{"epochs", "24", "recipe demo"}));
}

TEST_F(Options, ADryRunRefusesWhatTheRunWouldRefuse) {
  const auto dry = [&](const std::string& more) { return command("train", "none", "--dry-run --arch lite0 " + more); };
  expect_refusal(dry("--fold 2"), 2, {"--fold is 2", "0 to 1"});
  expect_refusal(command("cv", "none", "--dry-run --jobs 0"), 2, {"--jobs is 0"});
  expect_refusal(dry("--lr 0"), 2, {"--lr is 0, expected a number from 1e-12 to 1000"});
  expect_refusal(command("train", "none", "--dry-run --arch b9"), 2, {"b9"});
  expect_refusal(dry("--from tim"), 2, {"--from is 'tim'", "timm-tf"});
  expect_refusal(dry("--ema"), 2, {"--weights"});
  for (const char* flag : {"--ema=maybe", "--no-oversample=maybe", "--no-augmentation=99999999999999999999"})
    expect_refusal(dry(flag), 2, {"flag", "=true or =false", "vitrine train --help"});
  expect_refusal(dry("--inputs t3"), 2, {"--inputs is 't3'"});
  expect_refusal(dry("--weights " + path("none.pth")), 4, {"none.pth"});
  write_file(folder / "text.pth", "this is not a checkpoint at all, but it is long enough\n");
  expect_refusal(dry("--weights " + path("text.pth")), 4, {"text.pth"});
  fs::create_directories(folder / "claimed");
  write_file(folder / "claimed" / "config.json", "{\"version\": \"0\"}\n");
  expect_refusal(command("train", "claimed", "--dry-run"), 2, {"holds a run with other settings"});
  fs::rename(folder / "m" / "crops" / "S3_l1_s0.safetensors", folder / "away");
  expect_refusal(dry(""), 3, {"S3_l1_s0"});
  EXPECT_FALSE(fs::exists(folder / "none"));
}

// What a file says is recorded as if the command line had said it.
TEST_F(Options, ARunFromAFileIsTheRunFromTheCommandLine) {
  const std::string file = config(
      "\xEF\xBB\xBF# one epoch\nepochs = 1\nmixup = 0\n[network]\narch = \"lite0\"\ndrop-connect = 0.1\n[training]\nlr = 2e-3\n"
      "no-augmentation = true\nlr-scale = \"stem=0.5\" # slower\n[keeping]\nsave-every = 3\n");
  const Outcome a = vitrine_program(command("train", "a", file));
  ASSERT_EQ(a.code, 0) << a.output;
  const Outcome b = vitrine_program(command(
      "train", "b", "--epochs 1 --mixup 0 --arch lite0 --drop-connect 0.1 --lr 0.002 --no-augmentation --lr-scale stem=0.5"));
  ASSERT_EQ(b.code, 0) << b.output;
  for (const char* name : {"config.json", "fold_0/history.csv", "fold_0/preds_test.csv"})
    EXPECT_EQ(read_file(folder / "a" / name, 1u << 20), read_file(folder / "b" / name, 1u << 20)) << name;
  EXPECT_THAT(read_file(folder / "a" / "config.json", 1u << 20), HasSubstr("\"lr\": \"0.002\""));
}

TEST_F(Options, FilesThatAreNoneAreRefusedInASentence) {
  const auto refused = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    expect_refusal(command("cv", "none", "--dry-run " + config(bytes)), 2, parts);
  };
  refused("lr = 1e-3\nbatch-siz = 16\n", {"run.toml:2: ", "'batch-siz'", "is it batch-size?"});
  refused("batch-size = \"16\"\n", {"run.toml:1: ", "without quotes"});
  refused("[training]\nepochs = 0\n", {"run.toml:2: ", "--epochs is 0", "1 to 100000"});
  refused("epochs = 1\nepochs = 2\n", {"run.toml:2: ", "twice", "line 1"});
  refused("epochs = 1\n[training]\nepochs = 2\n", {"run.toml:3: ", "twice", "line 1"});
  refused("batch-size = 0x10\n", {"run.toml:1: ", "'0x10' begins with a zero", "in decimal"});
  refused("batch-size = 010\n", {"run.toml:1: ", "'010' begins with a zero"});
  refused("folds = 5\n", {"run.toml:1: ", "folds"});
  refused("", {"run.toml", "sets no option"});
  refused(std::string("\x7f"
                      "ELF\0\0\1",
                      7),
          {"run.toml:1: ", "control character"});
  refused(
      "\xff\xfe"
      "e\0",
      {"run.toml:1: ", "no UTF-8"});
  refused(std::string(1000000, 'a') + " = 1\n", {"run.toml:1: ", "no option"});
  refused("arch = \"" + std::string(1000000, 'a') + "\"\n", {"run.toml:1: ", "aaa"});
  refused("arch = \"b0\\n\\u001b[31m\"\n", {"run.toml:1: ", "escape"});
  refused("arch = \"b0\\nvitrine: ok\"\n", {"run.toml:1: ", "b0\\nvitrine"});
  expect_refusal(command("cv", "none", "--config " + path("none.toml")), 2, {"none.toml", "does not exist"});
  expect_refusal(command("cv", "none", "--config " + path("m")), 2, {"is a folder"});
  expect_refusal(command("cv", "none", "--config ''"), 2, {"--config", "is empty"});
  fs::resize_file(folder / "run.toml", std::uintmax_t{1} << 30);
  expect_refusal(command("cv", "none", "--config " + path("run.toml")), 2, {"run.toml", "1073741824"});
  expect_refusal(command("cv", "none", "--recipe papr"), 2, {"is it paper?"});
  EXPECT_FALSE(fs::exists(folder / "none"));
}

TEST_F(Options, AStudyIsTriedWithoutItsWork) {
  if (!has_itk()) {
    expect_refusal("study c.csv -o out --dry-run", 1, {"needs ITK"});
    return;
  }
  std::string cohort = "subject_id,label,t1c,flair,t2,mask\n";
  write_file(folder / "v.nii", "a volume that nobody opens");
  for (int i = 0; i < 6; ++i)
    cohort += "S" + std::to_string(i) + (i % 2 == 0 ? ",NSCLC" : ",SCLC") + ",v.nii,v.nii,v.nii,v.nii\n";
  write_file(folder / "cohort.csv", cohort);
  const std::string study = "study " + path("cohort.csv") + " -o " + path("out") + " --dry-run ";
  const std::vector<std::string> before = everything();
  const Outcome dry = vitrine_program(study + "--folds 2 --arch lite0");
  EXPECT_EQ(dry.code, 0) << dry.output;
  EXPECT_EQ(row(dry.output, "folds"), (Words{"folds", "2", "command line"}));
  EXPECT_EQ(row(dry.output, "split-seed"), (Words{"split-seed", "42", "default"}));
  EXPECT_TRUE(row(dry.output, "inputs").empty()) << "a study trains on all of them";
  EXPECT_EQ(everything(), before);
  expect_refusal(study + "--folds 5", 3, {"subjects", "fewer --folds"});
  expect_refusal(study + config("[split]\nfolds = 1\n"), 2, {"run.toml:2: ", "--folds is 1"});
  expect_refusal(study + config("inputs = \"t2\"\n"), 2, {"run.toml:1: ", "inputs"});
  fs::remove(folder / "v.nii");
  expect_refusal(study + "--folds 2", 3, {"v.nii"});
}

}  // namespace
}  // namespace vitrine::testing
