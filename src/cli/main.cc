// The program `burin`: exit code 0 on success, 2 for bad input or a refusal of the system, 130
// after Ctrl-C or SIGTERM.
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/app.h"

namespace {

constexpr int kExitFailure = 2;
constexpr int kExitInterrupted = 130;

int Fail(const burin::Error& error) {
  const bool interrupted = error.kind == burin::ErrorKind::kInterrupted;
  std::fflush(stdout);
  std::fprintf(stderr, "burin: %s%s\n", interrupted ? "" : "error: ", error.ToString().c_str());
  return interrupted ? kExitInterrupted : kExitFailure;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file above the limit is an error of write()
  try {
    const burin::Status status = burin::RunCommandLine(argc, argv);
    return status ? 0 : Fail(status.error());
  } catch (const std::bad_alloc&) {
    std::fputs("burin: error: memory: not enough for this model and these options\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "burin: error: unexpected: %s. Please report this.\n", error.what());
  }
  return kExitFailure;
}
