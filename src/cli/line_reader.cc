#include "cli/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace burin {

LineReader::Outcome LineReader::ReadLine(std::string& line) {
  for (;;) {
    const size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      return Outcome::kLine;
    }
    char bytes[4096];
    const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (count > 0) {
      buffer_.append(bytes, static_cast<size_t>(count));
      continue;
    }
    if (count < 0 && errno == EINTR) {
      buffer_.clear();
      return Outcome::kInterrupted;
    }
    if (buffer_.empty()) return Outcome::kEnd;
    line.swap(buffer_);
    buffer_.clear();
    return Outcome::kLine;
  }
}

bool LineReader::MoreIsWaiting() const {
  if (!buffer_.empty()) return true;
  constexpr int kPasteMs = 20;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, kPasteMs) > 0 && (input.revents & POLLIN) != 0;
}

LineReader::Outcome LineReader::Read(std::string& message) {
  Outcome outcome = ReadLine(message);
  if (outcome != Outcome::kLine) return outcome;
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  std::string line;
  for (;;) {
    const bool goes_on = message.ends_with('\\');
    if (!goes_on && !(terminal && MoreIsWaiting())) return Outcome::kLine;
    if (goes_on) message.pop_back();
    outcome = ReadLine(line);
    if (outcome == Outcome::kInterrupted) return outcome;
    if (outcome == Outcome::kEnd) return Outcome::kLine;
    message += "\n" + line;
  }
}

}  // namespace burin
