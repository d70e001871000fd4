#include "mask/rules.h"

#include <gtest/gtest.h>

#include <set>

#include "base/mapped_file.h"
#include "mask/bank.h"

namespace burin::mask {
namespace {

std::string Text(const char* name) {
  return *ReadTextFile(std::string(BURIN_SOURCE_DIR "/data/rules/") + name + ".toml");
}

// The text without the line that starts with `"key" =`.
std::string Without(const std::string& text, const std::string& key) {
  const size_t at = text.find("\n\"" + key + "\" =");
  EXPECT_NE(at, std::string::npos) << key;
  return text.substr(0, at) + text.substr(text.find('\n', at + 1));
}

TEST(Rules, BothProcessesLoadAndGiveABank) {
  for (const char* name : {"sky130", "asap7"}) {
    const auto rules = Rules::Load(name);
    ASSERT_TRUE(rules) << rules.error().ToString();
    EXPECT_EQ(rules->name(), name);
    for (int lines : {8, 16}) {
      const auto bank = Bank::Create(*rules, {8, 4, lines, 2, 3});
      ASSERT_TRUE(bank) << bank.error().ToString();
    }
  }
}

// Rules of the files that the deck alone checks: what they ask for follows from others.
const std::set<std::string> kDeckOnly = {
    "active.to.tap",  "gate_cut.width", "local.area",     "line.area",      "n_select.space",
    "n_select.width", "nwell.width",    "p_select.space", "p_select.width", "p_tap.to.nwell",
    "tap.space",      "tap.width",      "gate.to.tap",    "via0.space",     "n_tap.in.nwell"};

TEST(Rules, TheLossOfAnyRuleNamesFileAndKeyOrLeavesTheDrawingAsItIs) {
  for (const char* name : {"sky130", "asap7"}) {
    const std::string text = Text(name);
    const auto rules = Rules::Parse(text, "x.toml");
    ASSERT_TRUE(rules) << rules.error().ToString();
    size_t named = 0;
    for (const auto& [key, rule] : rules->all()) {
      const auto less = Rules::Parse(Without(text, key), "x.toml");
      ASSERT_TRUE(less) << less.error().ToString();
      const auto bank = Bank::Create(*less, {4, 2, 8, 1, 1});
      if (bank) {
        // Optional: stricter values at line ends, and choices with a default.
        EXPECT_TRUE(kDeckOnly.contains(key) || key.ends_with(".ends") ||
                    key == "draw.taps_in_array" || key == "draw.column_grid" ||
                    key == "gate_contact.to.p_select" || key.starts_with("contact."))
            << name << " " << key;
        continue;
      }
      const std::string asked = key == "contact.width" ? "contact.size" : key;  // a bar, or squares
      EXPECT_EQ(bank.error().object, "x.toml: rules.\"" + asked + "\"");
      EXPECT_EQ(bank.error().found, "missing");
      ++named;
    }
    EXPECT_GT(named, 35u);
  }
}

// No value that a file may hold stops the program: a bank, or an error.
TEST(Rules, AnyRuleAtItsExtremesGivesABankOrAnError) {
  for (const char* name : {"sky130", "asap7"}) {
    const std::string text = Text(name);
    const auto rules = Rules::Parse(text, "x.toml");
    ASSERT_TRUE(rules) << rules.error().ToString();
    for (const auto& [key, rule] : rules->all()) {
      for (const int64_t value :
           {int64_t{-1000000}, int64_t{0}, int64_t{rules->grid()}, rule.nm * 3, int64_t{1000000}}) {
        const size_t at = text.find("nm = ", text.find("\n\"" + key + "\" =")) + 5;
        std::string changed = text;
        changed.replace(at, text.find(',', at) - at, std::to_string(value));
        const auto other = Rules::Parse(changed, "x.toml");
        if (!other) continue;
        const auto bank = Bank::Create(*other, {4, 2, 8, 1, 1});
        EXPECT_TRUE(bank || !bank.error().object.empty());
      }
    }
  }
}

TEST(Rules, BadFilesAreRefused) {
  const std::string text = Text("sky130");
  const auto refused = [](const std::string& bad) {
    const auto rules = Rules::Parse(bad, "x.toml");
    return rules ? std::string() : rules.error().ToString();
  };
  EXPECT_NE(refused("name = ").find("x.toml: line 1"), std::string::npos);
  EXPECT_NE(refused("name = \"x\"\n").find("no rule file"), std::string::npos);
  auto changed = [&](const std::string& from, const std::string& to) {
    std::string copy = text;
    const size_t at = copy.find(from);
    EXPECT_NE(at, std::string::npos);
    return copy.replace(at, from.size(), to);
  };
  EXPECT_NE(refused(changed("gds = [68, 20]", "gds = [68]")).find("layers.strap"),
            std::string::npos);
  EXPECT_NE(refused(changed("gds = [68, 20]", "gds = [68, 70000]")).find("70000"),
            std::string::npos);
  EXPECT_NE(refused(changed("strap = {", "strip = {")).find("layers.strap: missing"),
            std::string::npos);
  EXPECT_NE(refused(changed("nm = 140", "nm = 141")).find("a multiple of the grid, 5 nm"),
            std::string::npos);
  EXPECT_NE(refused(changed("nm = 140", "nm = 1.5")).find("no rule"), std::string::npos);
  EXPECT_NE(refused(changed("nm = 140", "nm = 2000000")).find("2000000"), std::string::npos);
  EXPECT_NE(refused(changed("grade = \"public rule\"", "grade = \"sure\"")).find("sure"),
            std::string::npos);
  EXPECT_NE(Rules::Load("sky131").error().ToString().find("sky130"), std::string::npos);
}

}  // namespace
}  // namespace burin::mask
