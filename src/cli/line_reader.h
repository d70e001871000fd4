// Lines from standard input that a signal may interrupt.
#pragma once

#include <optional>
#include <string>

namespace burin {

class LineReader {
 public:
  enum class Outcome { kLine, kEnd, kInterrupted };

  // The next message: a line; a line that ends in '\' goes on in the next. From a terminal, lines
  // that are there already belong to it too: somebody pasted them. kInterrupted: a signal came
  // before the line was whole; what was typed so far is dropped.
  Outcome Read(std::string& message);

 private:
  Outcome ReadLine(std::string& line);
  bool MoreIsWaiting() const;

  std::string buffer_;
};

}  // namespace burin
