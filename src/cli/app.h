// The command line as a whole: the table of commands, and their options (one file a command).
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "base/result.h"

namespace burin {

// What the chosen command does, once all options are read.
using Action = std::function<Status()>;

// Each adds its command to the parser; when that is the one chosen, it sets `action`.
void AddBenchCommand(CLI::App& app, Action& action);
void AddChatCommand(CLI::App& app, Action& action);
void AddEngraveCommand(CLI::App& app, Action& action);
void AddEvalCommand(CLI::App& app, Action& action);
void AddInspectCommand(CLI::App& app, Action& action);
void AddMaskCommand(CLI::App& app, Action& action);
void AddFitCommand(CLI::App& app, Action& action);
void AddPlaceCommand(CLI::App& app, Action& action);
void AddPresetsCommand(CLI::App& app, Action& action);
void AddReportCommand(CLI::App& app, Action& action);
void AddRtlCommand(CLI::App& app, Action& action);
void AddRunCommand(CLI::App& app, Action& action);
void AddServeCommand(CLI::App& app, Action& action);

// The option --json of a command.
void AddJsonOption(CLI::App& command, std::string& target);

// Reads the arguments and does what they say. Help and version are printed to standard output.
Status RunCommandLine(int argc, const char* const* argv);

}  // namespace burin
