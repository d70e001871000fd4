#include "cli/console.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "base/output_file.h"

namespace burin {

Status CheckWritable(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return IoError(path, "is a folder", "the name of a file");
  }
  const bool direct = std::filesystem::is_other(path, ignored);  // a device or pipe
  if (!direct && !std::filesystem::is_directory(folder, ignored)) {
    return IoError(path, fmt::format("there is no folder {}", folder.string()), {},
                   "Make the folder first.");
  }
  const std::filesystem::path written = direct ? std::filesystem::path(path) : folder;
  if (::access(written.c_str(), W_OK) != 0) {
    return IoError(path, fmt::format("cannot write to {}: {}", written.string(),
                                     std::generic_category().message(errno)));
  }
  return {};
}

Status Console::Check() const {
  if (json_target_.empty() || json_target_ == "-") return {};
  return CheckWritable(json_target_);
}

void Console::Print(std::string_view text) const {
  if (json_target_ == "-") return;
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Console::Note(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

Status Console::WriteJson(const Json& value) const {
  if (json_target_.empty()) return {};
  const std::string text =
      value.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
  if (json_target_ != "-") return WriteFileAtomically(json_target_, text);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return {};
}

bool StderrIsTerminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string VersionText() { return "burin " BURIN_VERSION; }

std::string WithCommas(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string Paragraph(const std::string& label, const std::string& text) {
  constexpr size_t kColumns = 80, kLabel = 11;
  std::string out = label;
  out.resize(std::max(kLabel, label.size() + 1), ' ');
  size_t column = out.size();
  bool first = true;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!first && column + 1 + word.size() > kColumns) {
      out += "\n" + std::string(kLabel, ' ');
      column = kLabel;
      first = true;
    }
    if (!first) out += ' ', ++column;
    out += word;
    column += word.size();
    first = false;
  }
  return out + "\n";
}

double RoundTo(double value, int digits) {
  const double unit = std::pow(10.0, digits);
  const double rounded = std::round(value * unit) / unit;
  return std::isfinite(rounded) ? rounded : value;
}

std::string OneLine(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      clean += c;
    } else {
      clean += fmt::format("\\x{:02x}", byte);
    }
  }
  return clean;
}

}  // namespace burin
