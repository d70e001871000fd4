// Ctrl-C and SIGTERM as a flag that long work asks for; the work then cleans up and returns
// kInterrupted.
#pragma once

namespace burin {

// From now on the first SIGINT or SIGTERM sets the flag; a second one ends the process at once.
void CatchInterrupts();

// True once a signal came.
bool InterruptRequested();

}  // namespace burin
