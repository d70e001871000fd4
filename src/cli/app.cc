#include "cli/app.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>

#include "base/interrupt.h"
#include "cli/console.h"

namespace burin {
namespace {

constexpr size_t kHelpColumns = 80;
constexpr size_t kNameColumns = 26;

// Lines of at most kHelpColumns, and no more on a line than what the option is called.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kNameColumns); }

  std::string make_option(const CLI::Option* option, bool positional) const override {
    return Entry(make_option_name(option, positional) + make_option_opts(option),
                 make_option_desc(option));
  }
  // "TEXT" of option_text; no more: types and defaults are in the descriptions.
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_option_text().empty() ? "" : " " + option->get_option_text();
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return Entry(command->get_name(), command->get_description());
  }

 private:
  static std::string Entry(const std::string& name, const std::string& description) {
    std::string text = "  " + name;
    size_t column = text.size();
    auto new_line = [&] {
      text += "\n" + std::string(kNameColumns, ' ');
      column = kNameColumns;
    };
    if (column + 1 > kNameColumns) {
      new_line();
    } else {
      text.resize(kNameColumns, ' ');
      column = kNameColumns;
    }
    std::istringstream words(description);
    for (std::string word; words >> word;) {
      if (column > kNameColumns && column + 1 + word.size() > kHelpColumns) new_line();
      if (column > kNameColumns) text += " ", ++column;
      text += word;
      column += word.size();
    }
    return text + "\n";
  }
};

Status UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const std::string name = chosen.empty() ? "burin" : "burin " + chosen.front()->get_name();
  std::string found = error.what();
  while (!found.empty() && (found.back() == '\n' || found.back() == '.')) found.pop_back();
  return BadInput(name, OneLine(found), {}, "See " + name + " --help.");
}

// A first word that is no command; CLI11 would only say that one is needed.
Status CheckCommandName(const CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  std::string names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == argv[1]) return {};
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  return BadInput("burin", OneLine(argv[1]), "one of " + names, "See burin --help.");
}

Status FlushOutput() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return IoError("standard output", std::strerror(errno));
}

}  // namespace

void AddJsonOption(CLI::App& command, std::string& target) {
  command.add_option("--json", target, "Write the results as JSON; - means standard output")
      ->option_text("FILE");
}

Status RunCommandLine(int argc, const char* const* argv) {
  CLI::App app("Burin engraves Llama-family models into mask-ROM silicon.");
  app.name("burin");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", VersionText());
  app.require_subcommand(1);
  Action action;
  AddEngraveCommand(app, action);
  AddInspectCommand(app, action);
  AddRunCommand(app, action);
  AddChatCommand(app, action);
  AddServeCommand(app, action);
  AddEvalCommand(app, action);
  AddBenchCommand(app, action);
  AddMaskCommand(app, action);
  AddFitCommand(app, action);
  AddPlaceCommand(app, action);
  AddRtlCommand(app, action);
  AddPresetsCommand(app, action);
  AddReportCommand(app, action);
  BURIN_TRY(CheckCommandName(app, argc, argv));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);  // of the command that was named, if any
    return FlushOutput();
  } catch (const CLI::CallForVersion&) {
    std::puts(VersionText().c_str());
    return FlushOutput();
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  }
  BURIN_TRY(action());
  return FlushOutput();
}

}  // namespace burin
